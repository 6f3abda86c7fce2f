/** What the health of a kernel is heading for. Pure. */
import { slopeKbPerS } from './evidence.ts';

export interface HealthSample {
  readonly kernel: string;
  readonly atMs: number;
  readonly heapUsedKb: number;
  readonly heapLimitKb: number;
  readonly accepted: number;
  readonly completed: number;
}

export interface Forecast {
  readonly kernel: string;
  readonly kind: 'heap_exhaustion' | 'backlog';
  readonly why: string;
}

/** Warn this long before the heap would be full, s. */
const horizonS = 60;
const backlogMax = 1_000;
/** Readings before a slope means anything. */
const readingsMin = 10;

/**
 * Says what is going to go wrong within a minute, if the present trend holds.
 *
 * @param samples - Of one kernel, oldest first.
 */
export function forecast(samples: readonly HealthSample[]): Forecast | undefined {
  const last = samples.at(-1);
  if (!last || samples.length < readingsMin) return undefined;
  const { kernel, heapUsedKb, heapLimitKb, accepted, completed } = last;
  const slope = slopeKbPerS(samples);
  const leftS = slope > 0 ? (heapLimitKb - heapUsedKb) / slope : Infinity;
  // A young heap grows too: half full is the least that counts.
  if (leftS < horizonS && heapUsedKb > heapLimitKb / 2) {
    const why = `the heap grows by ${Math.round(slope)} KiB/s and is full in ${Math.round(leftS)} s`;
    return { kernel, kind: 'heap_exhaustion', why };
  }
  if (accepted - completed > backlogMax) {
    return { kernel, kind: 'backlog', why: `${accepted - completed} units of work are waiting` };
  }
  return undefined;
}
