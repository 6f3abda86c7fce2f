import { basename } from 'node:path';
import type { Files } from '../core/ports.ts';

/** A disk in memory, with faults: short writes, and operations that fail when the test says so. */
export class SimulatedDisk implements Files {
  readonly contents = new Map<string, Buffer>();
  readonly #open = new Map<number, string>();
  syncs = 0;
  /** Called before each operation; throws to make it fail. */
  beforeEach: (operation: string) => void = () => undefined;
  /** Most bytes that one write takes. */
  writeMax = Infinity;
  #lastFd = 2;

  open(path: string, flags: string): number {
    this.beforeEach('open');
    if (flags.startsWith('w')) {
      if (flags.includes('x') && this.contents.has(path)) throw new Error('EEXIST');
      this.contents.set(path, Buffer.alloc(0));
    }
    if (!this.contents.has(path)) throw new Error(`ENOENT ${path}`);
    this.#lastFd += 1;
    this.#open.set(this.#lastFd, path);
    return this.#lastFd;
  }

  close(fd: number): void {
    this.#open.delete(fd);
  }

  write(fd: number, bytes: Uint8Array, offset: number, length: number, position: number): number {
    this.beforeEach('write');
    const count = Math.min(length, this.writeMax);
    const before = this.#of(fd);
    const after = Buffer.alloc(Math.max(before.length, position + count));
    before.copy(after);
    after.set(bytes.subarray(offset, offset + count), position);
    this.contents.set(this.#open.get(fd)!, after);
    return count;
  }

  read(fd: number, bytes: Uint8Array, offset: number, length: number, position: number): number {
    const found = this.#of(fd).subarray(position, position + length);
    bytes.set(found, offset);
    return found.length;
  }

  fdatasync(): void {
    this.beforeEach('fdatasync');
    this.syncs += 1;
  }

  fsync(): void {
    this.fdatasync();
  }

  truncate(fd: number, length: number): void {
    this.contents.set(this.#open.get(fd)!, Buffer.from(this.#of(fd).subarray(0, length)));
  }

  size(fd: number): number {
    return this.#of(fd).length;
  }

  list(dir: string): readonly string[] {
    return [...this.contents.keys()].filter((path) => path.startsWith(`${dir}/`)).map((path) => basename(path));
  }

  makeDir(): void {
    // Folders need no entry here.
  }

  rename(from: string, to: string): void {
    this.contents.set(to, this.contents.get(from)!);
    this.contents.delete(from);
  }

  remove(path: string): void {
    this.contents.delete(path);
  }

  #of(fd: number): Buffer {
    return this.contents.get(this.#open.get(fd)!)!;
  }
}
