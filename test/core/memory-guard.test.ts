import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import fc from 'fast-check';
import { judgeMemory } from '../../src/core/memory-guard.ts';

const limits = { heapMb: 100, externalMb: 50 };
const mb = (n: number) => n * 1_024;

describe('memory guard', () => {
  test('ends a heap at 80 % when most of it outlived a major collection', () => {
    const judge = (used: number, live: number) =>
      judgeMemory({ heapUsedKb: mb(used), heapLiveKb: mb(live), externalKb: 0 }, limits).verdict;
    assert.deepEqual([judge(79, 79), judge(80, 60), judge(90, 59), judge(90, 0)], ['fine', 'end', 'fine', 'fine']);
  });

  test('warns where its monitor says, before it ends', () => {
    const watch = { metric: 'heapUsedKb', warnAt: mb(65) } as const;
    const judge = (used: number) =>
      judgeMemory({ heapUsedKb: mb(used), heapLiveKb: mb(used), externalKb: 0 }, limits, watch).verdict;
    assert.deepEqual([judge(64), judge(65), judge(80)], ['fine', 'warn', 'end']);
  });

  test('property: more memory never gets a milder verdict (1,000 runs)', () => {
    const rank = { fine: 0, warn: 1, end: 2 };
    fc.assert(fc.property(
      fc.nat(200_000), fc.nat(200_000), fc.nat(100_000), fc.nat(50_000),
      (heapUsedKb, heapLiveKb, externalKb, more) => {
        const watch = { metric: 'heapUsedKb', warnAt: mb(50) } as const;
        const before = judgeMemory({ heapUsedKb, heapLiveKb, externalKb }, limits, watch).verdict;
        const after = judgeMemory(
          { heapUsedKb: heapUsedKb + more, heapLiveKb: heapLiveKb + more, externalKb: externalKb + more }, limits, watch,
        ).verdict;
        assert.ok(rank[after] >= rank[before]);
      },
    ), { numRuns: 1_000 });
  });
});
