// Every path the graph library finds through the kernel chart, and one step more from its end, is
// replayed against a live actor under a parent that keeps what the kernel reports.
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { createActor, fromCallback, setup, type EventFromLogic } from 'xstate';
import { getShortestPaths } from '@xstate/graph';
import { kernelMachine, type ChildReport } from '../machines/kernel.machine.ts';
import { parseChildSpec } from '../src/core/child-specs.ts';
import { livesIn, modelTest } from './support/model.ts';
import { Script, type PathEvent } from './support/script.ts';

const spec = parseChildSpec({ id: 'bus', module: 'file:///bus.js', critical: true }, 0);
const error = { name: 'Error', message: 'no' };
const reason = { kind: 'threw', notice: 'last_words', error } as const;

const events = [
  { type: 'kernel.start', atMs: 0 },
  { type: 'kernel.stop', how: 100, atMs: 0 },
  { type: 'kernel.stop', how: 'brutal_kill', atMs: 0 },
  { type: 'kernel.quarantine', untilMs: 1_000, atMs: 0 },
  { type: 'thread.started', epoch: 1, atMs: 0 },
  { type: 'thread.ready', startedMs: 1, adoptedStandby: false, atMs: 0 },
  { type: 'thread.start_failed', error, atMs: 0 },
  { type: 'thread.down', reason, atMs: 0 },
  { type: 'thread.degraded', why: 'slow', atMs: 0 },
  { type: 'thread.healthy', atMs: 0 },
  { type: 'xstate.done.actor.startAlarm', output: { atMs: 10_000 } },
  { type: 'xstate.done.actor.stopAlarm', output: { atMs: 150 } },
] as PathEvent[];

const nothing = () => undefined;
const pure = kernelMachine.provide({
  actors: { thread: fromCallback(nothing) },
  actions: { publish: nothing, report: nothing, endThread: nothing, fence: nothing },
});
const paths = getShortestPaths(pure, {
  input: { spec },
  events: events as unknown as EventFromLogic<typeof kernelMachine>[],
  serializeState: ({ value }) => JSON.stringify(value),
  limit: 10_000,
});

/** A kernel actor under a parent, with everything it says kept. */
function live() {
  const script = new Script();
  const reports: ChildReport[] = [];
  const fenced: string[] = [];
  let attachments = 0;
  const kernel = kernelMachine.provide({
    actors: {
      alarm: script.actor('alarm'),
      thread: fromCallback(() => {
        attachments += 1;
        return () => (attachments -= 1);
      }),
    },
    actions: {
      publish: nothing,
      endThread: nothing,
      fence: (_, { reason: why }) => fenced.push(why.kind),
    },
  });
  const parent = setup({ types: { events: {} as ChildReport }, actors: { kernel } }).createMachine({
    invoke: { id: 'kernel', src: 'kernel', input: { spec } },
    on: { '*': { actions: ({ event }) => reports.push(event) } },
  });
  const actor = createActor(parent).start();
  const child = actor.getSnapshot().children['kernel']!;
  return { actor, child, reports, fenced, attachments: () => attachments };
}

modelTest({
  name: 'kernel',
  machine: pure,
  live: (script) => pure.provide({ actors: { alarm: script.spawned(), thread: script.spawned() as never } }),
  inputs: [{ spec }],
  events: [...events, { type: 'xstate.error.actor.thread', error }],
  possible: livesIn,
  // Epochs and deadlines grow, and decide nothing.
  summary: () => null,
});

describe(`kernel: ${paths.length} shortest paths, each with ${events.length} last steps`, () => {
  for (const path of paths) {
    const steps = path.steps.slice(1).map((step) => step.event as PathEvent);
    test(steps.map((step) => step.type).join(' -> ') || 'start', () => {
      for (const last of events) {
        const { actor, child, reports, attachments } = live();
        for (const event of steps) child.send(event as never);
        assert.deepEqual(child.getSnapshot().value, path.state.value);
        const before = child.getSnapshot().value;
        const told = reports.length;
        child.send(last as never);
        const after = child.getSnapshot().value;
        const stepTold = reports.slice(told).map(({ type }) => type);
        // It is attached exactly while its state says so, and never twice.
        assert.equal(attachments(), typeof after === 'object' ? 1 : 0);
        // Leaving `attached` is always told to the supervisor, once, and a start that was asked for is.
        if (typeof before === 'object' && typeof after === 'string') {
          assert.equal(stepTold.length, 1, `${last.type} told ${stepTold.join()}`);
          assert.match(stepTold[0]!, /child\.(down|start_failed)/);
        }
        if (last.type === 'kernel.start' && typeof before === 'string') {
          assert.deepEqual(after, { attached: 'starting' });
        }
        // A stop that finds nothing to stop is answered at once.
        if (last.type === 'kernel.stop' && typeof before === 'string') {
          assert.deepEqual(stepTold, ['child.down']);
        }
        actor.stop();
      }
    });
  }
});
