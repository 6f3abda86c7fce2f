/** What a thread says about its memory, in the shared counters, until `signal` is aborted. */
import { constants, PerformanceObserver, type NodeGCPerformanceDetail } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { counter } from '../core/thread-protocol.ts';

/** A leak of 50 MiB/s grows by 2 % of the default limit meanwhile, ms. */
const everyMs = 50;

export function publishMemory(counters: Int32Array, signal: AbortSignal): void {
  const publish = () => {
    const { used_heap_size: used, external_memory: external } = getHeapStatistics();
    Atomics.store(counters, counter.heapUsedKb, Math.round(used / 1_024));
    Atomics.store(counters, counter.externalKb, Math.round(external / 1_024));
    return used;
  };
  publish();
  const timer = setInterval(publish, everyMs).unref();
  // What is left after a major collection is held by somebody; before it, much may be garbage.
  const collections = new PerformanceObserver((list) => {
    const isMajor = list.getEntries().some((entry) =>
      (entry as { detail?: NodeGCPerformanceDetail }).detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR);
    if (isMajor) Atomics.store(counters, counter.heapLiveKb, Math.round(publish() / 1_024));
  });
  collections.observe({ entryTypes: ['gc'] });
  signal.addEventListener('abort', () => {
    clearInterval(timer);
    collections.disconnect();
  }, { once: true });
}
