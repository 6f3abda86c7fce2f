// Bad playbooks: each is refused with the place, what was expected and what was found.
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import type { GraceError } from '../../src/core/errors.ts';
import type { ActionStep } from '../../src/core/playbook.ts';
import { shippedActions } from '../../src/playbooks/actions.ts';
import { loadPlaybook } from '../../src/playbooks/load.ts';

const good = `playbook: example
version: 1
title: Example
slo: 60s
inputs:
  kernel: { type: string, required: true }
steps:
  - id: verify
    action: verify_kernel
    with: { kernel: "\${inputs.kernel}" }
    timeout: 5s
`;

function refusal(text: string): GraceError {
  try {
    loadPlaybook(text, 'p.yaml', shippedActions);
  } catch (error) {
    return error as GraceError;
  }
  return assert.fail('it was loaded');
}

const cases: readonly (readonly [what: string, text: string, ...messages: RegExp[]])[] = [
  ['an unknown action', good.replace('verify_kernel', 'format_disk'),
    /^p\.yaml:9:13: steps\.0\.action: expected one of the actions assess, .*, found "format_disk"/m],
  ['an action with the name of a property of every object', good.replace('verify_kernel', 'constructor'),
    /found "constructor"/],
  ['an unknown input', good.replace('inputs.kernel}', 'inputs.kernels}'),
    /^p\.yaml:10:\d+: steps\.0\.with\.kernel: expected a known name, not inputs\.kernels/m],
  ['an unknown step in a condition', good.replace('timeout: 5s', 'timeout: 5s\n    when: steps.ghost.status == "done"'),
    /^p\.yaml:12:\d+: steps\.0\.when: expected a known name, not steps\.ghost/m],
  ['a condition that is no CEL', good.replace('timeout: 5s', 'timeout: 5s\n    when: "1 +"'), /^p\.yaml:12:11: steps\.0\.when/m],
  ['a regular expression', good.replace('timeout: 5s', () => "timeout: 5s\n    when: inputs.kernel.matches('^(a+)+$')"), /no matches\(\)/],
  ['a missing timeout', good.replace('    timeout: 5s\n', ''),
    /^p\.yaml:8:5: steps\.0\.timeout: expected a string, found nothing/m],
  ['a duration without a unit', good.replace('timeout: 5s', 'timeout: 5'),
    /^p\.yaml:11:14: steps\.0\.timeout: expected a string, found 5/m],
  ['a misspelt key', good.replace('timeout: 5s', 'timeout: 5s\n    timout: 5s'),
    /^p\.yaml:12:5: steps\.0\.timout: expected no such key/m],
  ['a missing parameter', good.replace('    with: { kernel: "${inputs.kernel}" }\n', ''), /steps\.0\.with\.kernel: expected a string/],
  ['two steps of one id', `${good}  - id: verify\n    action: assess\n    timeout: 1s\n`,
    /^p\.yaml:12:9: steps\.1\.id: expected an id that no other step has, found "verify"/m],
  ['a way back', good.replace('timeout: 5s', 'timeout: 5s\n    on_failure: { goto: verify }'),
    /on_failure\.goto: expected the id of a later step/],
  ['a join of more branches than there are',
    good.replace(/steps:[\s\S]*/, 'steps:\n  - id: both\n    join: 3\n    parallel:\n      - { id: a, action: assess, timeout: 1s }\n'),
    /^p\.yaml:9:11: steps\.0\.join: expected at most 1/m],
  ['an alias', `${good}title2: &x y\nagain: *x\n`, /expected no alias, found one/],
  ['a bomb of aliases', `a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: [*c,*c]\n`, /no alias/],
  ['a tag', good.replace('title: Example', 'title: !!js/function Example'), /^p\.yaml:3:/m],
  ['a directive', `%YAML 1.1\n---\n${good}`, /^p\.yaml:1:1: expected no directive/m],
  ['a duplicate key', `${good}version: 2\n`, /^p\.yaml:12:1: expected valid YAML, found: Map keys must be unique/m],
  ['a second document', `${good}---\n${good}`, /expected valid YAML/],
  ['the key __proto__', `${good}__proto__: { polluted: true }\n`, /__proto__: expected no such key/],
  ['a file of 500 KB', `${good}#${'x'.repeat(500_000)}`, /expected at most 262144 bytes/],
  ['something that is no mapping', '- 1\n- 2\n', /expected/],
  ['nothing', '', /expected/],
];

describe('a playbook is refused for', () => {
  for (const [what, text, ...messages] of cases) {
    test(what, () => {
      const beganAtMs = performance.now();
      const error = refusal(text);
      assert.equal(error.code, 'GRACE_PLAYBOOK_INVALID');
      for (const message of messages) assert.match(error.message, message);
      assert.ok(performance.now() - beganAtMs < 2_000, 'refusing took the host too long');
      assert.equal(({} as { polluted?: boolean }).polluted, undefined);
    });
  }

  test('all its problems at once', () => {
    const error = refusal(good.replace('verify_kernel', 'x').replace('inputs.kernel}', 'inputs.y}').replace('5s', '5'));
    assert.match(error.message, /timeout/);
    const again = refusal(good.replace('verify_kernel', 'x').replace('    timeout', '    when: inputs.y\n    timeout'));
    assert.equal(again.message.split('\n').length, 2);
  });
});

describe('the SLO proof', () => {
  // The timeouts that the original system declared: 155 s in a playbook that promises 120 s.
  const original = `playbook: original
version: 1
title: The declared budgets of the original
slo: 120s
steps:
  - { id: emergency_mode, action: assess, timeout: 5s }
  - { id: restart, action: restart_kernels, with: { kernels: [] }, timeout: 60s }
  - { id: bus, action: verify_kernel, with: { kernel: message_bus }, timeout: 10s, retry: { attempts: 3, delay: 5s } }
  - { id: healing, action: verify_kernel, with: { kernel: self_healing }, timeout: 10s }
  - { id: agent, action: verify_kernel, with: { kernel: coding_agent }, timeout: 10s }
  - { id: health, action: verify_running, with: { at_least: 18 }, timeout: 30s }
`;

  test('refuses the original budgets, with the path and the sum', () => {
    const error = refusal(original);
    assert.equal(error.code, 'GRACE_PLAYBOOK_OVER_SLO');
    assert.match(error.message, /the worst case of "original" is 155s, over its slo of 2m by 35s/);
    assert.match(error.message, /restart 1m \+ bus \(3 x 10s \+ 10s of waiting\) 40s/);
    assert.equal(error.details['totalMs'], 155_000);
  });

  test('takes the longest way: a jump that leaves steps out does not shorten it', () => {
    const { worstCase } = loadPlaybook(
      original.replace('120s', '160s').replace('timeout: 60s', 'timeout: 60s, on_failure: { goto: health }'),
      'p.yaml', shippedActions,
    );
    assert.equal(worstCase.totalMs, 155_000);
  });

  test('counts the slowest of all branches, compensation and finally', () => {
    const text = `playbook: p
version: 1
title: p
slo: 60s
steps:
  - id: both
    join: 1
    parallel:
      - { id: quick, action: assess, timeout: 1s }
      - { id: slow, action: assess, timeout: 9s, compensate: { action: assess, timeout: 3s } }
finally:
  - { id: close, action: assess, timeout: 2s }
`;
    // Once its only step is done, nothing can make it undo that step: unless a criterion can.
    const certain = loadPlaybook(text, 'p.yaml', shippedActions).worstCase;
    assert.deepEqual([certain.totalMs, certain.reserveMs], [11_000, 2_000]);
    const doubtful = loadPlaybook(`${text}success: ['steps.slow.status == "done"']\n`, 'p.yaml', shippedActions);
    assert.deepEqual([doubtful.worstCase.totalMs, doubtful.worstCase.reserveMs], [14_000, 5_000]);
  });

  test('reads max_delay and jitter, and counts the longest wait', () => {
    const text = good.replace('timeout: 5s', 'timeout: 5s\n    retry: ' +
      '{ attempts: 4, delay: 1s, backoff: exponential, max_delay: 3s, jitter: 0.5 }');
    const { playbook, worstCase } = loadPlaybook(text, 'p.yaml', shippedActions);
    const [step] = playbook.steps as [ActionStep];
    assert.deepEqual(step.retry, { attempts: 4, delayMs: 1_000, backoff: 'exponential', maxDelayMs: 3_000, jitter: 0.5 });
    assert.equal(worstCase.legs[0]!.waitMs, 1_500 + 3_000 + 3_000);
    assert.match(refusal(text.replace('0.5', '1.5')).message, /retry\.jitter/);
  });
});
