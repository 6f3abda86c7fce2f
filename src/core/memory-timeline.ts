import type { MemoryReading } from './diagnosis.ts';

/** Readings kept: twelve seconds, at ten a second. */
const readingsMax = 120;
const fields = 3;

/**
 * The newest memory readings of a thread, in a ring that is allocated once.
 *
 * Ten objects a second for each kernel, each kept for twelve seconds, outlive the young generation: their
 * collection cost the host as much as all else that it does while nothing happens.
 *
 * @example
 * const memory = new MemoryTimeline();
 * memory.add(0, 4_096, 512);
 * memory.readings(); // [{ atMs: 0, heapUsedKb: 4096, externalKb: 512 }]
 */
export class MemoryTimeline {
  readonly #ring = new Float64Array(readingsMax * fields);
  #added = 0;

  add(atMs: number, heapUsedKb: number, externalKb: number): void {
    const at = (this.#added % readingsMax) * fields;
    this.#ring[at] = atMs;
    this.#ring[at + 1] = heapUsedKb;
    this.#ring[at + 2] = externalKb;
    this.#added += 1;
  }

  /** Oldest first. */
  readings(): MemoryReading[] {
    const kept = Math.min(this.#added, readingsMax);
    return Array.from({ length: kept }, (_, index) => {
      const at = ((this.#added - kept + index) % readingsMax) * fields;
      return { atMs: this.#ring[at]!, heapUsedKb: this.#ring[at + 1]!, externalKb: this.#ring[at + 2]! };
    });
  }
}
