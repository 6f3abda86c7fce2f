import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { coreTimesOf, starvedMs } from '../../src/kernels/os-thread.ts';

const at = (atMs: number, ranMs: number, waitedMs: number, wantsCore = true) => ({ atMs, ranMs, waitedMs, wantsCore });

describe('time without a core', () => {
  test('is what a runnable thread did not run, also before the kernel has added it up', () => {
    assert.equal(starvedMs(at(0, 10, 3), at(50, 12, 3)), 48);
    assert.equal(starvedMs(at(0, 10, 3), at(50, 30, 33)), 30);
  });

  test('is not counted for a thread that spins on a core of its own', () => {
    assert.equal(starvedMs(at(0, 10, 0), at(50, 57, 0)), 0);
  });

  test('is the waiting of a thread that sleeps now: its sleep is silence', () => {
    assert.equal(starvedMs(at(0, 10, 0), at(50, 10, 0, false)), 0);
    assert.equal(starvedMs(at(0, 10, 0), at(50, 20, 7, false)), 7);
  });

  test('is read for the thread itself where the system tells it, and is unknown for no thread', (context) => {
    if (process.platform !== 'linux') return context.skip('only Linux has /proc');
    const own = coreTimesOf('self', 5)!;
    assert.equal(own.atMs, 5);
    assert.ok(own.ranMs > 0);
    assert.equal(own.wantsCore, true, 'whoever reads its own state runs');
    assert.equal(coreTimesOf('self/task/0', 5), undefined);
    assert.equal(coreTimesOf(undefined, 5), undefined);
    return undefined;
  });
});
