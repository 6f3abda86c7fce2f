import { join } from 'node:path';
import type { Files } from '../core/ports.ts';
import { isSegment } from './format.ts';

/** A line of a segment, or the rest of it when it has no newline. */
export interface Line {
  readonly file: string;
  /** From 1. */
  readonly number: number;
  /** Where it begins in the file, bytes. */
  readonly offset: number;
  readonly bytes: Buffer;
  /** False for the last line of a file that does not end with a newline. */
  readonly complete: boolean;
}

const chunkBytes = 256 * 1024;

/** The segments of a journal, oldest first. */
export function segmentsOf(files: Files, dir: string): string[] {
  return files.list(dir).filter(isSegment).toSorted().map((name) => join(dir, name));
}

/** Streams the lines of a file of any size, from a byte offset on. */
export function* linesOf(files: Files, file: string, from = 0): Generator<Line> {
  const fd = files.open(file, 'r');
  try {
    const chunk = Buffer.alloc(chunkBytes);
    let rest: Buffer = Buffer.alloc(0);
    let offset = from;
    let position = from;
    let number = 1;
    for (;;) {
      const count = files.read(fd, chunk, 0, chunkBytes, position);
      if (count === 0) break;
      position += count;
      rest = Buffer.concat([rest, chunk.subarray(0, count)]);
      let start = 0;
      for (let end = rest.indexOf(10, start); end >= 0; end = rest.indexOf(10, start)) {
        const bytes = rest.subarray(start, end);
        yield { file, number, offset: offset + start, bytes, complete: true };
        number += 1;
        start = end + 1;
      }
      offset += start;
      rest = rest.subarray(start);
    }
    if (rest.length > 0) yield { file, number, offset, bytes: rest, complete: false };
  } finally {
    files.close(fd);
  }
}
