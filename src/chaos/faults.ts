/** Makes kernels fail, and proves that they did. */

import type { Grace, WorkerView } from '../index.ts';
import { effect, order, type Order } from './sabotage.ts';

/** `kill` ends the thread from outside; the others happen inside it. */
export const causes = ['kill', 'throw', 'exit', 'hang', 'leak'] as const;
export type Cause = (typeof causes)[number] | 'tardy';

/** A fault that was injected, with the proof that it took effect. */
export interface Injected {
  readonly kernel: string;
  readonly threadId: number;
  /** When it was to take effect, monotonic ms. */
  readonly atMs: number;
  /**
   * Since when it has been in effect: the Worker's own `exit` for a thread that ends, the standstill of
   * the event loop for one that hangs or is late. Undefined until that is proven.
   */
  effectAtMs: number | undefined;
}

export const now = () => Number(process.hrtime.bigint()) / 1e6;

/** Time for every victim to hear of its order before the first one fails, ms. */
const leadMs = 20;
/** A loop that has not been idle for this long after the fault began stands still, ms. */
const stillMs = 30;

/**
 * Makes these kernels fail at the same instant, behind everybody's back; or each in the middle of its next
 * piece of work.
 *
 * @param onEffect - Called when a fault is proven.
 */
export async function inject(
  grace: Grace, kernels: readonly string[], cause: Cause, effects: ReadonlyMap<string, Int32Array>,
  onEffect: (injected: Injected) => void, inWork?: string,
): Promise<Injected[]> {
  const victims = kernels.flatMap((kernel) => {
    const worker = grace.unsafeWorker(kernel);
    return worker ? [{ kernel, worker }] : [];
  });
  const atMs = cause === 'kill' ? now() : now() + leadMs;
  const injected = victims.map(({ kernel, worker }) => {
    const one: Injected = { kernel, threadId: worker.threadId, atMs, effectAtMs: undefined };
    const proven = (sinceMs: number) => {
      one.effectAtMs ??= sinceMs;
      onEffect(one);
    };
    if (cause === 'hang' || cause === 'tardy') watchLoop(worker, effects.get(kernel)!, proven);
    else watchExit(grace, kernel, worker, cause, proven);
    return one;
  });
  if (cause === 'kill') {
    for (const { worker } of victims) void worker.terminate();
  } else {
    const what: Order = { cause, atMs, ...(inWork !== undefined && { inWork }) };
    await Promise.all(victims.map(({ kernel }) => order(grace, kernel, what)));
  }
  return injected;
}

/** Proven by the exit of the Worker. A leak takes effect when the thread is fenced off, just before. */
function watchExit(
  grace: Grace, kernel: string, worker: WorkerView, cause: Cause, proven: (sinceMs: number) => void,
): void {
  let endedAtMs: number | undefined;
  const stop = grace.on('kernel.down', (payload, { atMs }) => {
    if (payload.kernel === kernel && cause === 'leak') endedAtMs ??= atMs;
  });
  worker.once('exit', () => {
    stop();
    proven(endedAtMs ?? now());
  });
}

/** Proven when the fault has begun and the thread's loop is not idle any more, as seen from outside. */
function watchLoop(worker: WorkerView, flags: Int32Array, proven: (sinceMs: number) => void): void {
  let begunAtMs: number | undefined;
  let idle = -1;
  const timer = setInterval(() => {
    if (Atomics.load(flags, effect.begun) === 0) return;
    const { idle: present } = worker.performance.eventLoopUtilization();
    if (begunAtMs === undefined || present !== idle) {
      [begunAtMs, idle] = [now(), present];
    } else if (now() - begunAtMs >= stillMs) {
      clearInterval(timer);
      proven(begunAtMs);
    }
  }, 1);
  worker.once('exit', () => clearInterval(timer));
}
