import {
  closeSync, fdatasyncSync, fstatSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readdirSync, readSync,
  renameSync, rmSync, writeSync,
} from 'node:fs';
import type { Files } from '../core/ports.ts';

/** The real disk. Folders are for the owner alone. */
export const systemFiles: Files = {
  open: (path, flags, mode) => openSync(path, flags, mode ?? 0o600),
  close: closeSync,
  write: (fd, bytes, offset, length, position) => writeSync(fd, bytes, offset, length, position),
  read: (fd, bytes, offset, length, position) => readSync(fd, bytes, offset, length, position),
  fdatasync: fdatasyncSync,
  fsync: fsyncSync,
  truncate: ftruncateSync,
  size: (fd) => fstatSync(fd).size,
  list: (dir) => {
    try {
      return readdirSync(dir);
    } catch {
      return [];
    }
  },
  makeDir: (dir) => void mkdirSync(dir, { recursive: true, mode: 0o700 }),
  rename: renameSync,
  remove: (path) => rmSync(path, { force: true }),
};
