/** What is remembered of threads that ended without being asked to, as evidence. */
import type { MemoryReading } from '../core/diagnosis.ts';
import type { DownReason } from '../core/kernel.ts';
import type { Clock } from '../core/ports.ts';
import type { HungLook } from '../core/threads.ts';

export interface Death extends Partial<HungLook> {
  readonly kernel: string;
  readonly epoch: number;
  readonly startedAtMs: number;
  readonly diedAtMs: number;
  readonly memory: readonly MemoryReading[];
  /** Final once `settled` is true. */
  readonly reason: DownReason;
  readonly settled: boolean;
}

const kept = 200;

export class DeathRecords {
  readonly #clock: Clock;
  readonly #all: Death[] = [];
  readonly #waiters = new Map<string, (() => void)[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Oldest first. */
  get all(): readonly Death[] {
    return this.#all;
  }

  add(death: Death): void {
    this.#all.push(death);
    if (this.#all.length > kept) this.#all.shift();
  }

  /** Adds what was learned later. `settled: true` says that this was the last of it. */
  refine(kernel: string, epoch: number, more: Partial<Death>): void {
    const at = this.#all.findLastIndex((death) => death.kernel === kernel && death.epoch === epoch);
    if (at < 0) return;
    this.#all[at] = { ...this.#all[at]!, ...more };
    if (!this.#all[at]!.settled) return;
    for (const resolve of this.#waiters.get(keyOf(kernel, epoch)) ?? []) resolve();
    this.#waiters.delete(keyOf(kernel, epoch));
  }

  /**
   * The newest death of each of these kernels, as soon as nothing more will be learned about them, or
   * after `timeoutMs`.
   */
  async settled(kernels: readonly string[], timeoutMs: number): Promise<readonly Death[]> {
    const newest = () => kernels.flatMap((kernel) => this.#all.findLast((death) => death.kernel === kernel) ?? []);
    const open = newest().filter(({ settled }) => !settled).map(({ kernel, epoch }) =>
      new Promise<void>((resolve) => {
        const key = keyOf(kernel, epoch);
        this.#waiters.set(key, [...(this.#waiters.get(key) ?? []), resolve]);
      }));
    let timer: unknown;
    const late = new Promise<void>((resolve) => {
      timer = this.#clock.setTimeout(resolve, timeoutMs);
    });
    await Promise.race([Promise.all(open), late]);
    this.#clock.clearTimeout(timer);
    return newest();
  }
}

const keyOf = (kernel: string, epoch: number) => `${kernel}.${epoch}`;
