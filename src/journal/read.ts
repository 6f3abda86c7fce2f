import type { JournalEntry } from '../core/journal.ts';
import type { Files } from '../core/ports.ts';
import { parseEntry } from './format.ts';
import { linesOf, segmentsOf } from './lines.ts';

/** Streams the entries of a journal, oldest first. A line that is no entry is passed over. */
export function* readJournal(dir: string, files: Files): Generator<JournalEntry> {
  for (const file of segmentsOf(files, dir)) {
    for (const { bytes, complete } of linesOf(files, file)) {
      const entry = complete ? parseEntry(bytes.toString('utf8')) : undefined;
      if (entry) yield entry;
    }
  }
}

/** The last `count` entries, oldest first. */
export function tailJournal(dir: string, files: Files, count: number): JournalEntry[] {
  const tail: JournalEntry[] = [];
  for (const entry of readJournal(dir, files)) {
    tail.push(entry);
    if (tail.length > count) tail.shift();
  }
  return tail;
}
