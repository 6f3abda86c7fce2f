import { Worker, type MessagePort } from 'node:worker_threads';
import type { FromObserver, ToObserver } from './observer-protocol.ts';

const suffix = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
type Finished = Extract<FromObserver, { type: 'finished' }>;

/** The scenario's end of the observer thread. */
export class Observer {
  readonly #worker = new Worker(new URL(`./observer-thread${suffix}`, import.meta.url));
  /** Kernel to when it served again, monotonic ms. */
  readonly serving = new Map<string, number>();
  /** Events of the control plane, as they came over the bus. */
  readonly events: { readonly type: string; readonly atMs: number; readonly payload: unknown }[] = [];
  #onChange: () => void = () => undefined;
  #finished: Finished | undefined;
  #steady = false;
  #failure: string | undefined;

  constructor() {
    this.#worker.on('message', (message: FromObserver) => {
      if (message.type === 'serving') this.serving.set(message.kernel, message.atMs);
      if (message.type === 'event') this.events.push(message.event);
      if (message.type === 'steady') this.#steady = true;
      if (message.type === 'failed') this.#failure = message.why;
      if (message.type === 'finished') this.#finished = message;
      this.#onChange();
    });
    this.#worker.on('error', (error) => {
      this.#failure = `the observer failed: ${String(error)}`;
      this.#onChange();
    });
  }

  hand(port: MessagePort): void {
    this.#worker.postMessage({ type: 'bus', port } satisfies ToObserver, [port]);
  }

  /** Begins the load; resolves when the application works. */
  async begin(perSecond: number, requestsMin: number, timeoutMs: number): Promise<void> {
    this.#tell({ type: 'begin', perSecond, requestsMin, timeoutMs });
    await this.until(() => this.#steady || this.#failure !== undefined, 25_000);
    if (!this.#steady) throw new Error(this.#failure ?? 'the application did not begin to work');
  }

  watch(kernels: readonly string[]): void {
    this.#tell({ type: 'watch', kernels });
  }

  exited(kernel: string, atMs: number): void {
    this.#tell({ type: 'exited', kernel, atMs });
  }

  async finish(kernels: readonly string[], waitMs: number): Promise<Finished> {
    this.#tell({ type: 'finish', kernels, waitMs });
    await this.until(() => this.#finished !== undefined, waitMs + 20_000);
    if (!this.#finished) throw new Error(this.#failure ?? 'the observer did not finish');
    return this.#finished;
  }

  /** Resolves with true when `holds` does, with false after `waitMs`. Looks at each message. */
  until(holds: () => boolean, waitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (held: boolean) => {
        clearTimeout(timer);
        this.#onChange = () => undefined;
        resolve(held);
      };
      const timer = setTimeout(() => done(false), waitMs);
      this.#onChange = () => {
        if (holds()) done(true);
      };
      this.#onChange();
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #tell(message: ToObserver): void {
    this.#worker.postMessage(message);
  }
}
