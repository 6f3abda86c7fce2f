import type { ErrorRecord } from '../core/errors.ts';

/** What an action of the host gets beside its parameters. */
export interface ActionCall {
  /** The same for the same try, so that doing it twice can be noticed. */
  readonly key: string;
  readonly run: string;
  readonly incident: string;
  /** When the thread is ended, ms from now. */
  readonly timeoutMs: number;
}

/** What an action thread is started with. Without `work` it only says whether the function is there. */
export interface ActionStart {
  readonly module: string;
  /** The names that the module has to export as functions; with `work`, the one to call. */
  readonly actions: readonly string[];
  readonly work?: { readonly params: unknown; readonly call: ActionCall };
}

/** What it says once, before it is ended. */
export type FromAction =
  | { readonly type: 'done'; readonly value: unknown }
  | { readonly type: 'missing'; readonly action: string; readonly exports: readonly string[] }
  | { readonly type: 'failed'; readonly error: ErrorRecord };
