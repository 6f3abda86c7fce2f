import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { coreTimesOf, starvedMs } from '../../src/kernels/os-thread.ts';

const at = (atMs: number, ranMs: number, waitedMs: number, wantsCore = true, shortMs = 0) =>
  ({ atMs, ranMs, waitedMs, wantsCore, shortMs });
const own = (ms: number) => ({ own: ms, others: 0 });

describe('time without a core', () => {
  test('is what a runnable thread did not run, also before the kernel has added it up', () => {
    assert.deepEqual(starvedMs(at(0, 10, 3), at(50, 12, 3), 200), own(48));
    assert.deepEqual(starvedMs(at(0, 10, 3), at(50, 30, 33), 200), own(30));
  });

  test('is not counted for a thread that spins on a core of its own', () => {
    assert.deepEqual(starvedMs(at(0, 10, 0), at(50, 57, 0), 200), own(0));
  });

  test('is what was added up, for one that ran most of the time and slept while its heap was collected', () => {
    assert.deepEqual(starvedMs(at(0, 10, 0), at(50, 45, 2), 200), own(2));
    assert.deepEqual(starvedMs(at(0, 10, 0), at(50, 45, 2, false, 40), 200), own(2));
  });

  test('is the waiting of a thread that sleeps now: its sleep is silence', () => {
    assert.deepEqual(starvedMs(at(0, 10, 0), at(50, 10, 0, false), 200), own(0));
    assert.deepEqual(starvedMs(at(0, 10, 0), at(50, 20, 7, false), 200), own(7));
  });

  test('may be that of another thread, while the machine is short of cores, and within patience', () => {
    assert.deepEqual(starvedMs(at(0, 10, 0), at(50, 10, 7, false, 40), 200), { own: 7, others: 33 });
    assert.deepEqual(starvedMs(at(0, 10, 0), at(50, 10, 0, false, 40), 15), { own: 0, others: 15 });
    assert.deepEqual(starvedMs(at(0, 10, 0), at(50, 57, 0, true, 40), 200), own(0), 'one that spins is no such thread');
  });

  test('is read for the thread itself where the system tells it, and is unknown for no thread', (context) => {
    if (process.platform !== 'linux') return context.skip('only Linux has /proc');
    const read = coreTimesOf('self', 5)!;
    assert.equal(read.atMs, 5);
    assert.ok(read.ranMs > 0);
    assert.equal(read.wantsCore, true, 'whoever reads its own state runs');
    assert.equal(coreTimesOf('self/task/0', 5), undefined);
    assert.equal(coreTimesOf(undefined, 5), undefined);
    return undefined;
  });
});
