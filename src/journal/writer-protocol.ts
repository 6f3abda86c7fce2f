import type { ErrorRecord } from '../core/errors.ts';

/** The wire between the host and the writer thread. */
export interface WriterStart {
  readonly dir: string;
}

/** Records as line tails; `batch` counts up. */
export type ToWriter =
  | { readonly type: 'write'; readonly batch: number; readonly tails: readonly string[] }
  | { readonly type: 'close' };

export type FromWriter =
  | { readonly type: 'opened'; readonly found: number; readonly tornBytes: number }
  | { readonly type: 'refused'; readonly error: ErrorRecord }
  /** Everything up to this batch is on the disk; `sequence` is the newest entry. */
  | { readonly type: 'synced'; readonly batch: number; readonly sequence: number }
  | { readonly type: 'failed'; readonly error: ErrorRecord }
  | { readonly type: 'closed' };
