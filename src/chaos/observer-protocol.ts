import type { MessagePort } from 'node:worker_threads';
import type { BooksVerdict, LoadFigures } from '../reference-host/index.ts';

/** What the observer is told. It is never told what a fault was, only when to look closely. */
export type ToObserver =
  | { readonly type: 'bus'; readonly port: MessagePort }
  /** Begins the load. Answered with `steady` when the application works. */
  | { readonly type: 'begin'; readonly perSecond: number; readonly requestsMin: number; readonly timeoutMs: number }
  /** From now on, ask these kernels again and again. */
  | { readonly type: 'watch'; readonly kernels: readonly string[] }
  /** This kernel's thread has exited: answers to later questions come from another one. */
  | { readonly type: 'exited'; readonly kernel: string; readonly atMs: number }
  /** Stops the load, and checks what is left. Answered with `finished`. */
  | { readonly type: 'finish'; readonly kernels: readonly string[]; readonly waitMs: number };

export type FromObserver =
  | { readonly type: 'steady' }
  | { readonly type: 'failed'; readonly why: string }
  | { readonly type: 'serving'; readonly kernel: string; readonly atMs: number }
  | {
      readonly type: 'event';
      readonly event: { readonly type: string; readonly atMs: number; readonly payload: unknown };
    }
  | { readonly type: 'progress'; readonly load: LoadFigures }
  | {
      readonly type: 'finished';
      readonly load: LoadFigures;
      readonly books: BooksVerdict;
      /** Kernels that answered. */
      readonly running: readonly string[];
    };
