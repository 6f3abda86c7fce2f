import { Worker } from 'node:worker_threads';
import type { JournalSurroundings } from './host-journal.ts';
import { lockJournal } from './system-lock.ts';
import type { WriterStart } from './writer-protocol.ts';

const suffix = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

/** The journal on a real disk, written by a thread of its own. */
export const systemWriter: Pick<JournalSurroundings, 'lock' | 'startWriter' | 'later'> = {
  lock: lockJournal,
  startWriter: (dir) => new Worker(new URL(`./system-writer-thread${suffix}`, import.meta.url), {
    workerData: { dir } satisfies WriterStart, name: 'grace-journal',
  }),
  later: setImmediate,
};
