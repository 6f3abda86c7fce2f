/** All that a runtime touches outside itself, so that a simulation can stand in for it. */
import type { Clock, Log, Random } from '../core/ports.ts';
import type { ThreadSource } from '../core/threads.ts';
import type { HostJournal } from '../journal/host-journal.ts';
import type { ActionThreads } from '../playbooks/action-threads.ts';
import type { LogLevel } from '../system/log.ts';

export interface World {
  readonly clock: Clock;
  readonly random: Random;
  newLog(level: LogLevel): Log;
  /** Whether there is such a module for a kernel. */
  hasModule(url: string): boolean;
  kernelThreads(kernels: number, log: Log): ThreadSource;
  actionThreads(): Pick<ActionThreads, 'run' | 'check' | 'close'>;
  /** Takes a data directory for this runtime. @throws GRACE_RUNTIME_STATE when another one has it. */
  lockJournal(dir: string, log: Log): HostJournal;
  /** What the process holds, bytes. */
  memoryUsage(): { readonly rss: number; readonly heapUsed: number };
  writeArtefacts(dir: string, files: Readonly<Record<string, string>>): Promise<void>;
}
