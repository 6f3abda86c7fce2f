// The stack of a hung thread is read by the inspector of the process: that must never cost the process.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'vitest';
import { createGrace, graceKernels, type Diagnosis } from 'grace-runtime';
import { Folder } from '../fixtures/kernels.ts';

const source = `
function spinForEver() { for (;;) Math.sqrt(2); }
export function start() {
  return {
    handle({ payload }) { if (payload === 'hang') setTimeout(spinForEver, 1); return true; },
    snapshot: () => null,
  };
}`;

let folder: Folder;
beforeEach(() => {
  folder = new Folder();
});
afterEach(() => folder.remove());

describe('a hung thread', () => {
  test('is named by the function it hangs in, after its successor serves', async () => {
    const grace = await createGrace({
      dataDir: folder.dataDir,
      logLevel: 'silent',
      kernels: [
        { id: 'message_bus', module: graceKernels.message_bus },
        { id: 'coding_agent', module: graceKernels.coding_agent },
        {
          id: 'victim', module: folder.module('victim', source), critical: true,
          liveness: { tardy: '100ms', silent: '200ms' },
        },
      ],
    });
    await grace.start();
    try {
      let readyAtMs = Infinity;
      const diagnosis = new Promise<{ diagnosis: Diagnosis; atMs: number }>((resolve) => {
        grace.on('kernel.ready', (_, { atMs }) => {
          readyAtMs = Math.min(readyAtMs, atMs);
        });
        grace.on('diagnosis.completed', (payload, { atMs }) => resolve({ diagnosis: payload.diagnosis, atMs }));
      });
      await grace.call('victim', 'hang');
      const { diagnosis: found, atMs } = await diagnosis;
      assert.equal(found.subcause, 'res.event_loop_blocked');
      assert.match(found.rootCause, /spinForEver \(file:.*victim\.mjs:2:/);
      assert.ok(readyAtMs < atMs);
    } finally {
      const { zombies } = await grace.stop();
      assert.deepEqual(zombies, []);
    }
  });

  test('may be read while other threads die, and while the runtime stops', () => {
    // In a process of its own: what would go wrong here ends the process.
    const script = folder.file('storm.mjs', `
      import { createGrace } from ${JSON.stringify(join(import.meta.dirname, '../../dist/src/index.js'))};
      const module = ${JSON.stringify(folder.module('victim', source))};
      const alive = setInterval(() => undefined, 1_000);
      const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
      for (let round = 0; round < 10; round += 1) {
        const grace = await createGrace({
          dataDir: ${JSON.stringify(folder.dataDir)} + round, logLevel: 'silent',
          kernels: ['one', 'two', 'three'].map((id) => ({
            id, module, critical: true, liveness: { tardy: '40ms', silent: '80ms' },
          })),
        });
        await grace.start();
        const replaced = new Promise((resolve) => { grace.on('kernel.ready', resolve); });
        await grace.call('one', 'hang');
        await replaced;
        for (let kill = 0; kill < 4; kill += 1) {
          for (const kernel of ['two', 'three']) void grace.unsafeWorker(kernel)?.terminate();
          await pause(round);
        }
        const { zombies } = await grace.stop();
        if (zombies.length > 0) throw new Error(JSON.stringify(zombies));
      }
      clearInterval(alive);
      console.log('survived');
    `);
    assert.match(execFileSync(process.execPath, [script], { encoding: 'utf8', timeout: 50_000 }), /survived/);
  });
});
