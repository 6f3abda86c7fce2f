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
  /** How long some thread of the machine has waited for a core since it booted, ms; 0 when that is not known. */
  readonly shortMs: number;
}

/** @param osThread - Its folder below /proc. */
export function coreTimesOf(osThread: string | undefined, atMs: number): CoreTimes | undefined {
  if (osThread === undefined) return undefined;
  // proc(5): nanoseconds on a core, and of waiting for one.
  const [ranNs = NaN, waitedNs = NaN] = read(osThread, 'schedstat').split(' ').map(Number);
  const stat = read(osThread, 'stat');
  const state = stat[stat.lastIndexOf(')') + 2];
  if (!Number.isFinite(ranNs) || !Number.isFinite(waitedNs) || state === undefined) return undefined;
  // Pressure stall information, in us.
  const shortUs = Number(/^some .*total=(\d+)/m.exec(readFile('/proc/pressure/cpu'))?.[1] ?? 0);
  return { atMs, ranMs: ranNs / 1e6, waitedMs: waitedNs / 1e6, wantsCore: state === 'R', shortMs: shortUs / 1_000 };
}

/**
 * How much of the time between two readings a thread could not run for want of a core, ms.
 *
 * A thread that wants one now and hardly ran may have waited since, which the kernel has not added up yet. One that
 * ran for a quarter of the time and more (and slept while its heap was collected) has waited for what is added up.
 * One that sleeps may wait for another that gets no core, such as a collector of its heap: that is possible while
 * the machine is short of cores.
 *
 * @param patienceMs - How much of the second kind is believed.
 * @example
 * const then = { atMs: 0, ranMs: 10, waitedMs: 0, wantsCore: true, shortMs: 0 };
 * starvedMs(then, { ...then, atMs: 50, ranMs: 12 }, 0) // { own: 48, others: 0 }
 */
export function starvedMs(before: CoreTimes, now: CoreTimes, patienceMs: number): { own: number; others: number } {
  const elapsedMs = now.atMs - before.atMs;
  const waitedMs = now.waitedMs - before.waitedMs;
  const ranMs = now.ranMs - before.ranMs;
  if (ranMs >= elapsedMs / 4) return { own: waitedMs, others: 0 };
  if (!now.wantsCore) {
    const shortMs = Math.min(elapsedMs, now.shortMs - before.shortMs) - waitedMs;
    return { own: waitedMs, others: Math.max(0, Math.min(shortMs, patienceMs)) };
  }
  return { own: Math.max(waitedMs, elapsedMs - ranMs), others: 0 };
}

const read = (osThread: string, file: string) => readFile(`/proc/${osThread}/${file}`);

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // It has ended, or there is no such system.
    return '';
  }
}
