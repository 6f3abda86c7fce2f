// A heap that leaks is ended before its limit, one that is only full of garbage is left alone.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'vitest';
import { createGrace, graceKernels, openJournalFolder, type Grace } from 'grace-runtime';
import { Folder } from '../fixtures/kernels.ts';

const source = `
const kept = [];
const entries = (count) => Array.from({ length: count }, (_, index) => ({ index, name: 'entry ' + index }));
export function start() {
  return {
    handle({ payload }) {
      if (payload === 'leak') setInterval(() => kept.push(entries(8_000)), 20);
      if (payload === 'leak outside') setInterval(() => kept.push(Buffer.alloc(4 << 20, 1)), 20);
      if (payload === 'churn') setInterval(() => entries(60_000), 5);
      return true;
    },
    snapshot: () => null,
  };
}`;

let folder: Folder;
let grace: Grace;
beforeEach(async () => {
  folder = new Folder();
  grace = await createGrace({
    dataDir: folder.dataDir,
    logLevel: 'silent',
    kernels: [
      { id: 'message_bus', module: graceKernels.message_bus },
      { id: 'coding_agent', module: graceKernels.coding_agent },
      {
        id: 'victim', module: folder.module('victim', source), critical: true,
        limits: { heapMb: 48, externalMb: 32 },
      },
    ],
  });
  await grace.start();
});
afterEach(async () => {
  await grace.stop();
  folder.remove();
});

const next = <T>(type: Parameters<Grace['on']>[0]) => new Promise<T>((resolve) => {
  const stop = grace.on(type, (payload) => {
    stop();
    resolve(payload as T);
  });
});

describe('memory', () => {
  test('a leak is ended at 80 % and mitigated; the mitigation can be taken back, and both are journalled', async () => {
    const down = next<{ reason: { kind: string; notice: string } }>('kernel.down');
    const applied = next<{ mitigation: { id: string; kind: string } }>('mitigation.applied');
    const closed = next('incident.closed');
    await grace.call('victim', 'leak');
    const { reason } = await down;
    assert.deepEqual([reason.kind, reason.notice], ['out_of_memory', 'monitor']);
    const { mitigation } = await applied;
    await closed;
    assert.deepEqual(grace.mitigations().map(({ kind }) => kind).toSorted(), ['breaker', 'limit', 'monitor']);
    grace.revertMitigation(mitigation.id, 'test');
    assert.ok(!grace.mitigations().some(({ id }) => id === mitigation.id));
    assert.throws(() => grace.revertMitigation(mitigation.id, 'test'), { code: 'GRACE_MITIGATION_UNKNOWN' });
    await grace.stop();
    const types = new Set([...openJournalFolder(folder.dataDir).entries()].map(({ type }) => type));
    assert.ok(types.has('mitigation.applied') && types.has('mitigation.reverted'));
  });

  test('memory outside the heap has a limit too', async () => {
    const down = next<{ reason: { kind: string; error?: { message: string } } }>('kernel.down');
    await grace.call('victim', 'leak outside');
    const { reason } = await down;
    assert.equal(reason.kind, 'out_of_memory');
    assert.match(reason.error!.message, /outside its heap/);
  });

  test('a heap full of garbage is left alone', async () => {
    await grace.call('victim', 'churn');
    await new Promise((resolve) => {
      setTimeout(resolve, 3_000);
    });
    assert.equal(grace.kernels().find(({ kernel }) => kernel === 'victim')!.epoch, 1);
  });
});
