/** A world on virtual time, made from one seed: the same seed, the same world. */
import type { KernelModule } from '../core/kernel.ts';
import type { Log } from '../core/ports.ts';
import { HostJournal } from '../journal/host-journal.ts';
import type { World } from '../wiring/world.ts';
import { Lane } from './lane.ts';
import { SeededRandom } from './seeded-random.ts';
import { SimulatedDisk } from './simulated-disk.ts';
import { SimulatedWriter } from './simulated-journal.ts';
import type { ThreadWatcher } from './simulated-thread.ts';
import { SimulatedThreads } from './simulated-threads.ts';
import { VirtualClock } from './virtual-clock.ts';

const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

export class SimulatedWorld implements World {
  /** Time itself: whoever moves it moves everything. */
  readonly time = new VirtualClock();
  readonly random: SeededRandom;
  readonly disk = new SimulatedDisk();
  /** The loop of the host; it can stand still. */
  readonly host: Lane;
  readonly clock: Lane;
  readonly threads: SimulatedThreads;
  readonly #modules: ReadonlyMap<string, KernelModule>;
  readonly #writers: SimulatedWriter[] = [];

  constructor(seed: number, modules: ReadonlyMap<string, KernelModule>, watcher: ThreadWatcher) {
    this.random = new SeededRandom(seed);
    this.host = new Lane(this.time, this.random.fork());
    this.clock = this.host;
    this.#modules = modules;
    this.threads = new SimulatedThreads(this.time, this.host, this.random.fork(), modules, watcher);
  }

  newLog(): Log {
    return silentLog;
  }

  hasModule(url: string): boolean {
    return this.#modules.has(url);
  }

  kernelThreads(): SimulatedThreads {
    return this.threads;
  }

  actionThreads(): ReturnType<World['actionThreads']> {
    return {
      run: () => Promise.reject(new Error('a simulated host has no actions of its own')),
      check: async () => undefined,
      close: async () => [],
    };
  }

  lockJournal(dir: string, log: Log): HostJournal {
    return HostJournal.lock(dir, {
      clock: this.host,
      log,
      lock: () => () => undefined,
      startWriter: (folder) => {
        const around = { clock: this.time, host: this.host, random: this.random.fork() };
        const writer = new SimulatedWriter(folder, this.disk, around);
        this.#writers.push(writer);
        return writer;
      },
      later: (work) => this.host.setTimeout(work, 0),
    });
  }

  /** The writer that lives now. */
  get writer(): SimulatedWriter | undefined {
    return this.#writers.at(-1);
  }

  memoryUsage(): { rss: number; heapUsed: number } {
    return { rss: 0, heapUsed: 0 };
  }

  async writeArtefacts(): Promise<void> {
    // They are for people to read, and decide nothing.
  }
}
