// The playbook commands as built: what they print, and how they exit.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, test } from 'vitest';
import { Folder } from '../fixtures/kernels.ts';

const main = join(import.meta.dirname, '../../dist/src/cli/main.js');
const folder = new Folder();
afterAll(() => folder.remove());

function grace(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath, [main, ...args], { encoding: 'utf8', cwd: folder.path, timeout: 60_000, env: { ...process.env, NO_COLOR: '1' } },
  );
  return { status, stdout, stderr };
}

const bad = folder.file('bad.yaml', `playbook: bad
version: 1
title: Too slow
slo: 20s
steps:
  - { id: a, action: assess, timeout: 5s, compensate: { action: assess, timeout: 2s } }
  - { id: b, action: assess, timeout: 5s, retry: { attempts: 3, delay: 1s } }
finally:
  - { id: c, action: assess, timeout: 1s }
`);
const event = folder.file('event.json', '{ "kernels_down": ["message_bus"] }');

interface Leg { step: string; attempts: number; timeoutMs: number; waitMs: number; ms: number; how: string }
interface Worst { legs: Leg[]; totalMs: number; reserveMs: number; sloMs: number; slackMs: number }

describe('grace playbook check', () => {
  test('prints the critical path with its sums, and what is to spare', () => {
    const { status, stdout } = grace('playbook', 'check');
    assert.equal(status, 0);
    assert.match(stdout, /critical_kernel_restart, worst case 47s of 60s, 13s to spare/);
    assert.match(stdout, /^ +verify_restart +3 x 5s +10s +25s +45s$/m);
    const checks = JSON.parse(grace('playbook', 'check', '--json').stdout) as { worstCase: Worst }[];
    assert.equal(checks.length, 3);
    for (const { worstCase: { legs, totalMs, sloMs, slackMs } } of checks) {
      assert.equal(legs.reduce((total, { ms }) => total + ms, 0), totalMs);
      for (const { attempts, timeoutMs, waitMs, ms } of legs) assert.equal(attempts * timeoutMs + waitMs, ms);
      assert.equal(sloMs - totalMs, slackMs);
    }
  });

  test('explains a refusal with the same steps and sums, as text and as JSON', () => {
    const { status, stdout } = grace('playbook', 'check', bad);
    assert.equal(status, 2);
    assert.match(stdout, /GRACE_PLAYBOOK_OVER_SLO[\s\S]*is 25s, over its slo of 20s by 5s/);
    assert.match(stdout, /^ +b +3 x 5s +2s +17s +22s$/m);
    assert.match(stdout, /^ +compensate a +1 x 2s +- +2s +24s$/m);
    assert.match(stdout, /25s of 20s, 5s over; reserve for undoing and finally 3s/);
    const json = grace('playbook', 'check', bad, '--json');
    assert.equal(json.status, 2);
    const [{ ok, code, details }] = JSON.parse(json.stdout) as [{ ok: boolean; code: string; details: Worst }];
    assert.deepEqual([ok, code, details.totalMs, details.sloMs, details.slackMs, details.reserveMs],
      [false, 'GRACE_PLAYBOOK_OVER_SLO', 25_000, 20_000, -5_000, 3_000]);
    assert.deepEqual(details.legs.map(({ step, ms }) => [step, ms]), [
      ['a', 5_000], ['b', 17_000], ['compensate a', 2_000], ['finally c', 1_000],
    ]);
  });
});

describe('grace playbook plan', () => {
  const plan = (id: string, ...args: string[]) => grace('playbook', 'plan', id, ...args);

  test('prints the schedule of a run for an event', () => {
    const { status, stdout } = plan('critical_kernel_restart', '--event', event);
    assert.equal(status, 0);
    assert.match(stdout, /on event\.incident with \{.*"kernels_down":\["message_bus"\]/);
    assert.match(stdout, /60s after the event; at the latest after 47s, 13s to spare/);
    assert.match(stdout, /^verify_restart +yes +0s\.\.20s +45s +3 x 5s +10s +verify_kernel$/m);
    assert.match(stdout, /^verify_restart: 1 item; \{"kernel":"message_bus"\}$/m);
  });

  test('prints it as JSON, in ms', () => {
    const { status, stdout } = plan('critical_kernel_restart', '--event', event, '--json');
    assert.equal(status, 0);
    const { deadlineAtMs, steps, worstCase } = JSON.parse(stdout) as {
      deadlineAtMs: number; steps: { step: string; latestEndMs: number; runs: string; items: number | null }[]; worstCase: Worst;
    };
    assert.deepEqual([deadlineAtMs, worstCase.totalMs, worstCase.slackMs], [60_000, 47_000, 13_000]);
    assert.deepEqual(steps.map(({ step, runs, latestEndMs, items }) => [step, runs, latestEndMs, items]), [
      ['immediate_restart', 'yes', 20_000, null], ['verify_restart', 'yes', 45_000, 1],
      ['create_diagnostic_task', 'yes', 47_000, null],
    ]);
  });

  test('takes playbooks from a folder, and explains what it refuses with exit code 2', () => {
    const own = join(folder.path, 'own');
    mkdirSync(own);
    folder.file('own/page.yaml', `playbook: page
version: 1
title: Page
slo: 10s
inputs: { text: { type: string, required: true } }
steps:
  - { id: page, action: record, with: { type: a.b, data: { text: "\${inputs.text}" } }, timeout: 5s }
`);
    const said = folder.file('said.json', '{ "inputs": { "text": "hello" } }');
    const ok = plan('page', '--event', said, '--playbooks', own);
    assert.equal(ok.status, 0, ok.stderr);
    assert.match(ok.stdout, /"text":"hello"/);
    const noJson = folder.file('no.json', '{\n  "kernels_down": [message_bus]\n}');
    const refusals = [
      [plan('page', '--event', event, '--playbooks', own), /GRACE_PLAYBOOK_INVALID: .*requires the input "text"/],
      [plan('ghost', '--event', said, '--playbooks', own), /GRACE_PLAYBOOK_UNKNOWN: There is no playbook "ghost", but page\./],
      [plan('page', '--event', noJson, '--playbooks', own), /GRACE_CONFIG_INVALID: .*no\.json:2:20: expected JSON/],
      [plan('page', '--event', 'nowhere.json', '--playbooks', own), /GRACE_CONFIG_INVALID: --event: nowhere\.json cannot be read/],
      [plan('page', '--playbooks', own), /required option '--event <file>'/],
    ] as const;
    for (const [{ status, stderr }, message] of refusals) {
      assert.equal(status, 2, stderr);
      assert.match(stderr, message);
    }
  });
});
