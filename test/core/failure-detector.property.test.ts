import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import fc from 'fast-check';
import { judge, newLiveness, type LivenessState } from '../../src/core/failure-detector.ts';

const limits = { tardyMs: 250, silentMs: 1_000, stalledMs: 30_000 };
const quiet = { lateMs: 0, idleMs: 0, turns: 0, done: 0, waiting: 0 };

describe('failure detector', () => {
  test('goes from healthy to tardy to silent while nothing moves', () => {
    const at = (nowMs: number) => judge(newLiveness(0), { ...quiet, nowMs }, limits).verdict;
    assert.deepEqual([249, 250, 999, 1_000].map(at), ['healthy', 'tardy', 'tardy', 'silent']);
  });

  test('takes an answered ping for a sign of life when the loop has no idle time', () => {
    const { verdict } = judge(newLiveness(0), { ...quiet, nowMs: 5_000, turns: 1 }, limits);
    assert.equal(verdict, 'healthy');
  });

  test('sees a kernel that beats but does no work', () => {
    let state = newLiveness(0);
    const verdicts = [];
    for (let nowMs = 1_000; nowMs <= 30_000; nowMs += 1_000) {
      const step = judge(state, { ...quiet, nowMs, idleMs: nowMs, waiting: 1 }, limits);
      state = step.state;
      verdicts.push(step.verdict);
    }
    assert.deepEqual([verdicts[0], verdicts[9], verdicts[29]], ['healthy', 'tardy', 'stalled']);
  });

  test('property: a monitor that is late itself never blames a kernel for it (500 runs)', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5_000), { minLength: 1, maxLength: 50 }), (pausesMs) => {
        let state: LivenessState = newLiveness(0);
        let nowMs = 0;
        for (const lateMs of pausesMs) {
          // The kernel moves once between two readings, but just before the pause began.
          nowMs += 20 + lateMs;
          const step = judge(state, { ...quiet, nowMs, lateMs }, limits);
          state = step.state;
          if (step.verdict === 'silent') return nowMs - pausesMs.reduce((sum, ms) => sum + ms, 0) >= 1_000;
        }
        return true;
      }),
      { numRuns: 500 },
    );
  });

  test('property: silence of silentMs is found at the first reading after it (500 runs)', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 80, maxLength: 80 }), (gapsMs) => {
        let state = newLiveness(0);
        let nowMs = 0;
        for (const gapMs of gapsMs) {
          nowMs += gapMs;
          const step = judge(state, { ...quiet, nowMs }, limits);
          state = step.state;
          if ((step.verdict === 'silent') !== nowMs >= limits.silentMs) return false;
        }
        return true;
      }),
      { numRuns: 500 },
    );
  });
});
