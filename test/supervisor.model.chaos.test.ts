// Paths of the supervisor's rules, on real kernel threads: every status of a child, and every way to end.
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { createActor, fromTransition, waitFor } from 'xstate';
import { getShortestPaths } from '@xstate/graph';
import { alarmOn } from '../dist/machines/alarm.js';
import { kernelLogic } from '../dist/src/kernels/kernel-logic.js';
import { systemClock } from '../dist/src/system/clock.js';
import { supervisorMachine } from '../machines/supervisor.machine.ts';
import type { RestartType } from '../src/core/kernel.ts';
import {
  defaultPolicy, newSupervisor, supervise, type RestartPolicy, type Strategy, type SupervisorEvent,
  type SupervisorState,
} from '../src/core/supervision.ts';
import { parseChildSpec } from '../src/core/child-specs.ts';
import { RealThreads, withinMs, type Told } from './support/real-threads.ts';

const error = { name: 'Error', message: 'no' };
const reason = { kind: 'ended_from_outside', notice: 'worker_exit' } as const;

interface Variety {
  readonly strategy: Strategy;
  readonly policy: RestartPolicy | null;
  readonly critical: boolean;
}

/** Times that a path can wait for. Two deaths are allowed, the third one is too many. */
const policy: RestartPolicy = {
  ...defaultPolicy, windows: [{ restartsMax: 2, periodMs: 600_000 }], quarantineMs: 300, claimWindowMs: 300,
};
const varieties: readonly Variety[] = [
  ...(['one_for_one', 'one_for_all', 'rest_for_one'] as const)
    .map((strategy) => ({ strategy, policy: null, critical: false })),
  { strategy: 'one_for_one', policy, critical: false },
  { strategy: 'one_for_one', policy, critical: true },
];

const children = ({ policy: hasPolicy, critical }: Variety): Told[] =>
  (hasPolicy ? ['a'] : ['a', 'b']).map((id) => ({
    id,
    // Only when it is told to go on does it hear that it shall stop.
    startBlocks: true,
    spec: {
      critical, restart: (id === 'a' ? 'permanent' : 'temporary') as RestartType, shutdown: '60s', startDeadline: '60s',
      liveness: { tardy: '60s', silent: '120s' },
    },
  }));

const settingsOf = ({ strategy, policy: chosen }: Variety) => ({
  id: 'test', strategy, autoShutdown: 'never', policy: chosen,
  intensity: chosen ? null : { restartsMax: 1, periodMs: 600_000 },
}) as const;

const eventsOf = (ids: readonly string[], hasPolicy: boolean): SupervisorEvent[] => [
  { type: 'supervisor.boot', atMs: 0 },
  ...ids.flatMap((id): SupervisorEvent[] => [
    { type: 'child.started', id, atMs: 0 },
    { type: 'child.start_failed', id, error, atMs: 0 },
    { type: 'child.down', id, reason, atMs: 0 },
  ]),
  { type: 'child.terminate_requested', id: 'a', atMs: 0 },
  ...(hasPolicy ? [
    { type: 'child.claimed', id: 'a', by: 'inc', untilMs: 1e6, atMs: 0 } as const,
    { type: 'claims.released', by: 'inc', atMs: 0 } as const,
    { type: 'child.due', id: 'a', atMs: 1e5 } as const,
  ] : [{ type: 'child.restart_requested', id: 'a', by: 'x', force: false, emergency: false, atMs: 0 } as const]),
  { type: 'supervisor.stop', atMs: 0 },
];

/** What can happen to a child, one thing at a time: what waits in the mailbox has been said already. */
function possible({ booted, mailbox, children: all }: SupervisorState, event: SupervisorEvent): boolean {
  if (event.type === 'supervisor.boot') return !booted;
  if (!booted || mailbox.length > 0) return false;
  if (!('id' in event)) return event.type !== 'claims.released' || all.some(({ claimedBy }) => claimedBy !== null);
  const child = all.find(({ spec }) => spec.id === event.id);
  switch (event.type) {
    case 'child.started':
    case 'child.start_failed':
      return child?.status === 'starting';
    case 'child.down':
      return child?.status === 'alive' || child?.status === 'stopping';
    case 'child.due':
      return child?.status === 'waiting' && child.waitingFor !== 'claimer';
    case 'child.claimed':
      return child?.status === 'waiting' && child.waitingFor === 'claim';
    default:
      return child !== undefined;
  }
}

const shape = ({ children: all, plan, ended, mailbox }: SupervisorState) => JSON.stringify([
  all.map(({ spec, status, waitingFor, afterStop, overLimit }) => [spec.id, status, waitingFor, afterStop, overLimit]),
  plan?.kind, ended?.reason, mailbox.map(({ type }) => type),
]);

interface Step { readonly event: SupervisorEvent; readonly state: SupervisorState }

/** Of all shortest paths those that show something new: a status, a wait, a plan, an end. */
function pathsOf(variety: Variety): Step[][] {
  const told = children(variety);
  const specs = told.map(({ id, spec }, index) => parseChildSpec({ id, module: 'file:///k.js', ...spec }, index));
  const events = eventsOf(told.map(({ id }) => id), variety.policy !== null);
  const first = newSupervisor(settingsOf(variety), specs);
  const logic = fromTransition(
    (state: SupervisorState, event: SupervisorEvent) => supervise(state, event).state, first,
  );
  const deathsIn = (state: SupervisorState) => state.children.map(({ deaths }) => deaths[0]?.length ?? 0);
  const found = getShortestPaths(logic as never, {
    events: (({ context }: { context: SupervisorState }) =>
      context.ended ? [] : events.filter((event) => possible(context, event))) as never,
    serializeState: (state) => {
      const { context } = state as unknown as { context: SupervisorState };
      return shape(context) + context.window.length + deathsIn(context).join();
    },
    limit: 20_000,
    stopWhen: (({ context }: { context: SupervisorState }) => Math.max(...deathsIn(context)) > 4) as never,
  });
  const seen = new Set<string>();
  const ways = found.map((path) => {
    let state = first;
    return path.steps.slice(1).map(({ event }) => {
      state = supervise(state, event as unknown as SupervisorEvent).state;
      return { event: event as unknown as SupervisorEvent, state };
    });
  });
  // The longest first: what lies on their way needs no path of its own.
  return ways.toSorted((a, b) => b.length - a.length).filter((way) => {
    const news = way.flatMap(newsOf).filter((one) => !seen.has(one));
    for (const one of news) seen.add(one);
    return news.length > 0;
  });
}

const newsOf = ({ event, state }: Step): string[] => [
  ...state.children.map(({ spec, status, waitingFor }) => `${spec.id} is ${status} ${waitingFor ?? ''}`),
  `${event.type} in ${state.plan?.kind ?? 'no'} plan`,
  `ended: ${state.ended?.reason}`,
];

/** The chart over kernel actors over threads. */
function live(variety: Variety) {
  const threads = new RealThreads(children(variety));
  const kernel = kernelLogic(threads.registry, { publish: () => undefined } as never, systemClock);
  const actor = createActor(supervisorMachine.provide({
    actors: { alarm: alarmOn(systemClock) as never, kernel: kernel as never },
    actions: { publish: () => undefined, answer: () => undefined },
  }), { input: { settings: settingsOf(variety), specs: threads.specs } });
  actor.subscribe({ error: assert.ifError });
  actor.start();
  return { threads, actor };
}

/** Makes happen what the event says: to a thread, or as a request. An alarm rings by itself. */
async function play({ threads, actor }: ReturnType<typeof live>, event: SupervisorEvent): Promise<void> {
  const atMs = systemClock.now();
  const statusOf = (id: string) =>
    actor.getSnapshot().context.rules.children.find(({ spec }) => spec.id === id)?.status;
  switch (event.type) {
    case 'child.started':
      threads.becomesReady(event.id);
      break;
    case 'child.start_failed':
      threads.failsToStart(event.id);
      break;
    case 'child.down':
      if (statusOf(event.id) === 'stopping') threads.stops(event.id);
      else await threads.isEnded(event.id);
      break;
    case 'child.due':
      break;
    case 'child.claimed':
      actor.send({ ...event, untilMs: atMs + withinMs, atMs });
      break;
    default:
      actor.send({ ...event, atMs });
  }
}

const isEnd = ({ type }: SupervisorEvent) => type === 'child.down' || type === 'child.start_failed';
const said = (way: readonly Step[]) =>
  way.map(({ event }) => `${event.type}${'id' in event ? ` ${event.id}` : ''}`).join(' -> ');

const shown = { statuses: new Set<string>(), waits: new Set<string>(), endings: new Set<string>() };

for (const variety of varieties) {
  const ways = pathsOf(variety);
  const name = `${variety.strategy}${variety.policy ? ', with a policy' : ''}${variety.critical ? ', critical' : ''}`;

  describe(`supervisor on real threads, ${name}: ${ways.length} paths`, () => {
    for (const way of ways) {
      test(said(way), async () => {
        const world = live(variety);
        const { threads, actor } = world;
        try {
          for (const { event, state } of way) {
            await play(world, event);
            const present = () => shape(actor.getSnapshot().context.rules);
            await waitFor(actor, () => present() === shape(state), { timeout: withinMs })
              .catch(() => assert.equal(present(), shape(state), `after ${event.type}`));
            // The end of a thread is the exit of its Worker; the beginning of the next, that it is in its start.
            if (isEnd(event) && 'id' in event) await threads.exited(event.id);
            const { children: now, mailbox, ended } = actor.getSnapshot().context.rules;
            for (const { spec, status, waitingFor } of now) {
              // Whose end waits for the plan to be carried out has no thread any more, and the rules do not know.
              if (mailbox.some((waiting) => isEnd(waiting) && 'id' in waiting && waiting.id === spec.id)) continue;
              if (status === 'starting') await threads.meet(spec.id);
              shown.statuses.add(status);
              if (waitingFor) shown.waits.add(waitingFor);
              const hasThread = threads.registry.worker(spec.id) !== undefined;
              assert.equal(hasThread, status !== 'undefined' && status !== 'waiting', `${spec.id} is ${status}`);
            }
            if (!ended) continue;
            shown.endings.add(ended.reason);
            assert.equal(actor.getSnapshot().status, 'done');
          }
        } finally {
          actor.stop();
          await threads.close();
        }
      });
    }
  });
}

describe('supervisor on real threads', () => {
  test('showed every status of a child, every wait, and every way to end', () => {
    assert.deepEqual([...shown.statuses].toSorted(), ['alive', 'starting', 'stopping', 'undefined', 'waiting']);
    assert.deepEqual([...shown.waits].toSorted(), ['backoff', 'claim', 'claimer', 'quarantine']);
    assert.deepEqual([...shown.endings].toSorted(), ['shutdown', 'start_failed', 'stopped']);
  });
});
