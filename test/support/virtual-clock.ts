import type { Clock } from '../../src/core/ports.ts';

/**
 * A clock the test moves by hand, usable as the `clock` of `createActor` and as Grace's `Clock`.
 *
 * Time goes from one due timer to the next and never past one, so a timer set by a timer still
 * fires on time. Timers due at the same instant fire in the order they were set.
 */
export class VirtualClock implements Clock {
  #nowMs = 0;
  #lastId = 0;
  readonly #timers = new Map<number, { readonly atMs: number; readonly fire: () => void }>();

  now(): number {
    return this.#nowMs;
  }

  /** Ten days after the epoch, so that nobody mistakes it for the monotonic reading. */
  wallNow(): number {
    return 864_000_000 + this.#nowMs;
  }

  setTimeout(fire: () => void, ms: number): number {
    this.#lastId += 1;
    this.#timers.set(this.#lastId, { atMs: this.#nowMs + Math.max(0, ms), fire });
    return this.#lastId;
  }

  clearTimeout(id: unknown): void {
    this.#timers.delete(id as number);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.setTimeout(resolve, ms);
    });
  }

  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    for (let due = await this.#nextDue(endMs); due; due = await this.#nextDue(endMs)) {
      this.#timers.delete(due.id);
      this.#nowMs = due.atMs;
      due.fire();
    }
    this.#nowMs = endMs;
  }

  /** Lets pending promises settle first: they may set or clear timers. */
  async #nextDue(endMs: number) {
    await settle();
    return [...this.#timers]
      .map(([id, timer]) => ({ id, ...timer }))
      .filter((timer) => timer.atMs <= endMs)
      .toSorted((a, b) => a.atMs - b.atMs || a.id - b.id)
      .at(0);
  }
}

/** Runs every promise callback that is ready now. */
export const settle = () =>
  new Promise<void>((resolve) => {
    setImmediate(resolve);
  });
