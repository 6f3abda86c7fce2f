import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import fc from 'fast-check';
import { judge, newLiveness, type LivenessState } from '../../src/core/failure-detector.ts';

const limits = { tardyMs: 250, silentMs: 1_000, stalledMs: 30_000 };
const quiet = { lateMs: 0, idleMs: 0, activeMs: 0, stepMs: 20, turns: 0, done: 0, waiting: 0 };

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

  test('property: a hang that follows on idleness is found the silence after it began; none a step too early (500 runs)', () => {
    fc.assert(
      fc.property(
        fc.nat(1_000), fc.array(fc.boolean(), { maxLength: 400 }), fc.constantFrom(5, 20, 40),
        (idleForMs, busyFor, stepMs) => {
          // Idle for a while, busy or idle by the ms, then idle once more or not, and it hangs.
          const isIdle = [...Array.from({ length: idleForMs }, () => true), ...busyFor.map((busy) => !busy)];
          const hangsAtMs = isIdle.length;
          const busySinceMs = isIdle.lastIndexOf(true) + 1;
          let state = newLiveness(0);
          let [idleMs, foundAtMs] = [0, -1];
          for (let nowMs = 1; foundAtMs < 0; nowMs += 1) {
            if (isIdle[nowMs - 1]) idleMs += 1;
            // On the grid of the monitor, and the moment at which it would be silent.
            if (nowMs % stepMs !== 0 && nowMs < state.signAtMs + limits.silentMs) continue;
            const step = judge(state, { ...quiet, nowMs, idleMs, activeMs: nowMs - idleMs, stepMs }, limits);
            state = step.state;
            if (step.verdict === 'silent') foundAtMs = nowMs;
          }
          const after = foundAtMs - limits.silentMs;
          assert.ok(after >= busySinceMs - stepMs && after <= busySinceMs, `${after}, busy since ${busySinceMs}`);
          return hangsAtMs >= busySinceMs;
        },
      ),
      { numRuns: 500 },
    );
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
