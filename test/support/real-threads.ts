// Kernel threads that do, for real, what a path says: built code, and a kernel that waits to be told.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { KernelPools } from '../../dist/src/kernels/kernel-pools.js';
import { ThreadRegistry } from '../../dist/src/kernels/thread-registry.js';
import { systemClock } from '../../dist/src/system/clock.js';
import { parseChildSpec, type KernelInput } from '../../src/core/child-specs.ts';
import type { ChildSpec } from '../../src/core/kernel.ts';
import type { WorkerView } from '../../src/core/threads.ts';
import { Folder } from '../fixtures/kernels.ts';

/** Nothing of what is waited for takes longer, ms. It is a deadline, never a pause. */
export const withinMs = 20_000;

/** Words of the shared memory through which a thread is told what to do. */
const word = { start: 0, blocked: 1, stop: 2, entered: 3 } as const;
const says = { ready: 1, fail: 2, go: 1 } as const;

/** Waits in `start`, in its work and in `stop` until it is told how to go on. */
const source = `
const wait = async (gate, word) => {
  await Atomics.waitAsync(gate, word, 0).value;
  return Atomics.exchange(gate, word, 0);
};
export async function start({ config }) {
  const gate = new Int32Array(config.gate);
  Atomics.store(gate, ${word.entered}, 1);
  // Blocked, it does not even hear that it shall stop.
  if (config.startBlocks) Atomics.wait(gate, ${word.start}, 0);
  if ((await wait(gate, ${word.start})) === ${says.fail}) throw new Error('told not to start');
  return {
    handle({ payload }) {
      if (payload === 'throw') setTimeout(() => { throw new TypeError('told to throw'); });
      if (payload === 'block') Atomics.wait(gate, ${word.blocked}, 0);
      return true;
    },
    stop: () => wait(gate, ${word.stop}),
  };
}`;

export interface Told {
  readonly id: string;
  /** Its loop is blocked while it starts. */
  readonly startBlocks?: boolean;
  readonly spec?: Partial<KernelInput>;
}

interface Thread {
  readonly worker: WorkerView;
  readonly exit: Promise<unknown>;
}

/** A registry over such kernels. Every thread that was met has to have exited in the end. */
export class RealThreads {
  readonly registry: ThreadRegistry;
  readonly specs: readonly ChildSpec[];
  readonly #folder = new Folder();
  readonly #gates = new Map<string, Int32Array>();
  /** Those whose thread waits in its `start`. */
  readonly #waiting = new Set<string>();
  readonly #met = new Map<string, Thread[]>();

  constructor(kernels: readonly Told[]) {
    const module = this.#folder.module('told', source);
    this.specs = kernels.map(({ id, startBlocks = false, spec }, index) => {
      const gate = new SharedArrayBuffer(16);
      this.#gates.set(id, new Int32Array(gate));
      this.#met.set(id, []);
      return parseChildSpec({ id, module, config: { gate, startBlocks }, ...spec }, index);
    });
    const nothing = () => undefined;
    const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
    this.registry = new ThreadRegistry(this.specs, {
      clock: systemClock, inspect: false, log, threads: new KernelPools(kernels.length, log),
      connectBus: nothing, onReady: nothing, onOver: nothing, onWarning: nothing, onZombie: nothing,
      onInspected: nothing, onAmnesty: nothing, onFull: nothing,
    });
    // The threads begin to load, and the monitor to look at them.
    this.registry.preload();
  }

  /**
   * Resolves when the Worker of the kernel's present thread is known, so that its exit can prove its end, and
   * when the thread is in its `start`: before that it would simply end when it is asked to.
   */
  async meet(id: string): Promise<Thread> {
    const known = this.#met.get(id)!;
    const worker = await until(() => this.registry.worker(id), `the thread of ${id} never said hello`);
    const found = known.find((thread) => thread.worker === worker);
    if (found) return found;
    const thread = { worker, exit: new Promise((resolve) => worker.once('exit', resolve)) };
    known.push(thread);
    const gate = this.#gates.get(id)!;
    await until(() => Atomics.exchange(gate, word.entered, 0) === 1 || undefined, `${id} never came to its start`);
    this.#waiting.add(id);
    return thread;
  }

  becomesReady(id: string): void {
    this.#waiting.delete(id);
    this.#tell(id, word.start, says.ready);
  }

  failsToStart(id: string): void {
    this.#waiting.delete(id);
    this.#tell(id, word.start, says.fail);
  }

  /** Its loop is blocked until `goesOn`. */
  blocks(id: string): void {
    void this.registry.call(id, 'block', withinMs).catch(() => undefined);
  }

  goesOn(id: string): void {
    this.#tell(id, word.blocked, says.go);
  }

  throwsInWork(id: string): void {
    void this.registry.call(id, 'throw', withinMs).catch(() => undefined);
  }

  /** Ends the thread behind everybody's back. */
  async isEnded(id: string): Promise<void> {
    const { worker } = await this.meet(id);
    void worker.terminate();
  }

  /** Lets go of whatever it waits in, and its `stop` resolve. */
  stops(id: string): void {
    this.goesOn(id);
    // Otherwise it would be its successor that is told.
    if (this.#waiting.has(id)) this.becomesReady(id);
    this.#tell(id, word.stop, says.go);
  }

  /** Resolves when the newest thread of the kernel has exited by the word of its Worker. */
  async exited(id: string): Promise<void> {
    const thread = this.#met.get(id)!.at(-1);
    assert.ok(thread, `no thread of ${id} was met`);
    await within(thread.exit, `the Worker of ${id} has not exited`);
  }

  async close(): Promise<void> {
    assert.deepEqual(await this.registry.close(withinMs), [], 'a thread cannot be ended');
    await Promise.all([...this.#met].map(([id]) => this.#met.get(id)!.length > 0 && this.exited(id)));
    this.#folder.remove();
  }

  #tell(id: string, which: number, what: number): void {
    const gate = this.#gates.get(id)!;
    Atomics.store(gate, which, what);
    Atomics.notify(gate, which);
  }
}

/** Looks until there is something, or it takes too long: for what announces itself to nobody. */
export async function until<T>(look: () => T | undefined, otherwise: string): Promise<T> {
  const deadlineAtMs = systemClock.now() + withinMs;
  for (;;) {
    const seen = look();
    if (seen !== undefined) return seen;
    assert.ok(systemClock.now() < deadlineAtMs, otherwise);
    await pause(1);
  }
}

/** The same, or a failure when it takes too long. */
export async function within<T>(promise: Promise<T>, otherwise: string): Promise<T> {
  const late = new AbortController();
  const deadline = pause(withinMs, undefined, { signal: late.signal }).then(() => assert.fail(otherwise));
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    late.abort();
    deadline.catch(() => undefined);
  }
}
