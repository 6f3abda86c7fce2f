import { join } from 'node:path';
import type { JournalEntry } from '../core/journal.ts';
import { readJournal, tailJournal } from './read.ts';
import { systemFiles } from './system-files.ts';
import { verifyJournal, type JournalVerdict } from './verify.ts';

/** The journal of a data directory, read only: works without a runtime, and beside a running one. */
export interface JournalFolder {
  readonly dir: string;
  verify(): JournalVerdict;
  entries(): Generator<JournalEntry>;
  tail(count: number): JournalEntry[];
}

/** @example openJournalFolder('.grace').verify().ok // true */
export function openJournalFolder(dataDir: string): JournalFolder {
  const dir = join(dataDir, 'journal');
  return {
    dir,
    verify: () => verifyJournal(dir, systemFiles),
    entries: () => readJournal(dir, systemFiles),
    tail: (count) => tailJournal(dir, systemFiles, count),
  };
}
