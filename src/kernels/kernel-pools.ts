/**
 * Threads come from Piscina: one pool for each class of heap limit, because limits belong to a pool.
 *
 * The options are chosen for kernels, which are runs that never end: no minimum (it would boot
 * threads that compete with a recovery), no atomics (they freeze a thread between runs), the file
 * with each run (a bad file in the options kills a pool for good), and an error listener (an idle
 * worker that dies would end the host).
 */
import { Piscina } from 'piscina';
import { MessageChannel, receiveMessageOnPort, type MessagePort, type Worker } from 'node:worker_threads';
import type { Log } from '../core/ports.ts';
import type { ThreadStart } from '../core/thread-protocol.ts';
import type { HungLook, ThreadSource } from '../core/threads.ts';
import { lookAtHung } from './hung-thread.ts';

/** The build makes one CommonJS file of it: twenty threads that load fourteen modules each boot half as fast. */
const suffix = import.meta.url.endsWith('.ts') ? '.ts' : '.cjs';
const threadFile = new URL(`../worker/kernel-thread${suffix}`, import.meta.url).href;

/** Room for zombies, standbys and threads that are on their way out. */
const spareThreads = 64;

export class KernelPools implements ThreadSource {
  readonly #pools = new Map<number, Piscina>();
  /** Threads that have not ended, with their end. */
  readonly #exits = new Map<Worker, Promise<void>>();
  readonly #threadsMax: number;
  readonly #log: Log;

  constructor(kernels: number, log: Log) {
    this.#threadsMax = kernels * 2 + spareThreads;
    this.#log = log;
  }

  channel(): MessageChannel {
    return new MessageChannel();
  }

  receiveNow(port: MessagePort): { readonly message: unknown } | undefined {
    return receiveMessageOnPort(port);
  }

  run(heapMb: number, start: ThreadStart, signal: AbortSignal): Promise<unknown> {
    const pool = this.#pool(heapMb);
    const over = pool.run(start, { filename: threadFile, transferList: [start.port], signal });
    for (const worker of pool.threads) this.#watch(worker);
    return over;
  }

  worker(heapMb: number, threadId: number): Worker | undefined {
    return this.#pool(heapMb).threads.find((worker) => worker.threadId === threadId);
  }

  look(
    thread: { readonly threadId: number; readonly osThread: string | undefined }, withinMs: number, signal: AbortSignal,
  ): Promise<HungLook> {
    return lookAtHung(thread, withinMs, signal);
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
    // A pool forgets a thread as soon as it has told it to end.
    await Promise.all(this.#exits.values());
  }

  #watch(worker: Worker): void {
    if (this.#exits.has(worker)) return;
    const exit = new Promise<void>((resolve) => {
      worker.once('exit', () => {
        this.#exits.delete(worker);
        resolve();
      });
    });
    this.#exits.set(worker, exit);
  }

  #pool(heapMb: number): Piscina {
    const existing = this.#pools.get(heapMb);
    if (existing) return existing;
    const pool = new Piscina({
      minThreads: 0,
      maxThreads: this.#threadsMax,
      idleTimeout: 0,
      atomics: 'disabled',
      recordTiming: false,
      resourceLimits: { maxOldGenerationSizeMb: heapMb },
    });
    pool.on('workerCreate', letProcessEnd);
    pool.on('error', (error) => {
      this.#log.debug({ error: String(error) }, 'a pool reported an error of a thread that had ended');
    });
    this.#pools.set(heapMb, pool);
    return pool;
  }
}

/**
 * A run keeps the process alive until it is over, by a port of Piscina's own; the run of a kernel is
 * never over, so that port must not. Piscina has no option for it, and keeps the port behind a symbol.
 */
function letProcessEnd(worker: object): void {
  for (const key of Object.getOwnPropertySymbols(worker)) {
    const { port } = (worker as Record<symbol, { readonly port?: MessagePort }>)[key] ?? {};
    if (!port) continue;
    port.ref = () => undefined;
    port.unref();
  }
}
