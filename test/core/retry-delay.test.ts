import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { seedOf } from '../../src/core/backoff.ts';
import { longestRetryDelayMs, retryDelayMs, type Playbook, type Retry } from '../../src/core/playbook.ts';
import { play } from '../support/adversary.ts';

const plain: Retry = { attempts: 5, delayMs: 100, backoff: 'exponential', maxDelayMs: null, jitter: 0 };
const waits = (retry: Retry, seed = 0) => [1, 2, 3, 4].map((attempt) => retryDelayMs(retry, attempt, seed));

describe('the wait between tries', () => {
  test('is constant, or doubles, and is never longer than max_delay', () => {
    assert.deepEqual(waits({ ...plain, backoff: 'constant' }), [100, 100, 100, 100]);
    assert.deepEqual(waits(plain), [100, 200, 400, 800]);
    assert.deepEqual(waits({ ...plain, maxDelayMs: 300 }), [100, 200, 300, 300]);
    assert.deepEqual(waits({ ...plain, maxDelayMs: 300, jitter: 1 }, 7).map((ms) => ms <= 300), Array(4).fill(true));
  });

  test('has a jitter that is drawn from the seed, and is counted at its most', () => {
    const retry = { ...plain, delayMs: 10_000, jitter: 0.2 };
    assert.deepEqual(waits(retry, 1), waits(retry, 1));
    for (const attempt of [1, 2, 3, 4]) {
      const longest = longestRetryDelayMs(retry, attempt);
      const drawn = Array.from({ length: 1_000 }, (_, n) => retryDelayMs(retry, attempt, seedOf(`run_${n}/step`)));
      assert.equal(longest, retryDelayMs({ ...retry, jitter: 0 }, attempt, 0) * 1.2);
      assert.ok(Math.max(...drawn) <= longest);
      assert.ok(Math.max(...drawn) >= longest * 0.99, `${Math.max(...drawn)} of ${longest}`);
      assert.ok(Math.min(...drawn) <= longest / 1.2 * 0.81, `${Math.min(...drawn)} of ${longest}`);
    }
  });

  test('is drawn by a run from its id and the step', async () => {
    const retry = { ...plain, attempts: 2, delayMs: 10_000, jitter: 0.5 };
    const playbook: Playbook = {
      id: 'p', version: 1, title: 'p', hash: '', on: null, sloMs: 60_000, cooldownMs: 0, inputs: {}, finally: [], success: [],
      steps: [{
        kind: 'action', id: 'step', action: 'any', with: {}, when: null, timeoutMs: 100, onFailure: 'abort', retry,
        forEach: null, compensate: null, saveAs: null,
      }],
    };
    const { endedAtMs } = await play(playbook, () => ({ ms: 0, ends: 'failed' }), { inputs: {} });
    assert.equal(endedAtMs, retryDelayMs(retry, 1, seedOf('run_1/step')));
    assert.notEqual(endedAtMs, 10_000);
  });
});
