import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import fc from 'fast-check';
import { createActor, fromPromise } from 'xstate';
import { alarmOn } from '../machines/alarm.ts';
import { incidentMachine, type IncidentInput, type RunInput, type RunOutput } from '../machines/incident.machine.ts';
import type { AnyAnnouncement, RunStatus } from '../src/core/events.ts';
import { meshEvent, triggered } from './support/mesh-events.ts';
import { livesIn, modelTest } from './support/model.ts';
import { VirtualClock } from './support/virtual-clock.ts';

const settings = {
  watchMs: 2_000, remediationMs: 60_000, slos: { one: 60_000, many: 120_000, check: 60_000 }, cooldowns: {}, inputs: {},
};
const input: IncidentInput = { incidentId: 'inc_1', trigger: triggered('event.incident', ['a']), settings };
const silent = { publish: () => undefined, claim: () => undefined, release: () => undefined };
const ended = (n: number, status: RunStatus) => ({
  type: `xstate.done.actor.inc_1.run${n}`, actorId: `inc_1.run${n}`, output: { status, steps: [], atMs: 10 },
});

modelTest({
  name: 'incident',
  machine: incidentMachine.provide({ actions: silent }),
  live: (script) => incidentMachine.provide({
    actions: silent,
    actors: {
      alarm: script.actor('watchAlarm'), remediation: script.spawned() as never, run: script.spawned() as never,
    },
  }),
  // An incident, one that begins with a warning, an emergency, and one that no playbook answers.
  inputs: [
    input,
    { ...input, trigger: triggered('event.early_warning', ['a']) },
    { ...input, trigger: triggered('event.emergency', ['a', 'b']) },
    {
      ...input,
      trigger: meshEvent('kernel.quarantined', { kernel: 'a', epoch: 1, critical: false, untilMs: 9 }),
    },
  ],
  events: [
    triggered('event.incident', ['a']), triggered('event.emergency', ['a', 'b']),
    { type: 'run.restarting_done', incident: 'inc_1' },
    { type: 'remediation.requested', incident: 'inc_1', taskId: 't', atMs: 5 },
    ended(1, 'completed'), ended(1, 'failed'), ended(2, 'completed'),
    { type: 'xstate.error.actor.inc_1.run1', actorId: 'inc_1.run1', error: new Error('dead') },
    {
      type: 'xstate.done.actor.remediation', actorId: 'remediation',
      output: { outcome: 'escalated', diagnosis: null },
    },
    { type: 'xstate.error.actor.remediation', actorId: 'remediation', error: new Error('dead') },
    { type: 'xstate.done.actor.watchAlarm', actorId: 'watchAlarm', output: { atMs: 2_010 } },
  ],
  limit: 50_000,
  possible: ({ context, children }, { type }) => {
    const { runs, remediation } = context as { runs: number; remediation: string };
    const run = Number(/run(\d)$/.exec(type)?.[1] ?? 0);
    if (type.endsWith('.watchAlarm')) return livesIn({ children }, { type });
    return run <= runs && (!type.endsWith('.remediation') || remediation === 'running');
  },
  stop: ({ context }) => (context as { runs: number }).runs > 2,
});

const world = fc.record({
  runs: fc.array(fc.record({
    ms: fc.nat(130_000),
    status: fc.constantFrom<RunStatus | 'dies'>('completed', 'failed', 'deadline_missed', 'dies'),
    asksAfterMs: fc.option(fc.nat(1_000)),
  }), { minLength: 1, maxLength: 4 }),
  remediation: fc.record({ ms: fc.nat(90_000), dies: fc.boolean() }),
  signals: fc.array(fc.record({ waitMs: fc.nat(3_000), kernel: fc.constantFrom('a', 'b', 'c') }), { maxLength: 5 }),
});

describe('incident on virtual time', () => {
  test('property: it is closed or escalated in time, and claims end with their run (500 runs)', async () => {
    await fc.assert(
      fc.asyncProperty(world, async ({ runs, remediation, signals }) => {
        const clock = new VirtualClock();
        const said: AnyAnnouncement[] = [];
        const active = new Set<string>();
        const machine = incidentMachine.provide({
          actors: {
            alarm: alarmOn(clock),
            run: fromPromise<RunOutput, RunInput>(async ({ input: { runId, deadlineAtMs }, signal }) => {
              const n = Number(/\d+$/.exec(runId)![0]);
              const { ms, status, asksAfterMs } = runs[(n - 1) % runs.length]!;
              active.add(runId);
              signal.addEventListener('abort', () => active.delete(runId));
              if (asksAfterMs !== null) {
                clock.setTimeout(() => {
                  if (actor.getSnapshot().status !== 'active') return;
                  const atMs = clock.now();
                  actor.send({ type: 'remediation.requested', incident: 'inc_1', taskId: 't', atMs });
                }, asksAfterMs);
              }
              // A run is over at its deadline: its own chart sees to that.
              await clock.sleep(Math.min(ms, deadlineAtMs - clock.now()));
              active.delete(runId);
              if (status === 'dies') throw new Error('the run died');
              return { status, steps: [], atMs: clock.now() };
            }) as never,
            remediation: fromPromise(async ({ input: task }) => {
              const { deadlineAtMs } = task as { deadlineAtMs: number };
              await clock.sleep(Math.min(remediation.ms, deadlineAtMs - clock.now()));
              if (remediation.dies) throw new Error('the remediation died');
              return { outcome: 'escalated', diagnosis: null };
            }) as never,
          },
          actions: { ...silent, publish: (_, announcement) => said.push(announcement) },
        });
        const actor = createActor(machine, { input });
        actor.subscribe({ error: assert.ifError });
        actor.start();
        const down = ['a'];
        let atMs = 0;
        for (const { waitMs, kernel } of signals) {
          await clock.advance(waitMs);
          atMs = clock.now();
          if (actor.getSnapshot().status !== 'active') break;
          if (!down.includes(kernel)) down.push(kernel);
          actor.send(triggered('event.emergency', [...down], atMs));
        }
        // After the last signal: one run, the remediation, the watch.
        await clock.advance(120_000 + settings.remediationMs + settings.watchMs);
        const { value, status } = actor.getSnapshot();
        assert.equal(status, 'done', JSON.stringify(value));
        const endings = said.filter(({ type }) => type === 'incident.closed' || type === 'incident.escalated');
        assert.equal(endings.length, 1);
      }),
      { numRuns: 500 },
    );
  });
});
