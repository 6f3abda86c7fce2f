/** What an entry of the journal looks like on the disk. */
import { crc32 } from 'node:zlib';
import { toErrorRecord } from '../core/errors.ts';
import type { JournalEntry, JournalRecord } from '../core/journal.ts';
import { redact } from '../core/redact.ts';

export const firstPrevious = '0'.repeat(64);
/** Largest record, characters. A larger one is journalled without its data. */
const recordMax = 1024 * 1024;

export const segmentName = (sequence: number) => `${String(sequence).padStart(12, '0')}.jsonl`;
export const isSegment = (name: string) => /^\d{12}\.jsonl$/.test(name);

/** The part of a line that the host knows. Never throws: what cannot be written is described. */
export function recordTail(record: JournalRecord): string {
  const { wallMs, atMs, type, actor, incident } = record;
  const head = JSON.stringify({ wallMs, atMs, type, actor, incident }).slice(1, -1);
  return `${head},"data":${dataText(record.data)}`;
}

/**
 * A whole line, without its newline. The checksum at its end finds damage in the newest entry, whose
 * hash no other entry holds yet.
 */
export function entryLine(sequence: number, previous: string, tail: string): string {
  const body = `{"sequence":${sequence},"previous":"${previous}",${tail}`;
  return `${body}${checksumField}${checksum(body)}"}`;
}

const checksumField = ',"crc32":"';
const checksum = (text: string) => crc32(text).toString(16).padStart(8, '0');

/** Reads a line. Undefined when it is no entry, or damaged. */
export function parseEntry(line: string): JournalEntry | undefined {
  try {
    const end = line.lastIndexOf(checksumField);
    const body = line.slice(0, end);
    if (end < 0 || line.slice(end) !== `${checksumField}${checksum(body)}"}`) return undefined;
    const entry = JSON.parse(line) as Partial<JournalEntry> | null;
    const isEntry = typeof entry?.sequence === 'number' && typeof entry.previous === 'string'
      && typeof entry.type === 'string';
    return isEntry ? (entry as JournalEntry) : undefined;
  } catch {
    return undefined;
  }
}

function dataText(data: unknown): string {
  try {
    const text = JSON.stringify(data, redact) ?? 'null';
    return text.length <= recordMax ? text : JSON.stringify({ notWritten: `${text.length} characters` });
  } catch (error) {
    return JSON.stringify({ notWritten: toErrorRecord(error).message });
  }
}
