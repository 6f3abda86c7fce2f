/** Work of one kernel, in order, `concurrency` units at a time. Probes stand in the same queue. */
export class WorkQueue {
  readonly #waiting: (() => Promise<void>)[] = [];
  readonly #concurrency: number;
  readonly #onDone: () => void;
  #running = 0;

  constructor(concurrency: number, onDone: () => void) {
    this.#concurrency = concurrency;
    this.#onDone = onDone;
  }

  /** Runs `unit` when its turn comes. It must not reject. */
  add(unit: () => Promise<void>): void {
    this.#waiting.push(unit);
    this.#next();
  }

  /** True when no unit is under way. */
  get idle(): boolean {
    return this.#running === 0;
  }

  #next(): void {
    if (this.#running >= this.#concurrency) return;
    const unit = this.#waiting.shift();
    if (!unit) return;
    this.#running += 1;
    void unit().finally(() => {
      this.#running -= 1;
      this.#onDone();
      this.#next();
    });
  }
}
