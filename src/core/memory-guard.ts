/**
 * Says when a kernel holds too much memory. No clock, no threads: the caller passes readings.
 *
 * Past its heap limit V8 may abort the whole process (Node.js, `resourceLimits`: best effort), and
 * memory outside the heap has no limit at all. So a kernel is ended before, where a successor can
 * take over: at 80 % of its heap, if most of that was still there after the last major collection,
 * since a healthy heap may be full of garbage.
 */
export interface MemoryFigures {
  readonly heapUsedKb: number;
  /** Heap in use right after the last major collection; 0 before the first. */
  readonly heapLiveKb: number;
  readonly externalKb: number;
}

export interface MemoryLimits {
  readonly heapMb: number;
  readonly externalMb: number;
}

/** A monitor that a mitigation has put up. */
export interface MemoryWatch {
  readonly metric: 'heapUsedKb' | 'externalKb';
  readonly warnAt: number;
}

export type MemoryVerdict =
  | { readonly verdict: 'fine' }
  | { readonly verdict: 'warn' | 'end'; readonly why: string };

const endShare = 0.8;
const liveShare = 0.6;

/**
 * @example
 * judgeMemory({ heapUsedKb: 110_000, heapLiveKb: 100_000, externalKb: 0 }, { heapMb: 128, externalMb: 512 })
 * // { verdict: 'end', why: 'its heap holds 107 MiB of 128 MiB' }
 */
export function judgeMemory(
  figures: MemoryFigures, limits: MemoryLimits, watch?: MemoryWatch,
): MemoryVerdict {
  const { heapUsedKb, heapLiveKb, externalKb } = figures;
  const heapKb = limits.heapMb * 1_024;
  if (heapUsedKb >= heapKb * endShare && heapLiveKb >= heapKb * liveShare) {
    return { verdict: 'end', why: `its heap holds ${mb(heapUsedKb)} MiB of ${limits.heapMb} MiB` };
  }
  if (externalKb >= limits.externalMb * 1_024) {
    return { verdict: 'end', why: `it holds ${mb(externalKb)} MiB outside its heap, ${limits.externalMb} may be` };
  }
  if (watch && figures[watch.metric] >= watch.warnAt) {
    const why = `its ${watch.metric} is ${figures[watch.metric]}, the monitor warns at ${watch.warnAt}`;
    return { verdict: 'warn', why };
  }
  return { verdict: 'fine' };
}

const mb = (kb: number) => Math.round(kb / 1_024);
