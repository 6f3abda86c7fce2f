import { pino, type Logger } from 'pino';
import type { Log } from '../core/ports.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Diagnostics on standard error, where they never mix with the data of a command. */
export function pinoLog(level: LogLevel): Log {
  return pino({ name: 'grace', level }, pino.destination({ dest: 2, sync: false })) satisfies Logger;
}
