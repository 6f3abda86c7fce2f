import { GraceError, type ErrorRecord } from '../core/errors.ts';
import type { Clock, TimerId } from '../core/ports.ts';

interface OpenCall {
  readonly kernel: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: TimerId;
}

type Answer =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly error: ErrorRecord };

/** Questions the host has asked kernel threads and that are not answered yet. Each has a deadline. */
export class Calls {
  readonly #open = new Map<number, OpenCall>();
  readonly #clock: Clock;
  #lastId = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  open(kernel: string, timeoutMs: number, signal?: AbortSignal) {
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = new Promise<unknown>((resolve, reject) => {
      const timer = this.#clock.setTimeout(() => {
        this.#fail(id, `kernel "${kernel}" did not answer within ${timeoutMs} ms`);
      }, timeoutMs);
      this.#open.set(id, { kernel, resolve, reject, timer });
      signal?.addEventListener('abort', () => this.#fail(id, 'the caller gave up'), { once: true });
    });
    return { id, answer };
  }

  settle(answer: Answer): void {
    const call = this.#close(answer.id);
    if (answer.ok) call?.resolve(answer.value);
    else call?.reject(Object.assign(new Error(answer.error.message), answer.error));
  }

  rejectFor(kernel: string, why: string): void {
    for (const [id, call] of this.#open) if (call.kernel === kernel) this.#fail(id, why);
  }

  rejectAll(why: string): void {
    for (const id of this.#open.keys()) this.#fail(id, why);
  }

  #fail(id: number, why: string): void {
    const call = this.#close(id);
    call?.reject(new GraceError(
      'GRACE_KERNEL_NOT_RUNNING',
      `No answer: ${why}.`,
      { details: { kernel: call.kernel } },
    ));
  }

  #close(id: number): OpenCall | undefined {
    const call = this.#open.get(id);
    if (call) this.#clock.clearTimeout(call.timer);
    this.#open.delete(id);
    return call;
  }
}
