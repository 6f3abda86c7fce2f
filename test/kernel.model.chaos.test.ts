// The paths of the kernel chart on real threads: every transition of it is made to happen in a Worker.
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { createActor, fromCallback, setup, waitFor, type AnyMachineSnapshot } from 'xstate';
import { kernelLogic } from '../dist/src/kernels/kernel-logic.js';
import { systemClock } from '../dist/src/system/clock.js';
import { kernelMachine, type ChildReport } from '../machines/kernel.machine.ts';
import { parseChildSpec } from '../src/core/child-specs.ts';
import { ModelCoverage } from './support/model-coverage.ts';
import { livesIn } from './support/model.ts';
import { pathsThrough, wayOf, type Path } from './support/model-paths.ts';
import { RealThreads, withinMs } from './support/real-threads.ts';
import type { PathEvent } from './support/script.ts';

const error = { name: 'Error', message: 'no' };
const events: readonly PathEvent[] = [
  { type: 'kernel.start', atMs: 0 },
  { type: 'kernel.stop', how: 100, atMs: 0 },
  { type: 'kernel.stop', how: 'brutal_kill', atMs: 0 },
  { type: 'kernel.quarantine', untilMs: 1_000, atMs: 0 },
  { type: 'thread.started', epoch: 1, atMs: 0 },
  { type: 'thread.ready', startedMs: 1, adoptedStandby: false, atMs: 0 },
  { type: 'thread.start_failed', error, atMs: 0 },
  { type: 'thread.down', reason: { kind: 'threw', notice: 'last_words', error }, atMs: 0 },
  { type: 'thread.degraded', why: 'slow', atMs: 0 },
  { type: 'thread.healthy', atMs: 0 },
  { type: 'xstate.done.actor.startAlarm', output: { atMs: 10_000 } },
  { type: 'xstate.done.actor.stopAlarm', output: { atMs: 150 } },
  { type: 'xstate.error.actor.thread', error },
] as PathEvent[];

/** Where a thread can say this; commands can always be sent. */
const saidWhile: Readonly<Record<string, string>> = {
  'thread.started': 'attached.starting', 'thread.ready': 'attached.starting',
  'thread.start_failed': 'attached.starting', 'thread.down': 'attached',
  'thread.degraded': 'attached.running.healthy', 'thread.healthy': 'attached.running.degraded',
  // Attaching fails at once or never.
  'xstate.error.actor.thread': 'attached.starting',
};

const nothing = () => undefined;
const pure = kernelMachine.provide({
  actors: { thread: fromCallback(nothing) },
  actions: { publish: nothing, report: nothing, endThread: nothing, fence: nothing },
});
const chart = {
  machine: pure, input: { spec: parseChildSpec({ id: 'told', module: 'file:///k.js' }, 0) }, events,
  possible: (snapshot: AnyMachineSnapshot, event: PathEvent) => {
    const { [event.type]: where } = saidWhile;
    return livesIn(snapshot, event) && (where === undefined || isIn(snapshot.value, where))
      && (event.type !== 'xstate.error.actor.thread' || snapshot.context.epoch === 0);
  },
  summary: () => null, shape: ({ value }: AnyMachineSnapshot) => value, limit: 10_000, stop: undefined,
};

const isIn = (value: unknown, path: string) => [...namesOf(value)].some((name) => `${name}.`.startsWith(`${path}.`));
function* namesOf(value: unknown, before = ''): Generator<string> {
  if (typeof value === 'string') yield `${before}${value}`;
  else for (const [name, inner] of Object.entries(value as object)) yield* namesOf(inner, `${before}${name}.`);
}

const { shortest, longer, simple } = pathsThrough(chart, 100);
/** The shortest way to `stopping` never says ready. From the others a stop is ended in both ways too. */
const stopped = simple.filter((path) => isIn(path.at(-1)!.shape, 'attached.stopping')).flatMap((path) =>
  events.filter(({ type }) => type === 'thread.down' || type === 'xstate.done.actor.stopAlarm')
    .map((event): Path => [...path, { event, shape: 'down' }]));
const paths = [...shortest, ...simple, ...longer, ...stopped].filter((path) => path.length > 0);

/** A kernel actor on a real thread, under a parent that keeps what it reports. */
function live(path: Path, coverage: ModelCoverage) {
  const has = (type: string) => path.some(({ event }) => event.type === type);
  const isGhost = has('xstate.error.actor.thread');
  const threads = new RealThreads([{
    id: 'told',
    // Blocked in its start it does not hear that it shall stop; otherwise its stop() never resolves.
    startBlocks: has('xstate.done.actor.stopAlarm') && !has('thread.ready'),
    spec: {
      startDeadline: has('xstate.done.actor.startAlarm') ? '800ms' : '60s',
      liveness: { tardy: has('thread.degraded') ? '400ms' : '60s', silent: '120s' },
    },
  }]);
  const reports: ChildReport[] = [];
  const kernel = kernelLogic(threads.registry, { publish: () => undefined } as never, systemClock);
  const [spec] = threads.specs;
  // A kernel that the registry does not know: attaching to it fails.
  const input = { spec: isGhost ? { ...spec!, id: 'ghost' } : spec! };
  const parent = setup({ types: { events: {} as ChildReport }, actors: { kernel } }).createMachine({
    invoke: { id: 'kernel', src: 'kernel', input },
    on: { '*': { actions: ({ event }) => reports.push(event) } },
  });
  const taken: string[] = [];
  const actor = createActor(parent, { inspect: (event) => {
    coverage.inspect(event);
    if (event.type !== '@xstate.microstep' || event._transitions[0]?.source.machine.id !== 'kernel') return;
    taken.push(event.event.type);
  } });
  actor.subscribe({ error: assert.ifError });
  actor.start();
  const child = actor.getSnapshot().children['kernel']! as ReturnType<typeof createActor<typeof kernel>>;
  return { threads, reports, taken, actor, child, isGhost, isStoppedLate: has('xstate.done.actor.stopAlarm') };
}
type Live = ReturnType<typeof live>;

/** Makes happen what the event says. Where time has to go by, `waitFor` waits for it. */
async function play({ threads, child, isGhost, isStoppedLate }: Live, event: PathEvent): Promise<void> {
  const atMs = systemClock.now();
  const hadThread = typeof child.getSnapshot().value === 'object';
  switch (event.type) {
    case 'kernel.stop': {
      const { how } = event as unknown as { how: number | 'brutal_kill' };
      const withinItsTime = isStoppedLate ? how : withinMs;
      child.send({ type: 'kernel.stop', how: how === 'brutal_kill' ? how : withinItsTime, atMs });
      break;
    }
    case 'thread.ready':
      threads.becomesReady('told');
      break;
    case 'thread.start_failed':
      threads.failsToStart('told');
      break;
    case 'thread.degraded':
      threads.blocks('told');
      break;
    case 'thread.healthy':
      threads.goesOn('told');
      break;
    case 'thread.down': {
      const { value } = child.getSnapshot();
      if (isIn(value, 'attached.stopping')) threads.stops('told');
      else if (isIn(value, 'attached.running.healthy')) threads.throwsInWork('told');
      else await threads.isEnded('told');
      break;
    }
    default:
      // The registry says that it started a thread, and the alarms ring, by themselves.
      if (event.type.startsWith('kernel.')) child.send({ ...event, atMs } as never);
  }
  // An end can only be proven by a Worker that is known.
  if (event.type === 'kernel.start' && !hadThread && !isGhost) await threads.meet('told');
}

describe(`kernel: ${paths.length} paths on real threads`, () => {
  const coverage = new ModelCoverage('kernel', kernelMachine);

  for (const path of paths) {
    const [, how] = path.map(({ event }) => (event as unknown as { how?: unknown }).how);
    test(`${wayOf(path)}${how === 'brutal_kill' ? ' (brutal)' : ''}`, async () => {
      const world = live(path, coverage);
      const { threads, reports, taken, child, actor, isGhost } = world;
      try {
        for (const [index, { event, shape }] of path.entries()) {
          const before = child.getSnapshot().value;
          const told = reports.length;
          await play(world, event);
          // A ghost is gone before its first state can be seen.
          if (isGhost && index === 0) continue;
          await waitFor(child, ({ value }) => JSON.stringify(value) === JSON.stringify(shape), { timeout: withinMs });
          const after = child.getSnapshot().value;
          if (event.type === 'thread.started') assert.equal(child.getSnapshot().context.epoch, 1);
          // It went where the path goes, and for the reason that the path names.
          const moved = JSON.stringify(before) !== JSON.stringify(after);
          if (moved || isGhost) assert.ok(taken.slice(-2).includes(event.type), `${event.type}: took ${taken.join()}`);
          if (typeof before !== 'object' || typeof after !== 'string') continue;
          await threads.exited('told');
          assert.equal(reports.length, told + 1, 'its end is told once');
          assert.match(reports.at(-1)!.type, /child\.(down|start_failed)/);
        }
        // Where the chart has a thread there is one, and where it has none the last one has exited.
        const { value } = child.getSnapshot();
        const worker = threads.registry.worker('told');
        assert.equal(worker !== undefined, typeof value === 'object');
      } finally {
        actor.stop();
        await threads.close();
      }
    });
  }

  test('took every transition of the chart', () => {
    assert.deepEqual(coverage.missing(), []);
  });
});
