import type { MessagePort } from 'node:worker_threads';
import { toErrorRecord, type ErrorRecord } from '../core/errors.ts';
import type { FromThread } from '../core/thread-protocol.ts';

/**
 * Makes a thread that ends by itself say so: the earliest death notice there is, with the error
 * whole, where the `error` event of a Worker loses its fields.
 */
export function promiseLastWords(port: MessagePort): void {
  let error: ErrorRecord | undefined;
  process.on('uncaughtExceptionMonitor', (thrown) => {
    error = toErrorRecord(thrown);
  });
  // Whatever flags the host runs with: a rejection that nobody handles ends the kernel.
  process.on('unhandledRejection', (thrown) => {
    throw thrown;
  });
  process.on('exit', (exitCode) => {
    port.postMessage({
      type: 'last_words',
      kind: error ? 'threw' : 'exited',
      exitCode,
      ...(error && { error }),
    } satisfies FromThread);
  });
  process.on('warning', (warning) => {
    port.postMessage({ type: 'warning', error: toErrorRecord(warning) } satisfies FromThread);
  });
}
