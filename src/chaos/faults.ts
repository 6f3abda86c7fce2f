import type { Grace } from '../index.ts';

/** A fault that was injected, with the proof that it took effect. */
export interface Injected {
  readonly kernel: string;
  readonly threadId: number;
  /** When it was injected, monotonic ms. */
  readonly atMs: number;
  /** When the Worker's own `exit` said that it is gone; undefined while it lives. */
  exitedAtMs: number | undefined;
}

const now = () => Number(process.hrtime.bigint()) / 1e6;

/**
 * Ends the threads of these kernels at the same instant, behind everybody's back.
 *
 * @param onExit - Called when a thread is proven to be gone.
 */
export function killThreads(
  grace: Grace, kernels: readonly string[], onExit: (injected: Injected) => void,
): Injected[] {
  const victims = kernels.flatMap((kernel) => {
    const worker = grace.unsafeWorker(kernel);
    return worker ? [{ kernel, worker }] : [];
  });
  const atMs = now();
  return victims.map(({ kernel, worker }) => {
    const injected: Injected = { kernel, threadId: worker.threadId, atMs, exitedAtMs: undefined };
    worker.once('exit', () => {
      injected.exitedAtMs = now();
      onExit(injected);
    });
    void worker.terminate();
    return injected;
  });
}
