/**
 * What Piscina runs in a kernel thread: says hello, loads the kernel's module, and waits to be
 * adopted as one epoch of its kernel. It never returns: a thread that did would be given to the next
 * kernel by its pool, and be ended under it. The host ends it.
 */
import { readlinkSync } from 'node:fs';
import { threadId } from 'node:worker_threads';
import { GraceError, toErrorRecord } from '../core/errors.ts';
import type { KernelModule } from '../core/kernel.ts';
import type { Adoption, FromThread, ThreadStart, ToThread } from '../core/thread-protocol.ts';
import { MemoryFigures } from './memory-figures.ts';
import { boundedLog, captureConsole } from './bounded-log.ts';
import { promiseLastWords } from './last-words.ts';
import { rehearseAdoption } from './rehearsal.ts';
import { RunningKernel } from './running-kernel.ts';
import { threadClock } from './thread-clock.ts';

export default async function kernelThread({ port, module, standby }: ThreadStart): Promise<void> {
  const post = (message: FromThread) => port.postMessage(message);
  post({ type: 'hello', threadId, osThread: osThread() });
  promiseLastWords(port);
  const log = boundedLog(port);
  captureConsole(log);

  let loaded: KernelModule;
  try {
    loaded = await loadKernel(module);
  } catch (error) {
    post({ type: 'load_failed', error: toErrorRecord(error) });
    return ended;
  }
  const around = {
    port, log, clock: threadClock,
    figures: (counters: Int32Array, signal: AbortSignal) => new MemoryFigures(counters, signal),
  };
  if (standby) await rehearseAdoption(around);
  await new Promise<void>((stopped) => {
    let kernel: RunningKernel | undefined;
    port.on('message', (message: ToThread) => {
      if (message.type === 'adopt') {
        kernel = new RunningKernel(loaded, message satisfies Adoption, { ...around, stopped });
        void kernel.start();
      } else if (message.type === 'stop' && !kernel) {
        stopped();
      } else {
        kernel?.receive(message);
      }
    });
    post({ type: 'loaded' });
  });
  post({ type: 'stopped' });
  return ended;
}

/** Settles when the host ends the thread: never. */
const ended = new Promise<never>(() => undefined);

/** Linux shows a thread under the number of its process and its own. */
function osThread(): string | undefined {
  try {
    return readlinkSync('/proc/thread-self');
  } catch {
    return undefined;
  }
}

async function loadKernel(url: string): Promise<KernelModule> {
  const imported = (await import(url)) as Partial<KernelModule> & { default?: Partial<KernelModule> };
  const start = imported.start ?? imported.default?.start;
  if (typeof start === 'function') return { start };
  throw new GraceError(
    'GRACE_KERNEL_MODULE_INVALID',
    `The module ${url} does not export a function named start. Export one: ` +
      'export async function start(ctx) { return { handle(message) {} }; }',
    { details: { module: url, exports: Object.keys(imported) } },
  );
}
