/**
 * The wire between the host and a kernel thread: one MessagePort per thread, and counters in
 * shared memory beside it, so that a flood of messages cannot delay a sign of life.
 */
import type { MessagePort } from 'node:worker_threads';
import type { ErrorRecord } from './errors.ts';
import type { WireMessage } from './inspection-wire.ts';

/** What Piscina passes to a fresh thread. It loads `module` and waits to be adopted. */
export interface ThreadStart {
  readonly port: MessagePort;
  readonly module: string;
  /** It has time to rehearse its adoption before somebody needs it. */
  readonly standby: boolean;
}

/** Makes a waiting thread one epoch of one kernel. */
export interface Adoption {
  readonly type: 'adopt';
  readonly kernel: string;
  readonly epoch: number;
  readonly config: Readonly<Record<string, unknown>>;
  readonly restored: SavedState | undefined;
  readonly counters: SharedArrayBuffer;
  readonly saveIntervalMs: number;
  readonly concurrency: number;
  /** Somebody may want to watch its actors. */
  readonly inspect: boolean;
  /** Absent while the message bus is down; a `bus` message follows. */
  readonly bus: MessagePort | undefined;
}

/** All of a kernel that outlives its thread. */
export interface SavedState {
  /** What the kernel's own `snapshot()` returned. */
  readonly state: unknown;
  /** Published and not yet settled. */
  readonly outbox: readonly { readonly id: string; readonly topic: string; readonly payload: unknown }[];
  /** Ids of messages whose effects are in `state`, newest last, `handledIdsMax` at most. */
  readonly handled: readonly string[];
}

/** A message is not delivered again once its publisher knows it settled, so this much is ample. */
export const handledIdsMax = 10_000;

export type ToThread =
  | Adoption
  /** Answered in the counters: one more turn, and fresh figures of its memory. */
  | { readonly type: 'ping' }
  | { readonly type: 'probe'; readonly id: number }
  | { readonly type: 'call'; readonly id: number; readonly payload: unknown }
  | { readonly type: 'bus'; readonly port: MessagePort }
  /** For the `message_bus` kernel alone: what the host tells it about its clients. */
  | { readonly type: 'control'; readonly payload: unknown; readonly ports: readonly MessagePort[] }
  | { readonly type: 'stop' };

export type FromThread =
  /** First of all, before the module is loaded. `osThread`: its folder in /proc, where there is one. */
  | { readonly type: 'hello'; readonly threadId: number; readonly osThread: string | undefined }
  | { readonly type: 'loaded' }
  | { readonly type: 'load_failed'; readonly error: ErrorRecord }
  | { readonly type: 'ready' }
  | { readonly type: 'start_failed'; readonly error: ErrorRecord }
  | { readonly type: 'saved'; readonly saved: SavedState }
  /* `saved.handled` holds only the ids since the save before; the host keeps the rest. */
  | { readonly type: 'answer'; readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly type: 'answer'; readonly id: number; readonly ok: false; readonly error: ErrorRecord }
  | {
      readonly type: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly message: string;
      readonly data?: object;
      /** Records dropped since the last one, because the limit per second was reached. */
      readonly dropped: number;
    }
  | { readonly type: 'warning'; readonly error: ErrorRecord }
  /** What an actor of the kernel did. `dropped` as for a log. */
  | { readonly type: 'inspected'; readonly message: WireMessage; readonly dropped: number }
  | {
      readonly type: 'last_words';
      readonly kind: 'threw' | 'exited';
      readonly exitCode: number;
      readonly error?: ErrorRecord;
    }
  | { readonly type: 'stopped' };

/** Slots of the shared counters, as indexes into an Int32Array. */
export const counter = {
  /** Bumped when a ping is answered. */
  turns: 0,
  accepted: 1,
  completed: 2,
  /** Bumped by `ctx.progress()`. */
  progress: 3,
  heapUsedKb: 4,
  externalKb: 5,
  /** Heap in use right after the last major collection. */
  heapLiveKb: 6,
} as const;

export const countersBytes = 8 * Int32Array.BYTES_PER_ELEMENT;
