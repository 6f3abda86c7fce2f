// What `grace playbook plan` foresees: by example, and against runs.
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import fc from 'fast-check';
import { GraceError } from '../../src/core/errors.ts';
import type { Playbook } from '../../src/core/playbook.ts';
import { worstCase } from '../../src/core/worst-case.ts';
import { shippedActions } from '../../src/playbooks/actions.ts';
import { loadPlaybooks } from '../../src/playbooks/library.ts';
import { loadPlaybook } from '../../src/playbooks/load.ts';
import { readPlanEvent } from '../../src/playbooks/plan-event.ts';
import { planPlaybook, planRun } from '../../src/playbooks/plan.ts';
import { aPlaybook, inStyle, play, styles, type Try } from '../support/adversary.ts';

const folder = `${import.meta.dirname}/../../playbooks`;
const shipped = loadPlaybooks(folder, shippedActions);
const eventOf = (payload: object, on = 'event.custom') => readPlanEvent(JSON.stringify(payload), 'e.json', on);

/** A playbook of these steps, planned for these inputs. */
function planOf(steps: string, inputs: object = {}, more = '') {
  const text = `playbook: p\nversion: 1\ntitle: p\nslo: 10m\ninputs:\n  list: { type: list }\n  on: { type: boolean }\n${more}` +
    `steps:\n${steps}`;
  return planRun(new Map([['p', loadPlaybook(text, 'p.yaml', shippedActions)]]), 'p', eventOf({ inputs }));
}
const verdicts = ({ steps }: ReturnType<typeof planOf>) => Object.fromEntries(steps.map(({ step, runs }) => [step, runs]));

describe('the plan of a run', () => {
  test('leaves out what this event skips, and fills in what it gives', () => {
    const event = eventOf({ kernels_down: ['message_bus', 'coding_agent'], emergency_protocol: true });
    const plan = planRun(shipped, 'emergency_critical_kernel_recovery', event);
    const byName = Object.fromEntries(plan.steps.map((step) => [step.step, step]));
    assert.equal(plan.event, 'event.emergency');
    assert.equal(byName['verify_self_healing']!.runs, 'no');
    assert.match(byName['verify_self_healing']!.why!, /when is false: "self_healing" in inputs\.kernels_down/);
    assert.deepEqual(byName['parallel_kernel_restart']!.calls, [
      { kernels: ['message_bus', 'coding_agent'], at_least: 2, emergency: true },
    ]);
    const { earliestStartMs, latestStartMs, latestEndMs, attempts, timeoutMs, waitMs } = byName['verify_message_bus']!;
    assert.deepEqual(
      [earliestStartMs, latestStartMs, latestEndMs, attempts, timeoutMs, waitMs], [0, 29_000, 48_000, 3, 5_000, 4_000],
    );
    // 91 s of the whole playbook, less the 5 s of the step that is skipped.
    assert.deepEqual([plan.worstCase.totalMs, plan.worstCase.reserveMs], [86_000, 2_000]);
    assert.equal(plan.finally[0]!.latestEndMs, 86_000);
    // How many kernels there are only the host knows.
    assert.deepEqual(plan.givenByHost, ['kernels_min']);
    assert.deepEqual(byName['restore_system_health']!.dependsOn, ['inputs.kernels_min']);
    assert.deepEqual(byName['log_recovery']!.dependsOn, ['saved.restarts', 'incident.id']);
  });

  test('says on which results a condition depends, and how many items there are', () => {
    const plan = planRun(shipped, 'proactive_kernel_health_check', eventOf({ kernels_degraded: ['a', 'b'] }, 'event.early_warning'));
    const [, relieve, probe, restart] = plan.steps;
    assert.deepEqual([relieve!.runs, relieve!.why], ['depends', 'depends on steps.assess_health, saved.assessed']);
    assert.deepEqual([probe!.runs, probe!.items, probe!.calls], ['yes', 2, [{ kernel: 'a' }, { kernel: 'b' }]]);
    assert.deepEqual([restart!.runs, restart!.why], ['depends', 'depends on steps.probe_degraded']);
  });

  test('knows a condition that no result can change, and takes no absence for an answer', () => {
    const plan = planOf(`  - { id: a, action: assess, timeout: 1s, on_failure: continue }
  - { id: b, action: assess, timeout: 1s, when: 'inputs.on && steps.a.status == "done"' }
  - { id: c, action: assess, timeout: 1s, when: 'has(steps.a)' }
  - { id: d, action: assess, timeout: 1s, when: 'size(steps) == 0' }
  - { id: e, action: assess, timeout: 1s, when: 'steps.b.status == "skipped"' }
`, { on: false });
    assert.deepEqual(verdicts(plan), { a: 'yes', b: 'no', c: 'depends', d: 'depends', e: 'yes' });
  });

  test('tells what fails for certain, and what is not reached then', () => {
    const plan = planOf(`  - id: a
    action: verify_kernel
    with: { kernel: x }
    timeout: 1s
    compensate: { action: assess, timeout: 3s }
  - { id: b, action: assess, timeout: 1s, when: 'inputs.list[3] == "x"', on_failure: { goto: d } }
  - { id: c, action: assess, timeout: 1s }
  - { id: d, action: assess, timeout: 1s, when: 'steps.b.status == "failed"', on_failure: { goto: f } }
  - { id: e, action: assess, timeout: 1s }
  - { id: f, action: assess, timeout: 1s, when: 'inputs.list[9] == "x"' }
  - { id: g, action: assess, timeout: 1s }
`, { list: [] });
    assert.deepEqual(verdicts(plan), { a: 'yes', b: 'fails', c: 'no', d: 'yes', e: 'yes', f: 'fails', g: 'no' });
    assert.match(plan.steps[2]!.why!, /not reached: b fails/);
    assert.match(plan.steps[4]!.why!, /left out if d fails/);
    // a, d, e and the undoing of a, because f aborts.
    assert.equal(plan.worstCase.totalMs, 6_000);
  });

  test('tells that for_each has too many items, or no list', () => {
    const step = "  - { id: a, action: verify_kernel, with: { kernel: '${item}' }, timeout: 1s, for_each: inputs.list, max: 2 }\n";
    assert.match(planOf(step, { list: ['x', 'y', 'z'] }).steps[0]!.problem!, /3 items, max is 2/);
    assert.match(planOf(step, { list: 'x' }).steps[0]!.problem!, /no list/);
  });

  test('counts only the branches that run', () => {
    const steps = `  - id: both
    parallel:
      - { id: quick, action: assess, timeout: 1s }
      - { id: slow, action: assess, timeout: 9s, when: inputs.on }
  - { id: after, action: assess, timeout: 1s }
`;
    const [on, off] = [planOf(steps, { on: true }), planOf(steps, { on: false })];
    assert.deepEqual([on.worstCase.totalMs, off.worstCase.totalMs], [10_000, 2_000]);
    assert.deepEqual(off.steps.map(({ step, of, latestEndMs }) => [step, of, latestEndMs]), [
      ['both', null, 1_000], ['quick', 'both', 1_000], ['slow', 'both', null], ['after', null, 2_000],
    ]);
  });

  test('counts from the time of the event, where it says so', () => {
    const payload = { kernels_down: ['a'], kernels_degraded: [] };
    const event = eventOf({ type: 'event.incident', payload, atMs: 5_000, wallMs: 0 });
    const plan = planRun(shipped, 'critical_kernel_restart', event);
    assert.deepEqual([plan.deadlineAtMs, plan.deadlineAt], [65_000, '1970-01-01T00:01:00.000Z']);
    assert.equal(planRun(shipped, 'critical_kernel_restart', eventOf(payload)).deadlineAt, null);
  });
});

describe('a plan is refused', () => {
  const refusal = (id: string, text: string): GraceError => {
    try {
      planPlaybook(folder, id, { text, file: 'e.json' });
    } catch (error) {
      if (error instanceof GraceError) return error;
      throw error;
    }
    return assert.fail('it was planned');
  };

  test('for a playbook that does not exist, with those that do', () => {
    const { code, message, details } = refusal('ghost', '{}');
    assert.equal(code, 'GRACE_PLAYBOOK_UNKNOWN');
    assert.match(message, /"ghost", but critical_kernel_restart, emergency_/);
    assert.deepEqual(details['known'], [...shipped.keys()]);
  });

  test('for what is no JSON, with the place', () => {
    const places = [
      ['{"kernels_down": }', '1:18'], ['{\n  "a": 1,\n  b: 2\n}', '3:3'], ['', '1:1'], ['{"a": [1, 2}', '1:12'], ['nonsense', '1:2'],
    ] as const;
    for (const [text, place] of places) {
      const { code, message } = refusal('critical_kernel_restart', text);
      assert.equal(code, 'GRACE_CONFIG_INVALID');
      assert.ok(message.startsWith(`e.json:${place}: expected JSON`), message);
    }
  });

  test('for an event that no playbook answers, or of a wrong shape', () => {
    for (const [event, said] of [
      [{ type: 'kernel.down', payload: {} }, /type: /], [{ kernels_down: 'a' }, /kernels_down: /], [[], /the event: /],
    ] as const) {
      const { code, message } = refusal('critical_kernel_restart', JSON.stringify(event));
      assert.equal(code, 'GRACE_CONFIG_INVALID');
      assert.match(message, said);
    }
  });

  test('for a required input that nobody gives, by its name', () => {
    assert.throws(
      () => planOf('  - { id: a, action: assess, timeout: 1s }\n', {}, '  text: { type: string, required: true }\n'),
      (error: GraceError) => error.code === 'GRACE_PLAYBOOK_INVALID' && /input "text"/.test(error.message),
    );
  });
});

const whens = [
  null, null, 'inputs.go', '!inputs.go', 'steps.s0.status == "done"', 'steps.s1.status == "skipped"', 'inputs.nope',
  'inputs.go || steps.s1_0.status == "failed"', 'steps.s2.status == "failed" || steps.s0_1.status == "skipped"',
];

/** The same playbook under conditions that know, depend and fail. */
const conditional = fc.tuple(aPlaybook, fc.array(fc.constantFrom(...whens), { minLength: 1, maxLength: 20 }))
  .map(([playbook, given]): Playbook => {
    let at = 0;
    const next = () => given[(at += 1) % given.length]!;
    const steps = playbook.steps.map((step) => (step.kind === 'action'
      ? { ...step, when: next() }
      : { ...step, when: next(), branches: step.branches.map((branch) => ({ ...branch, when: next() })) }));
    return { ...playbook, steps, finally: playbook.finally.map((step) => ({ ...step, when: next() })) };
  });

describe('the plan of a run', () => {
  test('property: every run does as it was planned (500 runs)', async () => {
    await fc.assert(
      fc.asyncProperty(conditional, styles, fc.boolean(), async (playbook, given, go) => {
        const loaded = { playbook, worstCase: worstCase(playbook), file: 'p.yaml' };
        const inputs = { go, kept: false };
        const plan = planRun(new Map([[playbook.id, loaded]]), playbook.id, eventOf({ inputs }));
        const planned = new Map([...plan.steps, ...plan.finally].map((step) => [step.step, step]));
        const tries: Try[] = [];
        const style = inStyle(playbook, given);
        const ended = await play(playbook, (one) => {
          tries.push(one);
          return style(one);
        }, { inputs: plan.inputs });
        assert.ok(ended.endedAtMs <= plan.worstCase.totalMs, `took ${ended.endedAtMs} of ${plan.worstCase.totalMs} ms`);
        for (const { step, attempt, atMs, leftMs } of tries.filter(({ isUndo }) => !isUndo)) {
          const { runs, latestStartMs, latestEndMs, attempts, timeoutMs } = planned.get(step)!;
          assert.ok(runs === 'yes' || runs === 'depends', `${step} was tried, but ${runs} was planned`);
          assert.ok(attempt > 1 || atMs <= latestStartMs!, `${step} began at ${atMs} ms, after ${latestStartMs} ms`);
          assert.ok(atMs + leftMs <= latestEndMs!, `${step} may take until ${atMs + leftMs} ms, after ${latestEndMs} ms`);
          assert.ok(attempt <= attempts && leftMs === timeoutMs);
        }
        const tried = new Set(tries.map(({ step }) => step));
        for (const { step, status } of ended.steps) {
          const { runs } = planned.get(step)!;
          if (status === 'skipped') assert.ok(runs === 'no' || runs === 'depends', `${step} was skipped, not ${runs}`);
          const isBroken = status === 'failed' && !tried.has(step) && planned.get(step)!.action !== null;
          if (isBroken) assert.ok(runs === 'fails' || runs === 'depends', `${step} failed at once, not ${runs}`);
        }
      }),
      { numRuns: 500 },
    );
  });
});
