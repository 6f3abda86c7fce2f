import type { Clock } from '../core/ports.ts';

/** Real time. Its timers never keep the host process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  setTimeout: (fire, ms) => setTimeout(fire, ms).unref(),
  clearTimeout: (id) => clearTimeout(id as NodeJS.Timeout | undefined),
};
