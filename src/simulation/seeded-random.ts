import type { Random } from '../core/ports.ts';

/**
 * Randomness from one seed: the same seed, the same numbers.
 *
 * The generator is mulberry32 (Tommy Ettinger, public domain): 32 bits of state, ample for a simulation, which
 * needs repeatable numbers and not unpredictable ones.
 *
 * @example new SeededRandom(7).next() === new SeededRandom(7).next() // true
 */
export class SeededRandom implements Random {
  readonly #seed: number;
  #state: number;
  #ids = 0;

  constructor(seed: number) {
    this.#seed = seed >>> 0;
    this.#state = this.#seed;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  id(prefix: string): string {
    this.#ids += 1;
    return `${prefix}_${this.#seed.toString(36)}x${this.#ids.toString(36).padStart(5, '0')}`;
  }

  /** A number from `least` up to `most`. */
  between(least: number, most: number): number {
    return least + this.next() * (most - least);
  }

  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.next() * values.length)]!;
  }

  /** Some of them, in a random order. */
  sample<T>(values: readonly T[], count: number): T[] {
    const left = [...values];
    return Array.from({ length: Math.min(count, left.length) }, () =>
      left.splice(Math.floor(this.next() * left.length), 1)[0]!);
  }

  /** An independent stream, so that one part draws the same whatever another part draws. */
  fork(): SeededRandom {
    return new SeededRandom(Math.floor(this.next() * 2 ** 32));
  }
}
