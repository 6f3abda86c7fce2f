/**
 * What a thread says about its memory, in the shared counters: at each major collection, and whenever the
 * host asks, which it does of threads whose loop turned. No timer: waking twenty idle threads to read what
 * cannot have changed is most of what supervising them would cost.
 */
import { constants, PerformanceObserver, type NodeGCPerformanceDetail } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { counter } from '../core/thread-protocol.ts';

export class MemoryFigures {
  readonly #counters: Int32Array;

  /** Watches collections until `signal` is aborted. */
  constructor(counters: Int32Array, signal: AbortSignal) {
    this.#counters = counters;
    this.publish();
    // What is left after a major collection is held by somebody; before it, much may be garbage.
    const collections = new PerformanceObserver((list) => {
      const isMajor = list.getEntries().some((entry) =>
        (entry as { detail?: NodeGCPerformanceDetail }).detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR);
      if (isMajor) Atomics.store(counters, counter.heapLiveKb, this.publish());
    });
    collections.observe({ entryTypes: ['gc'] });
    signal.addEventListener('abort', () => collections.disconnect(), { once: true });
  }

  /** @returns The heap in use, KiB. */
  publish(): number {
    const { used_heap_size: used, external_memory: external } = getHeapStatistics();
    const heapUsedKb = Math.round(used / 1_024);
    Atomics.store(this.#counters, counter.heapUsedKb, heapUsedKb);
    Atomics.store(this.#counters, counter.externalKb, Math.round(external / 1_024));
    return heapUsedKb;
  }
}
