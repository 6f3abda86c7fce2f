import { fromPromise } from 'xstate';
import type { Clock } from '../src/core/ports.ts';

/**
 * The alarm that charts invoke for their deadlines: rings at an absolute reading of `clock`.
 *
 * An invoked actor is started again when its chart is restored, so the alarm survives where an
 * `after` timer would not. Leaving the state that invoked it takes its timer away.
 */
export const alarmOn = (clock: Clock) =>
  fromPromise<{ atMs: number }, { atMs: number }>(
    ({ input, signal }) =>
      new Promise((resolve) => {
        const waitMs = Math.max(0, input.atMs - clock.now());
        // Timers may fire a little early; the reading that charts see never does.
        const ring = () => resolve({ atMs: Math.max(input.atMs, clock.now()) });
        const timer = clock.setTimeout(ring, waitMs);
        signal.addEventListener('abort', () => clock.clearTimeout(timer), { once: true });
      }),
  );
