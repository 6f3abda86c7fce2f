import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { createActor, fromTransition } from 'xstate';
import { getShortestPaths } from '@xstate/graph';
import { supervisorMachine, type Context } from '../machines/supervisor.machine.ts';
import { parseChildSpec } from '../src/core/child-specs.ts';
import {
  defaultPolicy, newSupervisor, supervise, type SupervisorEvent, type SupervisorState,
} from '../src/core/supervision.ts';
import { livesIn, modelTest } from './support/model.ts';

// The rules are a pure function: the graph walks them, and every path is replayed on the live chart.
const specs = ['a', 'b'].map((id, index) => ({
  ...parseChildSpec({ id, module: 'file:///k.js' }, index), restart: id === 'a' ? 'permanent' as const : 'temporary' as const,
}));
const crash = { kind: 'threw', notice: 'last_words' } as const;
const error = { name: 'Error', message: 'no' };
const events: SupervisorEvent[] = [
  { type: 'supervisor.boot', atMs: 0 },
  ...['a', 'b'].flatMap((id): SupervisorEvent[] => [
    { type: 'child.started', id, atMs: 0 },
    { type: 'child.start_failed', id, error, atMs: 0 },
    { type: 'child.down', id, reason: crash, atMs: 0 },
  ]),
  { type: 'child.terminate_requested', id: 'a', atMs: 0 },
  { type: 'child.restart_requested', id: 'a', by: 'x', force: false, emergency: false, atMs: 0 },
  { type: 'supervisor.stop', atMs: 0 },
];

/** An event that a child can send in its present state. */
const possible = (state: SupervisorState, event: SupervisorEvent): boolean => {
  if (event.type === 'supervisor.boot') return !state.booted;
  // Requests may pile up without end: two at a time are enough.
  if (state.mailbox.length >= 2 && event.type.endsWith('_requested')) return false;
  if (!state.booted || !('id' in event)) return state.booted;
  const child = state.children.find(({ spec }) => spec.id === event.id);
  if (event.type.endsWith('_requested')) return child !== undefined;
  // What a child has said is waiting: it says it once.
  if (state.mailbox.some((waiting) => 'id' in waiting && waiting.id === event.id)) return false;
  if (event.type === 'child.down') return child?.status === 'alive' || child?.status === 'stopping';
  return child?.status === 'starting';
};

for (const strategy of ['one_for_one', 'one_for_all', 'rest_for_one'] as const) {
  const settings = {
    id: 'test', strategy, autoShutdown: 'never', policy: null, intensity: { restartsMax: 1, periodMs: 1_000 },
  } as const;
  const logic = fromTransition(
    (state: SupervisorState, event: SupervisorEvent) => supervise(state, event).state,
    newSupervisor(settings, specs),
  );
  const shape = ({ children, plan, ended, window, mailbox }: SupervisorState) => JSON.stringify([
    children.map(({ spec, status, afterStop }) => [spec.id, status, afterStop]), plan, ended, window.length,
    mailbox.map(({ type }) => type),
  ]);
  const paths = getShortestPaths(logic as never, {
    events: ((state: { context: SupervisorState }) => events.filter((event) => possible(state.context, event))) as never,
    serializeState: (state) => shape((state as unknown as { context: SupervisorState }).context),
    limit: 50_000,
  });

  describe(`supervisor, ${strategy}: ${paths.length} shortest paths`, () => {
    test('reach every status of a child, and every way to end', () => {
      const states = paths.map((path) => (path.state as unknown as { context: SupervisorState }).context);
      const statuses = new Set(states.flatMap(({ children }) => children.map(({ status }) => status)));
      assert.deepEqual([...statuses].toSorted(), ['alive', 'starting', 'stopping', 'undefined']);
      assert.deepEqual(
        [...new Set(states.flatMap(({ ended }) => (ended ? [ended.reason] : [])))].toSorted(),
        ['shutdown', 'start_failed', 'stopped'],
      );
    });

    test('never have two children start at a time under a group strategy, and behave live as the rules say', () => {
      for (const path of paths) {
        const actor = createActor(supervisorMachine.provide({
          actors: { kernel: fromTransition((state) => state, null) as never },
          actions: { publish: () => undefined, answer: () => undefined },
        }), { input: { settings, specs } });
        actor.subscribe({ error: assert.ifError });
        actor.start();
        for (const step of path.steps.slice(1)) actor.send(step.event as never);
        const { rules } = actor.getSnapshot().context;
        assert.equal(shape(rules), shape((path.state as unknown as { context: SupervisorState }).context));
        assert.equal(actor.getSnapshot().status, rules.ended ? 'done' : 'active');
        const starting = rules.children.filter(({ status }) => status === 'starting').length;
        if (strategy !== 'one_for_one') assert.ok(starting <= 1);
        actor.stop();
      }
    });
  });
}

// The chart itself, with the policy of a host: claims, backoff, quarantine, and alarms that the path rings.
const policy = {
  ...defaultPolicy, windows: [{ restartsMax: 1, periodMs: 1e9 }], quarantineMs: 1_000, emergencyBudget: 1,
};
const critical = parseChildSpec({ id: 'a', module: 'file:///k.js', critical: true }, 0);
const alarmsMax = 3;
const quiet = { publish: () => undefined, answer: () => undefined };

modelTest({
  name: 'supervisor',
  machine: supervisorMachine.provide({ actions: quiet }),
  live: (script) => supervisorMachine.provide({
    actions: quiet, actors: { alarm: script.spawned(), kernel: script.spawned() as never },
  }),
  inputs: [{
    settings: { id: 'test', strategy: 'one_for_one', autoShutdown: 'never', intensity: null, policy },
    specs: [critical],
  }],
  events: [
    { type: 'supervisor.boot', atMs: 0 },
    { type: 'child.started', id: 'a', atMs: 0 },
    { type: 'child.start_failed', id: 'a', error, atMs: 0 },
    { type: 'child.down', id: 'a', reason: crash, atMs: 0 },
    { type: 'child.claimed', id: 'a', by: 'inc', untilMs: 500, atMs: 0 },
    { type: 'claims.released', by: 'inc', atMs: 0 },
    { type: 'child.restart_requested', id: 'a', by: 'inc', force: true, emergency: true, atMs: 0 },
    { type: 'child.terminate_requested', id: 'a', atMs: 0 },
    // Each alarm rings long after the one before it.
    ...Array.from({ length: alarmsMax }, (_, index) => ({
      type: `xstate.done.actor.alarm.${index + 1}.a`, actorId: `alarm.${index + 1}.a`,
      output: { atMs: (index + 1) * 10_000 },
    })),
    { type: 'xstate.error.actor.kernel.a', actorId: 'kernel.a', error: new Error('planted') },
    { type: 'supervisor.stop', atMs: 0 },
  ],
  possible: ({ context, children }, event) => {
    const { rules, alarms } = context as Context;
    // The newest alarm is the one that is waited for.
    const [, alarm] = /alarm\.(\d+)/.exec(event.type) ?? [];
    if (alarm !== undefined) return Number(alarm) === alarms && rules.children[0]?.status === 'waiting';
    if (event.type.startsWith('xstate.')) return livesIn({ children }, event);
    // What waits while a plan is carried out would pile up: one at a time is enough.
    if (rules.mailbox.length > 0 && /claim|requested/.test(event.type)) return false;
    return possible(rules, event as SupervisorEvent);
  },
  stop: ({ context }) => (context as Context).alarms >= alarmsMax,
  summary: ({ rules, alarms }) => {
    const { children, plan, ended, booted, mailbox } = rules as SupervisorState;
    return [
      booted, plan?.kind, ended?.reason, alarms, mailbox.map(({ type }) => type),
      children.map(({ status, waitingFor, claimedBy, afterStop, deaths, overLimit, spent }) =>
        [status, waitingFor, claimedBy, afterStop, deaths.map(({ length }) => length), overLimit, spent]),
    ];
  },
});
