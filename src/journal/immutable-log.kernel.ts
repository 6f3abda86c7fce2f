/**
 * The `immutable_log` kernel: answers questions about the journal from its files, which it never writes.
 */
import { defineKernel } from '../kernel.ts';
import { parseEntry } from './format.ts';
import { linesOf, segmentsOf } from './lines.ts';
import { readJournal, tailJournal } from './read.ts';
import { systemFiles } from './system-files.ts';
import { verifyJournal } from './verify.ts';

interface Question {
  readonly op: 'verify' | 'tail' | 'by_incident' | 'figures';
  readonly count?: number;
  readonly incident?: string;
}

export const { start } = defineKernel({
  start(ctx) {
    const dir = String(ctx.config['dir']);
    let answered = 0;
    return {
      handle({ payload }) {
        const { op, count, incident } = payload as Question;
        answered += 1;
        if (op === 'verify') return verifyJournal(dir, systemFiles);
        if (op === 'tail') return tailJournal(dir, systemFiles, Math.min(count ?? 20, 1_000));
        if (op === 'by_incident') {
          return [...readJournal(dir, systemFiles)].filter((entry) => entry.incident === incident);
        }
        return { segments: segmentsOf(systemFiles, dir).length, answered };
      },
      /** Able to work: the newest segment can be read and begins with an entry. */
      probe() {
        const newest = segmentsOf(systemFiles, dir).at(-1);
        if (newest === undefined) return false;
        const [first] = linesOf(systemFiles, newest);
        return first === undefined || !first.complete || parseEntry(first.bytes.toString('utf8')) !== undefined;
      },
    };
  },
});
