/** How long to wait before a restart. Durations in ms. */
export interface BackoffSettings {
  readonly firstMs: number;
  readonly factor: number;
  readonly maxMs: number;
  /** Share of the delay that is random: 0.2 means 20 % more or less. */
  readonly jitter: number;
  /** After running this long without a death the count begins anew. */
  readonly resetAfterMs: number;
}

/**
 * Delay before restart number `attempt`, ms. The first restart after a stable run is immediate.
 *
 * Pure: the jitter comes from `seed`, so the same seed and attempt give the same delay.
 *
 * @param attempt - Restarts since the last stable run, this one included: 1, 2, 3 ...
 * @example backoffMs(1, 7, { firstMs: 100, factor: 2, maxMs: 30_000, jitter: 0, resetAfterMs: 0 }) // 0
 */
export function backoffMs(attempt: number, seed: number, settings: BackoffSettings): number {
  if (attempt <= 1) return 0;
  const plainMs = Math.min(settings.maxMs, settings.firstMs * settings.factor ** (attempt - 2));
  return Math.round(Math.min(settings.maxMs, plainMs * (1 + swing(seed, attempt) * settings.jitter)));
}

/** A number in [-1, 1) that depends on `seed` and `attempt` alone. */
export const swing = (seed: number, attempt: number): number => unit(seed + attempt * 7_919) * 2 - 1;

/** A number in [0, 1) that depends on `seed` alone (mulberry32, Tommy Ettinger, public domain). */
function unit(seed: number): number {
  let t = (seed + 0x6d_2b_79_f5) | 0;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
}

/** A seed for a name: FNV-1a, 32 bits. */
export function seedOf(name: string): number {
  let hash = 0x81_1c_9d_c5;
  for (const char of name) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01_00_01_93);
  return hash >>> 0;
}
