import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'vitest';
import { describePath } from '../../src/core/worst-case.ts';
import { shippedActions } from '../../src/playbooks/actions.ts';
import { loadPlaybooks } from '../../src/playbooks/library.ts';
import { playbookJsonSchema } from '../../src/playbooks/schema.ts';

const folder = `${import.meta.dirname}/../../playbooks`;

describe('the shipped playbooks', () => {
  const library = loadPlaybooks(folder, shippedActions);

  test('are the three of the seed, each within its SLO', () => {
    const found = Object.fromEntries([...library].map(([id, { playbook, worstCase }]) => {
      assert.ok(worstCase.totalMs <= playbook.sloMs, describePath(worstCase));
      return [id, playbook.sloMs];
    }));
    assert.deepEqual(found, {
      critical_kernel_restart: 60_000,
      emergency_critical_kernel_recovery: 120_000,
      proactive_kernel_health_check: 60_000,
    });
  });

  test('the emergency has its ten steps by name and in order', () => {
    const { steps } = library.get('emergency_critical_kernel_recovery')!.playbook;
    assert.deepEqual(steps.map(({ id }) => id), [
      'assess_damage', 'activate_emergency_mode', 'parallel_kernel_restart', 'verify_message_bus',
      'verify_self_healing', 'verify_coding_agent', 'create_diagnostic_tasks', 'restore_system_health',
      'disable_emergency_mode', 'log_recovery',
    ]);
  });

  test('the JSON Schema beside them is the one of this version', () => {
    const shipped: unknown = JSON.parse(readFileSync(`${folder}/playbook.schema.json`, 'utf8'));
    assert.deepEqual(shipped, JSON.parse(JSON.stringify(playbookJsonSchema())));
  });
});
