// Playbook runs on virtual time: random playbooks and fates, and the shipped ones over working ports.
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import fc from 'fast-check';
import type { ActionStep, Playbook, Step } from '../src/core/playbook.ts';
import type { KernelOverview } from '../src/core/recovery-ports.ts';
import { worstCase } from '../src/core/worst-case.ts';
import { shippedActions } from '../src/playbooks/actions.ts';
import { fill } from '../src/playbooks/expressions.ts';
import { loadPlaybooks } from '../src/playbooks/library.ts';
import { startRun, workingPorts, type Fate } from './support/playbook-world.ts';
import { VirtualClock } from './support/virtual-clock.ts';

const anAction = (id: string): fc.Arbitrary<ActionStep> =>
  fc.record({
    timeoutMs: fc.integer({ min: 10, max: 5_000 }),
    attempts: fc.integer({ min: 1, max: 3 }),
    delayMs: fc.nat(1_000),
    backoff: fc.constantFrom('constant' as const, 'exponential' as const),
    onFailure: fc.constantFrom('abort' as const, 'continue' as const),
    compensated: fc.boolean(),
  }).map(({ timeoutMs, attempts, delayMs, backoff, onFailure, compensated }) => ({
    kind: 'action', id, action: 'any', with: {}, when: null, timeoutMs,
    retry: { attempts, delayMs, backoff, maxDelayMs: null, jitter: 0 }, forEach: null, onFailure, saveAs: null,
    compensate: compensated ? { action: 'undo', with: {}, timeoutMs: 500 } : null,
  }));

const aStep = (id: string): fc.Arbitrary<Step> =>
  fc.oneof(
    { weight: 3, arbitrary: anAction(id) },
    {
      weight: 1,
      arbitrary: fc.record({
        branches: fc.tuple(anAction(`${id}_a`), anAction(`${id}_b`), anAction(`${id}_c`)),
        join: fc.integer({ min: 1, max: 3 }),
        onFailure: fc.constantFrom('abort' as const, 'continue' as const),
      }).map((parallel) => ({ kind: 'parallel' as const, id, when: null, ...parallel })),
    },
  );

const aPlaybook: fc.Arbitrary<Playbook> = fc
  .tuple(aStep('one'), aStep('two'), aStep('three'), anAction('last'))
  .map(([one, two, three, last]) => {
    const draft: Playbook = {
      id: 'random', version: 1, title: 'random', hash: '', on: null, sloMs: 0, cooldownMs: 0, inputs: {},
      steps: [one, two, three], finally: [{ ...last, onFailure: 'continue', compensate: null }], success: [],
    };
    // At the very instant of the deadline the deadline wins, so leave one millisecond.
    return { ...draft, sloMs: worstCase(draft).totalMs + 1 };
  });

const aFate: fc.Arbitrary<Fate> = fc.record({
  ms: fc.nat(8_000), ends: fc.constantFrom('done', 'failed', 'hang'),
});

describe('playbook run', () => {
  test('property: no run exceeds its bound, and `finally` always runs (1,000 runs)', async () => {
    await fc.assert(
      fc.asyncProperty(
        aPlaybook, fc.array(aFate, { minLength: 1, maxLength: 20 }), fc.option(fc.nat(20_000)),
        async (playbook, fates, cancelAtMs) => {
          const clock = new VirtualClock();
          let tries = 0;
          let living = 0;
          const run = startRun(playbook, clock, (_, signal) => {
            const fate = fates[tries % fates.length]!;
            tries += 1;
            living += 1;
            signal.addEventListener('abort', () => (living -= 1));
            return new Promise((resolve, reject) => {
              if (fate.ends === 'hang') return;
              clock.setTimeout(() => {
                if (!signal.aborted) living -= 1;
                if (fate.ends === 'done') resolve(1);
                else reject(new Error('told to fail'));
              }, fate.ms);
            });
          });
          if (cancelAtMs !== null) {
            clock.setTimeout(
              () => {
                if (run.endedAtMs === Infinity) {
                  run.actor.send({ type: 'run.cancelled', reason: 'test', atMs: clock.now() });
                }
              },
              cancelAtMs,
            );
          }
          await clock.advance(playbook.sloMs + 1);
          assert.ok(run.endedAtMs <= playbook.sloMs, `ended at ${run.endedAtMs}, SLO ${playbook.sloMs}`);
          const closing = run.output()!.steps.find(({ step }) => step === 'last');
          assert.ok(closing && closing.status !== 'cancelled', `finally: ${JSON.stringify(closing)}`);
          const { status } = run.output()!;
          assert.notEqual(status, 'deadline_missed', 'the bound is the worst case, so it is never missed');
          if (cancelAtMs === null) assert.notEqual(status, 'cancelled');
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test('property: with a shorter SLO it still ends in time, and `finally` runs (500 runs)', async () => {
    await fc.assert(
      fc.asyncProperty(aPlaybook, fc.double({ min: 0.3, max: 0.9, noNaN: true }), async (playbook, share) => {
        const clock = new VirtualClock();
        const { reserveMs, totalMs } = worstCase(playbook);
        const sloMs = Math.round(reserveMs + (totalMs - reserveMs) * share);
        const run = startRun({ ...playbook, sloMs }, clock, () => new Promise(() => undefined));
        await clock.advance(sloMs + 1);
        assert.ok(run.endedAtMs <= sloMs);
        assert.ok(run.output()!.steps.some(({ step, attempts }) => step === 'last' && attempts >= 1));
      }),
      { numRuns: 500 },
    );
  });

  test('a try that runs into its timeout sees its signal aborted', async () => {
    const clock = new VirtualClock();
    const step = fc.sample(anAction('one'), 1)[0]!;
    const playbook: Playbook = {
      id: 'p', version: 1, title: 'p', hash: '', on: null, sloMs: 60_000, cooldownMs: 0, inputs: {}, finally: [], success: [],
      steps: [{ ...step, timeoutMs: 100, retry: { attempts: 1, delayMs: 0, backoff: 'constant', maxDelayMs: null, jitter: 0 } }],
    };
    let abortedAtMs = -1;
    const run = startRun(playbook, clock, (_, signal) => {
      signal.addEventListener('abort', () => (abortedAtMs = clock.now()));
      return new Promise(() => undefined);
    });
    await clock.advance(1_000);
    assert.equal(abortedAtMs, 100);
    assert.equal(run.output()!.steps[0]!.status, 'failed');
  });
});

describe('the emergency playbook over working ports', () => {
  const { playbook } = loadPlaybooks(`${import.meta.dirname}/../playbooks`, shippedActions)
    .get('emergency_critical_kernel_recovery')!;
  const names = ['message_bus', 'self_healing', 'coding_agent'];
  const inputs = { kernels_down: names, kernels_degraded: [], emergency_protocol: true, kernels_min: 18 };
  const overview = (running: number): KernelOverview[] =>
    Array.from({ length: 20 }, (_, n) => ({
      kernel: names[n] ?? `k${n}`, critical: n < 3, full: false, status: n < running ? 'running' : 'down',
    }));

  async function runWith(running: number, broken?: string) {
    const clock = new VirtualClock();
    const log: string[] = [];
    const ports = workingPorts({
      overview: () => overview(running),
      enterEmergency: ({ reason }) => log.push(`enter: ${reason}`),
      leaveEmergency: () => log.push('leave'),
      record: (_, type) => log.push(type),
      probe: async (kernel) => kernel !== broken,
    });
    const run = startRun(playbook, clock, (attempt, signal) =>
      shippedActions.get(attempt.action)!.run(
        fill(attempt.with, attempt.scope) as Record<string, unknown>,
        { ports, run: 'run_1', incident: 'inc_1', key: attempt.key, signal, timeoutMs: 1_000, runDeadlineAtMs: 120_000 },
      ), inputs);
    await clock.advance(120_000);
    return { ...run.output()!, log };
  }

  test('completes its ten steps, in order', async () => {
    const { status, steps, log, why } = await runWith(20);
    assert.equal(status, 'completed', why);
    assert.deepEqual(steps.map(({ step }) => step), [
      ...playbook.steps.map(({ id }) => id), 'leave_emergency_mode',
    ]);
    assert.ok(steps.every((step) => step.status === 'done'), JSON.stringify(steps));
    assert.deepEqual(log, [
      'enter: critical kernels down: message_bus, self_healing, coding_agent', 'leave',
      'recovery.recorded', 'leave',
    ]);
  });

  test('goes on without self_healing, and says so', async () => {
    const { status, steps } = await runWith(20, 'self_healing');
    assert.equal(status, 'completed');
    assert.equal(steps.find(({ step }) => step === 'verify_self_healing')?.status, 'failed');
  });

  test('fails when the message bus cannot work, and leaves emergency mode all the same', async () => {
    const { status, steps, log } = await runWith(20, 'message_bus');
    assert.equal(status, 'failed');
    assert.equal(steps.find(({ step }) => step === 'verify_message_bus')?.attempts, 3);
    assert.equal(log.at(-1), 'leave');
  });

  test('fails when 17 of 20 kernels run', async () => {
    assert.equal((await runWith(17)).status, 'failed');
  });
});
