/**
 * What the outside world looks like to Grace. Everything below `grace.ts` gets time, randomness
 * and files through these, so that a test can replace them.
 */

/** Opaque handle of a timer. */
export type TimerId = unknown;

export interface Clock {
  /** Monotonic reading, ms. The only time that deadlines and durations may use. */
  now(): number;
  /** Wall clock, ms since the Unix epoch. A label for people, never compared with a deadline. */
  wallNow(): number;
  setTimeout(fire: () => void, ms: number): TimerId;
  clearTimeout(id: TimerId): void;
}

export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** A name that is unique in this data directory, such as `inc_01hz3k…`. */
  id(prefix: string): string;
}

/** Synchronous files: one writer thread uses them, never the shared libuv pool. */
export interface Files {
  open(path: string, flags: string, mode?: number): number;
  close(fd: number): void;
  /** May write fewer bytes than asked, like the system call. Callers loop. */
  write(fd: number, bytes: Uint8Array, offset: number, length: number, position: number): number;
  read(fd: number, bytes: Uint8Array, offset: number, length: number, position: number): number;
  /** Returns when data and size are on the disk. */
  fdatasync(fd: number): void;
  fsync(fd: number): void;
  truncate(fd: number, length: number): void;
  size(fd: number): number;
  list(dir: string): readonly string[];
  makeDir(dir: string): void;
  rename(from: string, to: string): void;
  remove(path: string): void;
}

/** Diagnostics for operators (pino in the host). Not the journal, which is a record. */
export interface Log {
  debug(data: object, message: string): void;
  info(data: object, message: string): void;
  warn(data: object, message: string): void;
  error(data: object, message: string): void;
}
