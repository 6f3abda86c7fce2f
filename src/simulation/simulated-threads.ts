/** Where the kernel threads of a simulation come from, and who looks at each of their starts and ends. */
import type { MessagePort } from 'node:worker_threads';
import type { KernelModule } from '../core/kernel.ts';
import type { ThreadStart } from '../core/thread-protocol.ts';
import type { HungLook, ThreadSource } from '../core/threads.ts';
import { Lane } from './lane.ts';
import type { SeededRandom } from './seeded-random.ts';
import { SimulatedPort } from './simulated-channel.ts';
import { SimulatedThread, type ThreadWatcher } from './simulated-thread.ts';
import type { VirtualClock } from './virtual-clock.ts';

export class SimulatedThreads implements ThreadSource {
  readonly #clock: VirtualClock;
  readonly #host: Lane;
  readonly #random: SeededRandom;
  readonly #modules: ReadonlyMap<string, KernelModule>;
  readonly #watcher: ThreadWatcher;
  readonly #threads = new Map<number, SimulatedThread>();
  #lastId = 0;

  constructor(
    clock: VirtualClock, host: Lane, random: SeededRandom, modules: ReadonlyMap<string, KernelModule>,
    watcher: ThreadWatcher,
  ) {
    this.#clock = clock;
    this.#host = host;
    this.#random = random;
    this.#modules = modules;
    this.#watcher = watcher;
  }

  /** Every thread that has not exited. */
  get living(): readonly SimulatedThread[] {
    return [...this.#threads.values()];
  }

  /** The newest thread that serves a kernel. */
  serving(kernel: string): SimulatedThread | undefined {
    return this.living.filter((thread) => thread.kernel === kernel && !thread.lane.over)
      .toSorted((a, b) => a.epoch - b.epoch).at(-1);
  }

  channel() {
    return SimulatedPort.pair(this.#host) as unknown as { port1: MessagePort; port2: MessagePort };
  }

  receiveNow(port: MessagePort): { readonly message: unknown } | undefined {
    return (port as unknown as SimulatedPort).take();
  }

  run(_heapMb: number, start: ThreadStart, signal: AbortSignal): Promise<unknown> {
    this.#lastId += 1;
    const module = this.#modules.get(start.module);
    if (!module) return Promise.reject(new Error(`no module ${start.module}`));
    const thread = new SimulatedThread(
      this.#clock, this.#random.fork(), this.#lastId, start, module, this.#watcher,
    );
    this.#threads.set(thread.threadId, thread);
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => void thread.terminate(), { once: true });
      thread.once('exit', () => {
        this.#threads.delete(thread.threadId);
        reject(new Error('the thread ended'));
      });
    });
  }

  worker(_heapMb: number, threadId: number): SimulatedThread | undefined {
    return this.#threads.get(threadId);
  }

  async look(thread: { readonly threadId: number }, withinMs: number): Promise<HungLook> {
    const hung = this.#threads.get(thread.threadId);
    await new Promise<void>((resolve) => {
      this.#host.setTimeout(resolve, hung?.isStuck ? withinMs : 2);
    });
    const frame = { function: 'hangForEver', url: 'file:///simulated.js', line: 1, column: 1 };
    return { stack: hung && !hung.isStuck ? [frame] : 'unreadable' };
  }

  async destroy(): Promise<void> {
    await Promise.all(this.living.map((thread) =>
      new Promise<void>((resolve) => {
        thread.once('exit', () => resolve());
        void thread.terminate();
      })));
  }
}
