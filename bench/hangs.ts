/**
 * Ways to stop a thread's loop. Each leaves its proof in shared memory: when it began, stamped by the
 * thread itself right before, and whether it has ended, which it must not have when a successor answers.
 */
import { execSync } from 'node:child_process';
import { pbkdf2Sync } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Those that can be ended, and native calls that cannot. */
export const endable = ['loop', 'microtasks', 'wait'] as const;
export const unendable = ['pbkdf2', 'exec', 'fifo'] as const;
export type Hang = (typeof endable)[number] | (typeof unendable)[number];

export interface HangOrder {
  readonly how: Hang;
  /** Where a `fifo` is read until somebody writes to it. */
  readonly fifo: string;
  /** What makes `pbkdf2` last as long as `exec` does. */
  readonly iterations: number;
}

/** Slots of the proof, monotonic nanoseconds; 0 is "not yet". */
export const slot = { begun: 0, over: 1, written: 2 } as const;
export const newProof = () => new BigInt64Array(new SharedArrayBuffer(24));

/** Longer than any tried silence, shorter than a look at a hung thread may take, s. */
const nativeS = 0.6;

/** Hangs. What comes after it, only a zombie does. */
export async function hang({ how, fifo, iterations }: HangOrder, proof: BigInt64Array): Promise<void> {
  Atomics.store(proof, slot.begun, process.hrtime.bigint());
  if (how === 'loop') for (;;) Math.sqrt(2);
  if (how === 'microtasks') for (;;) await Promise.resolve();
  if (how === 'wait') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  if (how === 'pbkdf2') pbkdf2Sync('password', 'salt', iterations, 64, 'sha512');
  if (how === 'exec') execSync(`sleep ${nativeS}`);
  if (how === 'fifo') readFileSync(fifo);
  Atomics.store(proof, slot.over, process.hrtime.bigint());
}

/** How many iterations last as long as `exec`, on this machine. */
export function calibrate(): number {
  const tried = 100_000;
  const began = performance.now();
  pbkdf2Sync('password', 'salt', tried, 64, 'sha512');
  return Math.ceil((tried * nativeS * 1_000) / (performance.now() - began));
}
