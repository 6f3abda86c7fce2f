import { closeSync, mkdirSync, openSync, readFileSync, realpathSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { GraceError } from '../core/errors.ts';

const locks: unique symbol = Symbol.for('grace.journal.locks');

/**
 * Folders locked by this process: two runtimes in one process are two writers too, also when they are
 * of two copies of this module.
 */
const shared = globalThis as { [locks]?: Set<string> };
const held = (shared[locks] ??= new Set());

/**
 * Makes this process the only writer of a data directory. The lock of a process that is gone is taken
 * over.
 *
 * @returns Gives the lock back.
 * @throws GRACE_RUNTIME_STATE, naming who holds it.
 */
export function lockJournal(dir: string): () => void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  // By any other name it is the same folder.
  const file = join(realpathSync(dir), 'lock');
  const mine = `${process.pid} ${startOf(process.pid)}`;
  if (held.has(file)) throw inUse(dir, mine, 'another runtime of this process, ');
  const other = read(file);
  if (other && other !== mine && isAlive(other)) throw inUse(dir, other);
  if (other) rmSync(file, { force: true });
  const fd = openSync(file, 'wx', 0o600);
  writeSync(fd, mine);
  closeSync(fd);
  held.add(file);
  return () => {
    held.delete(file);
    rmSync(file, { force: true });
  };
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** Alive, and the same process: pids are used again. */
function isAlive(owner: string): boolean {
  const [pid, start] = owner.split(' ');
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if ((error as { code?: string }).code !== 'EPERM') return false;
  }
  return start === '' || startOf(Number(pid)) === start;
}

/** When a process started, in clock ticks since boot; empty where the system does not say. */
function startOf(pid: number): string {
  const stat = read(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

const inUse = (dir: string, owner: string, who = '') => new GraceError(
  'GRACE_RUNTIME_STATE',
  `${dir} is used by ${who}process ${owner.split(' ')[0]}. Stop it, or give another data directory.`,
  { details: { dir, owner } },
);
