import type { MessagePort } from 'node:worker_threads';
import type { KernelLog } from '../core/kernel.ts';
import type { FromThread } from '../core/thread-protocol.ts';

/** Records a kernel may send to the host in a second. The rest is counted, not sent. */
const recordsPerSecond = 100;
/** Longest message, characters. */
const messageMax = 8_192;

type LogRecord = Extract<FromThread, { type: 'log' }>;

/**
 * The log of a kernel thread: records go to the host's pino, at most 100 a second.
 *
 * `console` of the thread ends here too: what a thread writes to stdout is proxied through the
 * host, and a flood of it costs the host a gigabyte.
 */
export function boundedLog(port: MessagePort): KernelLog {
  let second = 0;
  let sent = 0;
  let dropped = 0;

  const write = (level: LogRecord['level'], message: string, data?: object): void => {
    const now = Math.floor(performance.now() / 1_000);
    if (now !== second) [second, sent] = [now, 0];
    if (sent >= recordsPerSecond) {
      dropped += 1;
      return;
    }
    sent += 1;
    const record = { type: 'log', level, message: message.slice(0, messageMax), dropped } as const;
    dropped = 0;
    try {
      port.postMessage({ ...record, ...(data && { data }) } satisfies FromThread);
    } catch {
      // The data cannot be cloned: the message alone is better than nothing.
      port.postMessage({ ...record } satisfies FromThread);
    }
  };

  return {
    debug: (message, data) => write('debug', message, data),
    info: (message, data) => write('info', message, data),
    warn: (message, data) => write('warn', message, data),
    error: (message, data) => write('error', message, data),
  };
}

/** Sends what the kernel prints to its log. */
export function captureConsole(log: KernelLog): void {
  console.debug = (...values: unknown[]) => log.debug(line(values));
  console.log = (...values: unknown[]) => log.info(line(values));
  console.info = console.log;
  console.warn = (...values: unknown[]) => log.warn(line(values));
  console.error = (...values: unknown[]) => log.error(line(values));
  for (const stream of [process.stdout, process.stderr]) {
    stream.write = (chunk: string | Uint8Array) => {
      log.info(typeof chunk === 'string' ? chunk.trimEnd() : `${chunk.length} bytes`);
      return true;
    };
  }
}

function line(values: readonly unknown[]): string {
  return values.map((value) => (typeof value === 'string' ? value : describe(value))).join(' ');
}

function describe(value: unknown): string {
  try {
    return value instanceof Error ? String(value.stack) : (JSON.stringify(value) ?? String(value));
  } catch {
    return String(value);
  }
}
