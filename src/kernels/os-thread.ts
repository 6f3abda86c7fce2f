/** What the operating system knows of a thread. Linux; elsewhere nothing is known. */
import { readFileSync } from 'node:fs';

/** `R (running)` burns a core, or wants one; `S (sleeping)` waits (proc(5), /proc/pid/task/tid/status). */
export function osStateOf(osThread: string | undefined): string | undefined {
  return osThread === undefined ? undefined : /^State:\s*(.+)$/m.exec(read(osThread, 'status'))?.[1];
}

/** How a thread got along with the cores, since it began. */
export interface CoreTimes {
  readonly atMs: number;
  /** On a core, ms. */
  readonly ranMs: number;
  /** Ready to run, and waiting for a core, ms. Counts a wait when it is over. */
  readonly waitedMs: number;
  /** It runs, or waits for a core. */
  readonly wantsCore: boolean;
}

/** @param osThread - Its folder below /proc. */
export function coreTimesOf(osThread: string | undefined, atMs: number): CoreTimes | undefined {
  if (osThread === undefined) return undefined;
  // proc(5): nanoseconds on a core, and of waiting for one.
  const [ranNs = NaN, waitedNs = NaN] = read(osThread, 'schedstat').split(' ').map(Number);
  const stat = read(osThread, 'stat');
  const state = stat[stat.lastIndexOf(')') + 2];
  if (!Number.isFinite(ranNs) || !Number.isFinite(waitedNs) || state === undefined) return undefined;
  return { atMs, ranMs: ranNs / 1e6, waitedMs: waitedNs / 1e6, wantsCore: state === 'R' };
}

/** The kernel adds up what a running thread used at its ticks, ms. */
const tickMs = 5;

/**
 * How much of the time between two readings a thread could not run for want of a core, ms. A thread that wants
 * one now may have waited since its last run, which the kernel has not added up yet.
 *
 * @example
 * const then = { atMs: 0, ranMs: 10, waitedMs: 0, wantsCore: true };
 * starvedMs(then, { atMs: 50, ranMs: 12, waitedMs: 0, wantsCore: true }) // 48
 */
export function starvedMs(before: CoreTimes, now: CoreTimes): number {
  const waitedMs = now.waitedMs - before.waitedMs;
  if (!now.wantsCore) return waitedMs;
  const idleMs = now.atMs - before.atMs - (now.ranMs - before.ranMs);
  return idleMs <= tickMs ? 0 : Math.max(waitedMs, idleMs);
}

function read(osThread: string, file: string): string {
  try {
    return readFileSync(`/proc/${osThread}/${file}`, 'utf8');
  } catch {
    // It has ended, or there is no such system.
    return '';
  }
}
