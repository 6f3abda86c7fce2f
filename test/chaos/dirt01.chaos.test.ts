// The main job on real threads, its negative control, and the death of any kernel under load.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'vitest';
import { createGrace, openJournalFolder } from 'grace-runtime';
import { runDirt01 } from '../../dist/src/chaos/scenarios/dirt01.js';
import { checkBooks, readBooks, referenceHost, startLoad } from '../../dist/src/reference-host/index.js';
import { Folder } from '../fixtures/kernels.ts';

let folder: Folder;
beforeEach(() => {
  folder = new Folder();
});
afterEach(() => folder.remove());

describe('DIRT01', () => {
  test('three critical threads are killed at once, and the system is whole again', async () => {
    const report = await runDirt01({ dataDir: folder.dataDir, recovery: true });
    const failed = report.checks.filter(({ ok }) => !ok);
    assert.deepEqual(failed, []);
    assert.ok(report.passed && report.effectProven);
    assert.equal(report.steps.length, 10);
    for (const file of [
      'trigger-event.json', 'playbook-execution-log.yaml', 'coding-agent-task.json',
      'control-plane-dumps.json', 'resource-timeline.json',
    ]) {
      assert.ok(existsSync(join(report.artefacts!, file)), `${file} is missing`);
    }
    const trigger = JSON.parse(readFileSync(join(report.artefacts!, 'trigger-event.json'), 'utf8')) as {
      event_type: string; payload: { kernels_down: string[] };
    };
    assert.equal(trigger.event_type, 'event.emergency');
    assert.deepEqual(trigger.payload.kernels_down.toSorted(), ['coding_agent', 'message_bus', 'self_healing']);
    // Every hop of the pipeline is in the journal.
    const types = new Set([...openJournalFolder(folder.dataDir).entries()].map(({ type }) => type));
    for (const type of [
      'kernel.down', 'event.incident', 'event.emergency', 'incident.opened', 'incident.upgraded', 'run.started',
      'run.step_ended', 'run.ended', 'emergency.entered', 'emergency.left', 'kernel.ready', 'recovery.recorded',
      'diagnosis.requested', 'diagnosis.completed', 'remediation.escalated', 'incident.closed',
    ]) {
      assert.ok(types.has(type), `${type} is not in the journal`);
    }
  });

  test('fails without recovery', async () => {
    const report = await runDirt01({ dataDir: folder.dataDir, recovery: false });
    assert.ok(report.effectProven, 'the control is invalid: nothing was killed');
    assert.ok(!report.passed);
    assert.equal(report.criticalRecovered, 0);
  });
});

describe('any kernels', () => {
  test('that die under load lose nothing: the books balance', async () => {
    const grace = await createGrace({ ...referenceHost(folder.dataDir), logLevel: 'silent' });
    await grace.start();
    try {
      const load = startLoad(grace.bus, 200);
      const victims = [
        ['payments'], ['orders', 'ledger'], ['message_bus'], ['inventory', 'message_bus', 'api_server'], ['catalog'],
      ];
      for (const group of victims) {
        await new Promise((resolve) => {
          setTimeout(resolve, 250);
        });
        const back = group.map((kernel) => new Promise<void>((resolve) => {
          const stop = grace.on('kernel.ready', (payload) => {
            if (payload.kernel !== kernel) return;
            stop();
            resolve();
          });
        }));
        for (const kernel of group) void grace.unsafeWorker(kernel)!.terminate();
        await Promise.all(back);
      }
      const { acknowledged, failed } = await load.stop();
      let verdict = checkBooks(await readBooks(grace.bus));
      for (const deadline = Date.now() + 15_000; !verdict.balanced && Date.now() < deadline;) {
        await new Promise((resolve) => {
          setTimeout(resolve, 100);
        });
        verdict = checkBooks(await readBooks(grace.bus));
      }
      assert.deepEqual(verdict.problems, []);
      assert.equal(failed, 0);
      assert.ok(verdict.handled >= acknowledged, `${verdict.handled} handled, ${acknowledged} acknowledged`);
      assert.ok(acknowledged > 100);
    } finally {
      await grace.stop();
    }
  });
});
