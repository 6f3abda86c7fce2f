import type { Clock } from '../core/ports.ts';

/**
 * Real time. Its readings can be compared between the threads of a process, and its timers never keep
 * the process alive.
 */
export const systemClock: Clock = {
  now: () => Number(process.hrtime.bigint()) / 1e6,
  wallNow: () => Date.now(),
  setTimeout: (fire, ms) => setTimeout(fire, ms).unref(),
  clearTimeout: (id) => clearTimeout(id as NodeJS.Timeout | undefined),
};
