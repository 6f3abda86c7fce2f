// The SLO proof against simulated runs: sound (no run takes longer) and tight (an adversary takes as long).
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import fc from 'fast-check';
import type { ActionStep, Playbook, Step } from '../../src/core/playbook.ts';
import { longestLeg, worstCase, type WorstCase } from '../../src/core/worst-case.ts';
import { aPlaybook, fates, inStyle, play, playWorst, styles } from '../support/adversary.ts';

type Bound = (playbook: Playbook) => WorstCase;

const circumstances = fc.record({
  fates, styles, cancelAtMs: fc.option(fc.nat(30_000)), inputs: fc.record({ go: fc.boolean(), kept: fc.boolean() }),
});

/** No run takes longer than the bound: neither one with random fates nor the longest one known. */
const isSound = (bound: Bound) =>
  fc.asyncProperty(aPlaybook, circumstances, async (playbook, { fates: random, styles: given, cancelAtMs, inputs }) => {
    const { totalMs } = bound(playbook);
    let tries = 0;
    const any = await play(playbook, () => random[(tries += 1) % random.length]!, { cancelAtMs, inputs });
    assert.ok(any.endedAtMs <= totalMs, `took ${any.endedAtMs} ms, the bound is ${totalMs} ms`);
    const extreme = await play(playbook, inStyle(playbook, given), { cancelAtMs, inputs });
    assert.ok(extreme.endedAtMs <= totalMs, `took ${extreme.endedAtMs} ms, the bound is ${totalMs} ms`);
    const worst = await playWorst(playbook, worstCase(playbook));
    assert.ok(worst.endedAtMs <= totalMs, `the worst took ${worst.endedAtMs} ms, the bound is ${totalMs} ms`);
  });

/** A run that follows the critical path comes within 1 % of the bound. */
const isTight = (bound: Bound) =>
  fc.asyncProperty(aPlaybook.map(withoutJitter), async (playbook) => {
    const worst = bound(playbook);
    const { endedAtMs } = await playWorst(playbook, worst);
    assert.ok(endedAtMs >= worst.totalMs * 0.99, `took ${endedAtMs} ms, the bound is ${worst.totalMs} ms`);
    assert.ok(endedAtMs <= worst.totalMs, `took ${endedAtMs} ms, the bound is ${worst.totalMs} ms`);
  });

describe('the SLO proof', () => {
  test('property: no run exceeds the bound (250 playbooks, 3 runs each)', async () => {
    await fc.assert(isSound(worstCase), { numRuns: 250 });
  });

  test('property: for every playbook a run comes within 1 % of the bound (400 runs)', async () => {
    await fc.assert(isTight(worstCase), { numRuns: 400 });
  });

  test('property: a run within the proof is never cut by its SLO (600 runs)', async () => {
    await fc.assert(
      fc.asyncProperty(aPlaybook, styles, fc.boolean(), async (generous, given, kept) => {
        // At the very instant of the deadline the deadline wins, so leave one millisecond.
        const playbook = { ...generous, sloMs: worstCase(generous).totalMs + 1 };
        const { status } = await play(playbook, inStyle(playbook, given), { inputs: { go: true, kept } });
        assert.notEqual(status, 'deadline_missed');
      }),
      { numRuns: 600 },
    );
  });

  test('property: cut at any moment, a run has time to undo what it did and for `finally` (400 runs)', async () => {
    await fc.assert(
      fc.asyncProperty(
        aPlaybook, styles, fc.double({ min: 0, max: 1, noNaN: true }),
        async (generous, given, share) => {
          const { totalMs, reserveMs } = worstCase(generous);
          const sloMs = Math.round(reserveMs + (totalMs - reserveMs) * share);
          const playbook = { ...generous, sloMs };
          const ended = await play(playbook, inStyle(playbook, given), { inputs: { go: true, kept: true } });
          assert.ok(ended.endedAtMs <= sloMs, `took ${ended.endedAtMs} ms, the SLO is ${sloMs} ms`);
          const closing = playbook.finally.map(({ id }) => id);
          const begun = ended.steps.filter(({ step }) => closing.includes(step)).map(({ step }) => step);
          assert.deepEqual(begun, closing, `finally: ${JSON.stringify(ended)}`);
          if (ended.status === 'completed') return;
          const toUndo = new Set(actionsIn(playbook.steps).filter(({ compensate }) => compensate).map(({ id }) => id));
          const expected = ended.done.filter((step) => toUndo.has(step)).toReversed();
          assert.deepEqual(ended.undone, expected, JSON.stringify(ended));
        },
      ),
      { numRuns: 400 },
    );
  });
});

/** The proof with a mistake planted in it, by giving it a playbook that lacks what it is to forget. */
const mutants: Readonly<Record<string, Bound>> = {
  'forgets finally': (playbook) => worstCase({ ...playbook, finally: [] }),
  'forgets the waits': each((step) => ({ ...step, retry: { ...step.retry, delayMs: 0 } })),
  'forgets compensation': each((step) => ({ ...step, compensate: null })),
  'forgets the last attempt': each((step) => ({ ...step, retry: { ...step.retry, attempts: step.retry.attempts - 1 } })),
  'takes a parallel step for as fast as its join': (playbook) => worstCase({
    ...playbook,
    steps: playbook.steps.map((step) => (step.kind === 'action' ? step : { ...step, branches: fastest(step) })),
  }),
  'forgets that a success criterion may fail at the end': (playbook) => worstCase({ ...playbook, success: [] }),
  'forgets that back-off grows': each((step) => ({ ...step, retry: { ...step.retry, backoff: 'constant' } })),
  'forgets that a run may be cancelled': (playbook) => {
    const worst = worstCase(playbook);
    const at = worst.legs.findIndex(({ ends }) => ends === 'cancelled');
    return at < 0 ? worst : { ...worst, totalMs: worst.totalMs - worst.legs[at]!.ms };
  },
};

describe('a mistake in the SLO proof is found:', () => {
  for (const [mistake, mutant] of Object.entries(mutants)) {
    test(`it ${mistake}`, async () => {
      const found = await fc.check(isSound(mutant), { numRuns: 300, endOnFailure: true });
      assert.ok(found.failed, `the property holds with the mistake in it; seed ${found.seed}`);
      assert.match(String(found.errorInstance), /the bound is \d+ ms/);
    });
  }

  test('it undoes what was never done', async () => {
    const undoesAll: Bound = (playbook) => {
      const worst = worstCase(playbook);
      const all = actionsIn(playbook.steps).reduce((total, { compensate }) => total + (compensate?.timeoutMs ?? 0), 0);
      const undone = worst.legs.filter(({ step }) => step.startsWith('compensate '));
      return { ...worst, totalMs: worst.totalMs - undone.reduce((total, { ms }) => total + ms, 0) + all };
    };
    const found = await fc.check(isTight(undoesAll), { numRuns: 300, endOnFailure: true });
    assert.ok(found.failed, `the property holds with the mistake in it; seed ${found.seed}`);
    assert.match(String(found.errorInstance), /the bound is \d+ ms/);
  });
});

function mapActions(playbook: Playbook, change: (step: ActionStep) => ActionStep): Playbook {
  const steps = playbook.steps.map((step) =>
    (step.kind === 'action' ? change(step) : { ...step, branches: step.branches.map(change) }));
  return { ...playbook, steps, finally: playbook.finally.map(change) };
}

function each(change: (step: ActionStep) => ActionStep): Bound {
  return (playbook) => worstCase(mapActions(playbook, change));
}

function withoutJitter(playbook: Playbook): Playbook {
  return mapActions(playbook, (step) => ({ ...step, retry: { ...step.retry, jitter: 0 } }));
}

const actionsIn = (steps: readonly Step[]) =>
  steps.flatMap((step) => (step.kind === 'action' ? [step] : step.branches));

const fastest = ({ branches, join }: Extract<Step, { kind: 'parallel' }>) => branches
  .toSorted((a, b) => longestLeg(a, a.id, 'failed').ms - longestLeg(b, b.id, 'failed').ms).slice(0, join);
