/**
 * Time that a program moves: usable as Grace's `Clock`, and as the `clock` of `createActor`.
 *
 * It goes from one due timer to the next and never past one, so that a timer set by a timer fires on time.
 * Timers due at the same instant fire in the order in which they were set; what promises wait for is done
 * before each of them.
 *
 * @example
 * const clock = new VirtualClock();
 * clock.setTimeout(() => console.log(clock.now()), 5_000);
 * await clock.advance(60_000); // 5000
 */
import type { Clock } from '../core/ports.ts';

interface Timer {
  readonly id: number;
  readonly atMs: number;
  readonly fire: () => void;
}

/** Ten days after the epoch, so that nobody mistakes the wall clock for the monotonic reading, ms. */
const wallOffsetMs = 864_000_000;

export class VirtualClock implements Clock {
  #nowMs = 0;
  #lastId = 0;
  /** A binary heap by `atMs`, then `id`. */
  readonly #heap: Timer[] = [];
  /** Timers that have neither fired nor been cleared. */
  readonly #live = new Set<number>();

  now(): number {
    return this.#nowMs;
  }

  wallNow(): number {
    return wallOffsetMs + this.#nowMs;
  }

  setTimeout(fire: () => void, ms: number): number {
    this.#lastId += 1;
    this.#live.add(this.#lastId);
    push(this.#heap, { id: this.#lastId, atMs: this.#nowMs + Math.max(0, ms), fire });
    return this.#lastId;
  }

  clearTimeout(id: unknown): void {
    this.#live.delete(id as number);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.setTimeout(resolve, ms);
    });
  }

  /** Lets time go by, ms. */
  async advance(ms: number): Promise<void> {
    await this.advanceUntil(() => false, ms);
  }

  /**
   * Lets time go by until `holds` does, at most so long, ms.
   *
   * @returns Whether it held in the end.
   */
  async advanceUntil(holds: () => boolean, ms: number): Promise<boolean> {
    const endMs = this.#nowMs + ms;
    for (;;) {
      await settle();
      if (holds()) return true;
      const due = this.#next(endMs);
      if (!due) break;
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      due.fire();
    }
    this.#nowMs = endMs;
    return holds();
  }

  #next(endMs: number): Timer | undefined {
    for (let top = this.#heap[0]; top && top.atMs <= endMs; top = this.#heap[0]) {
      pop(this.#heap);
      if (this.#live.delete(top.id)) return top;
    }
    return undefined;
  }
}

/** Runs every promise callback that is ready now. */
export const settle = () =>
  new Promise<void>((resolve) => {
    setImmediate(resolve);
  });

const before = (a: Timer, b: Timer) => a.atMs - b.atMs || a.id - b.id;

function push(heap: Timer[], timer: Timer): void {
  let at = heap.push(timer) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (before(heap[parent]!, timer) <= 0) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = timer;
}

function pop(heap: Timer[]): void {
  const last = heap.pop();
  if (!last || heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!) < 0) child += 1;
    if (before(last, heap[child]!) <= 0) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
}
