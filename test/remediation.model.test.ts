import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import fc from 'fast-check';
import { createActor, fromPromise } from 'xstate';
import { alarmOn } from '../machines/alarm.ts';
import { remediationMachine } from '../machines/remediation.machine.ts';
import type { CauseCategory, Diagnosis, EvidenceBundle, Mitigation } from '../src/core/diagnosis.ts';
import { livesIn, modelTest } from './support/model.ts';
import { VirtualClock } from './support/virtual-clock.ts';

const cause = { id: 'evt_1', depth: 1, correlationId: null };
const input = { taskId: 't', incident: 'inc_1', kernels: ['a'], deadlineAtMs: 60_000, cause };
const silent = { publish: () => undefined, escalate: () => undefined };
const evidence: EvidenceBundle = { incident: 'inc_1', collectedAtMs: 0, kernels: [], lines: [] };
const diagnosis = (category: CauseCategory): Diagnosis => ({
  category, subcause: 'x', rootCause: 'x', confidence: 0.5, evidence: [], actions: [], preventiveMeasures: [],
  mitigations: [{ kind: 'limit', kernel: 'a', heapMb: 64 }],
});
const dead = (id: string) => ({ type: `xstate.error.actor.${id}`, error: new Error('dead') });
const done = (id: string, output: unknown) => ({ type: `xstate.done.actor.${id}`, output });

modelTest({
  name: 'remediation',
  machine: remediationMachine.provide({ actions: silent }),
  live: (script) => remediationMachine.provide({
    actions: silent,
    actors: {
      alarm: script.actor('alarm'), collectEvidence: script.actor('collectEvidence'),
      diagnose: script.actor('diagnose'), applyMitigations: script.actor('applyMitigations'),
    },
  }),
  inputs: [input],
  events: [
    done('alarm', { atMs: 60_000 }), done('collectEvidence', evidence), dead('collectEvidence'),
    ...(['resource', 'configuration', 'dependency', 'unknown'] as const).map((category) =>
      done('diagnose', diagnosis(category))),
    dead('diagnose'), done('applyMitigations', []), dead('applyMitigations'),
  ],
  possible: livesIn,
});

describe('remediation on virtual time', () => {
  test('property: it is over by its deadline, and only a resource cause is mitigated (1,000 runs)', async () => {
    const took = fc.record({ ms: fc.nat(40_000), dies: fc.boolean() });
    const category = fc.constantFrom<CauseCategory>('resource', 'configuration', 'dependency', 'unknown');
    await fc.assert(
      fc.asyncProperty(fc.tuple(took, took, took), category, async ([collect, ask, apply], found) => {
        const clock = new VirtualClock();
        let applied = 0;
        const work = async <T>({ ms, dies }: { ms: number; dies: boolean }, value: T): Promise<T> => {
          await clock.sleep(ms);
          if (dies) throw new Error('dead');
          return value;
        };
        const actor = createActor(remediationMachine.provide({
          actions: silent,
          actors: {
            alarm: alarmOn(clock),
            collectEvidence: fromPromise(() => work(collect, evidence)),
            diagnose: fromPromise(() => work(ask, diagnosis(found))),
            applyMitigations: fromPromise((): Promise<readonly Mitigation[]> => {
              applied += 1;
              return work(apply, []);
            }),
          },
        }), { input });
        actor.subscribe({ error: assert.ifError });
        actor.start();
        await clock.advance(input.deadlineAtMs);
        assert.equal(actor.getSnapshot().status, 'done');
        if (found !== 'resource') assert.equal(applied, 0);
        assert.ok(actor.getSnapshot().output);
      }),
      { numRuns: 1_000 },
    );
  });
});
