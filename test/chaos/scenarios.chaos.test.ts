// Every scenario on real threads, and its negative control.
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import type { RunOptions } from '../../dist/src/chaos/catalogue.js';
import { scenarios } from '../../dist/src/chaos/catalogue.js';
import { Folder } from '../fixtures/kernels.ts';

async function run(id: string, options: Partial<RunOptions> = {}) {
  const scenario = scenarios.find((one) => one.id === id)!;
  const folder = new Folder();
  try {
    const report = await scenario.run({ dataDir: folder.dataDir, recovery: true, ...options });
    return { report, failed: report.checks.filter(({ ok }) => !ok) };
  } finally {
    folder.remove();
  }
}

describe('chaos', () => {
  for (const [id, options] of [
    ['dirt01', { cause: 'throw' }],
    ['dirt01', { cause: 'exit' }],
    ['dirt01', { cause: 'hang' }],
    ['dirt01', { cause: 'leak' }],
    ['dirt01', { cause: 'hang', detector: 'watchdog' }],
    ['single', { kernel: 'message_bus', cause: 'hang' }],
    ['single', { kernel: 'inventory', cause: 'throw' }],
    ['second-death', {}],
    ['early-warning', {}],
    ['crash-loop', {}],
    ['agent-death', {}],
    ['quorum', {}],
  ] as const) {
    test(`${id} ${JSON.stringify(options)} passes`, async () => {
      const { report, failed } = await run(id, options);
      assert.deepEqual(failed, []);
      assert.ok(report.passed && report.effectProven);
    });
  }

  // Each waits in vain for most of its time: that may be done beside each other.
  for (const { id } of scenarios.filter((one) => one.id !== 'dirt01')) {
    test.concurrent(`${id} fails without recovery`, async () => {
      const { report } = await run(id, { recovery: false });
      assert.ok(!report.passed);
    });
  }
});
