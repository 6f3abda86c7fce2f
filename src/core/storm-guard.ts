/**
 * Keeps a flood of events from becoming a flood of work: so many a second of a type, so many in all.
 * No clock: the caller passes readings.
 */
import type { EventType } from './events.ts';

/** The seed's storm: more than 100 events of a type within a second. */
export const stormLimits = { perType: 100, inTotal: 300, windowMs: 1_000 } as const;

/**
 * What conditions and kernels can cause at any rate. The facts of the control plane itself are not among
 * them: it would lose track of what it did.
 */
export const guardedTypes: ReadonlySet<EventType> = new Set([
  'kernel.warned', 'kernel.degraded', 'listener.failed',
  'event.incident', 'event.emergency', 'event.early_warning', 'event.custom',
]);

export class StormGuard {
  readonly #counts = new Map<EventType, number>();
  #windowAtMs = -Infinity;
  #total = 0;

  /**
   * Counts an event; says why it is one too many, or undefined.
   *
   * @example
   * new StormGuard().refusal('kernel.warned', 0) // undefined
   */
  refusal(type: EventType, nowMs: number): string | undefined {
    if (!guardedTypes.has(type)) return undefined;
    if (nowMs - this.#windowAtMs >= stormLimits.windowMs) {
      this.#windowAtMs = nowMs;
      this.#counts.clear();
      this.#total = 0;
    }
    const count = (this.#counts.get(type) ?? 0) + 1;
    this.#counts.set(type, count);
    if (count > stormLimits.perType) return `more than ${stormLimits.perType} of them within a second`;
    this.#total += 1;
    return this.#total > stormLimits.inTotal
      ? `more than ${stormLimits.inTotal} guarded events within a second` : undefined;
  }
}
