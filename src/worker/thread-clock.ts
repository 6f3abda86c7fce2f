import type { Clock } from '../core/ports.ts';

/** Time inside a kernel thread. What is due at once comes before the timers of the kernel. */
export const threadClock: Clock = {
  now: () => performance.now(),
  wallNow: Date.now,
  setTimeout: (fire, ms) => (ms <= 0 ? setImmediate(fire) : setTimeout(fire, ms)),
  clearTimeout: (timer) => {
    clearTimeout(timer as NodeJS.Timeout);
    clearImmediate(timer as NodeJS.Immediate);
  },
};
