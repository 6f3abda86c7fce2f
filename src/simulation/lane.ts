/**
 * The loop of one thread, or of the host: what is due in it waits while it stands still, and is dropped when it
 * is over. Messages take a random time to arrive, but never overtake each other.
 */
import type { Clock, TimerId } from '../core/ports.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { VirtualClock } from './virtual-clock.ts';

export class Lane implements Clock {
  readonly #clock: VirtualClock;
  readonly #random: SeededRandom;
  readonly #onThrow: ((error: unknown) => void) | undefined;
  readonly #arrivesAtMs = new WeakMap<object, number>();
  #stillUntilMs = 0;
  /** True from the moment at which nothing of it may happen any more. */
  over = false;

  /** @param onThrow - What an uncaught error does; without, it is thrown on. */
  constructor(clock: VirtualClock, random: SeededRandom, onThrow?: (error: unknown) => void) {
    this.#clock = clock;
    this.#random = random;
    this.#onThrow = onThrow;
  }

  now(): number {
    return this.#clock.now();
  }

  wallNow(): number {
    return this.#clock.wallNow();
  }

  setTimeout(fire: () => void, ms: number): TimerId {
    // One handle for all the times that it is put off.
    const handle = { id: 0, cleared: false };
    const due = () => {
      if (this.over || handle.cleared) return;
      const waitMs = this.#stillUntilMs - this.#clock.now();
      if (waitMs > 0) handle.id = this.#clock.setTimeout(due, waitMs);
      else this.#run(fire);
    };
    handle.id = this.#clock.setTimeout(due, ms);
    return handle;
  }

  clearTimeout(id: TimerId): void {
    const handle = id as { id: number; cleared: boolean } | undefined;
    if (!handle) return;
    handle.cleared = true;
    this.#clock.clearTimeout(handle.id);
  }

  /** Does something when a message would have arrived: after those before it to the same `port`. */
  arrive(port: object, work: () => void): void {
    const nowMs = this.#clock.now();
    const atMs = Math.max(this.#arrivesAtMs.get(port) ?? 0, nowMs + this.#random.between(0.02, 0.6));
    this.#arrivesAtMs.set(port, atMs);
    this.setTimeout(work, atMs - nowMs);
  }

  /** The loop does not turn for so long, ms; `Infinity` for good. */
  standStill(ms: number): void {
    this.#stillUntilMs = Math.max(this.#stillUntilMs, this.#clock.now() + ms);
  }

  get standsStill(): boolean {
    return this.#clock.now() < this.#stillUntilMs;
  }

  #run(work: () => void): void {
    if (!this.#onThrow) {
      work();
      return;
    }
    try {
      work();
    } catch (error) {
      this.#onThrow(error);
    }
  }
}
