/** Checks a journal offline: is every byte what was written, in the order it was written? */
import type { Files } from '../core/ports.ts';
import { leafHash, MerkleTree } from '../core/merkle.ts';
import { firstPrevious, parseEntry } from './format.ts';
import { linesOf, segmentsOf } from './lines.ts';

export interface JournalVerdict {
  readonly ok: boolean;
  readonly entries: number;
  readonly segments: number;
  readonly problems: readonly { readonly file: string; readonly line: number; readonly what: string }[];
  /** Bytes of a last line that was never finished: a write was cut short, nothing was changed. */
  readonly tornBytes: number;
  /** RFC 6962 tree head over all entries, hex. */
  readonly root: string;
}

const problemsMax = 20;

/**
 * Streams the segments of `dir`. Finds a flipped bit anywhere, and an entry that was removed, moved,
 * repeated or put in. It cannot see that the newest entries are missing: that takes an anchor.
 */
export function verifyJournal(dir: string, files: Files): JournalVerdict {
  const segments = segmentsOf(files, dir);
  const tree = new MerkleTree();
  const problems: { file: string; line: number; what: string }[] = [];
  let tornBytes = 0;
  let previous = firstPrevious;
  let sequence = 0;
  for (const file of segments) {
    for (const line of linesOf(files, file)) {
      const complain = (what: string) => {
        if (problems.length < problemsMax) problems.push({ file, line: line.number, what });
      };
      if (!line.complete) {
        tornBytes = line.bytes.length;
        if (file !== segments.at(-1)) complain('the segment ends within a line');
        continue;
      }
      const entry = parseEntry(line.bytes.toString('utf8'));
      if (!entry) {
        complain('this is no entry of a journal');
      } else {
        if (entry.sequence !== sequence + 1) {
          complain(`the sequence is ${entry.sequence} where ${sequence + 1} belongs`);
        }
        if (entry.previous !== previous) complain('the entry before it is not the one that was written');
        sequence = entry.sequence;
      }
      previous = leafHash(line.bytes);
      tree.add(previous);
    }
  }
  return {
    ok: problems.length === 0, entries: tree.size, segments: segments.length, problems, tornBytes,
    root: tree.root(),
  };
}
