// A playbook run on virtual time, over ports that the test decides about.
import assert from 'node:assert/strict';
import { createActor, fromPromise } from 'xstate';
import { alarmOn } from '../../machines/alarm.ts';
import type { RunOutput } from '../../machines/incident.machine.ts';
import { createPlaybookRunMachine, type Attempt, type Performed } from '../../machines/playbook-run.machine.ts';
import type { AnyAnnouncement } from '../../src/core/events.ts';
import type { Playbook } from '../../src/core/playbook.ts';
import type { RecoveryPorts } from '../../src/core/recovery-ports.ts';
import { evaluate } from '../../src/playbooks/expressions.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** What one try does: how long it takes, and how it ends. `hang` takes no notice of its end. */
export interface Fate {
  readonly ms: number;
  readonly ends: 'done' | 'failed' | 'hang';
}

export function startRun(
  playbook: Playbook,
  clock: VirtualClock,
  perform: (attempt: Attempt, signal: AbortSignal) => Promise<unknown>,
  inputs: Readonly<Record<string, unknown>> = {},
) {
  const said: AnyAnnouncement[] = [];
  const machine = createPlaybookRunMachine(playbook, evaluate).provide({
    actors: {
      alarm: alarmOn(clock),
      perform: fromPromise<Performed, Attempt>(async ({ input, signal }) => {
        try {
          const value = await perform(input, signal);
          return { atMs: clock.now(), value };
        } catch (error) {
          // oxlint-disable-next-line no-throw-literal
          throw { atMs: clock.now(), error: { name: 'Error', message: String((error as Error).message) } };
        }
      }),
    },
    actions: { publish: (_: unknown, announcement: unknown) => said.push(announcement as AnyAnnouncement) },
  });
  const actor = createActor(machine, {
    input: {
      runId: 'run_1', playbook: playbook.id, incidentId: 'inc_1', inputs,
      deadlineAtMs: clock.now() + playbook.sloMs, nowMs: clock.now(),
      cause: { id: 'evt_1', depth: 1, correlationId: null },
    },
  });
  const run = {
    actor, said, endedAtMs: Infinity, output: () => actor.getSnapshot().output as RunOutput | undefined,
  };
  actor.subscribe({ complete: () => (run.endedAtMs = clock.now()), error: assert.ifError });
  actor.start();
  return run;
}

/** Ports of a host where everything works; override what should not. */
export function workingPorts(over: Partial<RecoveryPorts> = {}): RecoveryPorts {
  return {
    overview: () => [],
    enterEmergency: () => undefined,
    leaveEmergency: () => undefined,
    restart: async ({ kernels }) => kernels.map((kernel) => ({ kernel, restarted: true })),
    probe: async () => true,
    requestDiagnosis: () => 'diag_1',
    record: () => undefined,
    synced: async () => undefined,
    ...over,
  };
}
