/**
 * Writes the journal: one writer, one write and one fdatasync for each group. What it has synced is
 * never touched again; a tail that was torn by a crash is cut, and the cut is said in the journal.
 */
import { join } from 'node:path';
import { GraceError, toErrorRecord } from '../core/errors.ts';
import { leafHash } from '../core/merkle.ts';
import type { Files } from '../core/ports.ts';
import { entryLine, firstPrevious, parseEntry, recordTail, segmentName } from './format.ts';
import { linesOf, segmentsOf } from './lines.ts';

/** A segment larger than this is followed by a new one, bytes. */
const segmentBytesMax = 64 * 1024 * 1024;

export class JournalWriter {
  readonly #files: Files;
  readonly #dir: string;
  #fd: number;
  #offset: number;
  #sequence: number;
  #previous: string;

  private constructor(
    files: Files, dir: string,
    end: { fd: number; offset: number; sequence: number; previous: string },
  ) {
    this.#files = files;
    this.#dir = dir;
    this.#fd = end.fd;
    this.#offset = end.offset;
    this.#sequence = end.sequence;
    this.#previous = end.previous;
  }

  /**
   * Opens the journal in `dir`, or begins one.
   *
   * @param now - Times for the entry that says a torn tail was cut.
   * @returns The writer, and the sequence it found, before any such entry.
   * @throws GRACE_JOURNAL_CORRUPT when the last segment holds a line that is no entry, not at its end.
   */
  static open(files: Files, dir: string, now: { atMs: number; wallMs: number }) {
    files.makeDir(dir);
    const segments = segmentsOf(files, dir);
    const end = { offset: 0, sequence: 0, previous: firstPrevious };
    let tornBytes = 0;
    // A segment that was begun and has no whole entry yet continues the one before it.
    for (const file of segments.slice(-2)) {
      end.offset = 0;
      for (const line of linesOf(files, file)) {
        if (!line.complete) {
          tornBytes = line.bytes.length;
          break;
        }
        const entry = parseEntry(line.bytes.toString('utf8'));
        if (!entry) throw corrupt(file, line.number);
        end.sequence = entry.sequence;
        end.previous = leafHash(line.bytes);
        end.offset = line.offset + line.bytes.length + 1;
      }
    }
    const file = segments.at(-1) ?? join(dir, segmentName(1));
    const fd = files.open(file, segments.length > 0 ? 'r+' : 'wx+', 0o600);
    const writer = new JournalWriter(files, dir, { fd, ...end });
    const found = end.sequence;
    if (tornBytes > 0) {
      files.truncate(fd, end.offset);
      writer.write([recordTail({
        type: 'journal.tail_cut', actor: 'journal', incident: null,
        data: { file, offset: end.offset, bytes: tornBytes }, ...now,
      })]);
    }
    return { writer, found, tornBytes };
  }

  /** Sequence of the newest entry. */
  get sequence(): number {
    return this.#sequence;
  }

  /**
   * Writes a group of records and syncs it. All of it, or nothing.
   *
   * @throws GRACE_JOURNAL_WRITE_FAILED; the file is as it was before.
   */
  write(tails: readonly string[]): void {
    let sequence = this.#sequence;
    let previous = this.#previous;
    const lines: string[] = [];
    for (const tail of tails) {
      sequence += 1;
      const line = entryLine(sequence, previous, tail);
      previous = leafHash(line);
      lines.push(line);
    }
    const bytes = Buffer.from(`${lines.join('\n')}\n`);
    try {
      if (this.#offset > segmentBytesMax) this.#roll();
      this.#writeAll(bytes);
      this.#files.fdatasync(this.#fd);
    } catch (error) {
      this.#undo(error);
      throw writeFailed(error, tails.length);
    }
    this.#offset += bytes.length;
    this.#sequence = sequence;
    this.#previous = previous;
  }

  close(): void {
    this.#files.fsync(this.#fd);
    this.#files.close(this.#fd);
  }

  /** A full disk makes a write short, without an error. */
  #writeAll(bytes: Buffer): void {
    for (let done = 0; done < bytes.length;) {
      const count = this.#files.write(this.#fd, bytes, done, bytes.length - done, this.#offset + done);
      if (count <= 0) throw new Error('the disk took no more bytes');
      done += count;
    }
  }

  /** Half a group must not stay: the next one would follow it in the middle of a line. */
  #undo(cause: unknown): void {
    try {
      this.#files.truncate(this.#fd, this.#offset);
    } catch (error) {
      throw writeFailed(new AggregateError([cause, error], toErrorRecord(error).message), 0);
    }
  }

  #roll(): void {
    const file = join(this.#dir, segmentName(this.#sequence + 1));
    const fd = this.#files.open(file, 'wx+', 0o600);
    this.#files.close(this.#fd);
    this.#fd = fd;
    this.#offset = 0;
  }
}

const corrupt = (file: string, line: number) => new GraceError(
  'GRACE_JOURNAL_CORRUPT',
  `${file}:${line}: this is no entry of a journal. Look at it with: grace journal verify. Grace does not ` +
    'write to a journal it cannot trust: move the folder away, keep it as evidence, and start again.',
  { details: { file, line } },
);

const writeFailed = (cause: unknown, records: number) => new GraceError(
  'GRACE_JOURNAL_WRITE_FAILED',
  `${records} records could not be written: ${toErrorRecord(cause).message}. They are kept and tried ` +
    'again. Is the disk full?',
  { cause, details: { records } },
);
