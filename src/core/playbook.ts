/** A playbook after loading: checked, defaults filled in, durations in milliseconds. */
import { swing } from './backoff.ts';

export interface Playbook {
  readonly id: string;
  readonly version: number;
  readonly title: string;
  /** SHA-256 of the file's bytes, hex. A run is pinned to it. */
  readonly hash: string;
  /** The mesh event it answers, if any. */
  readonly on: string | null;
  readonly sloMs: number;
  /** How long after a run it is not run again for the same cause, ms. An emergency does not wait. */
  readonly cooldownMs: number;
  readonly inputs: Readonly<Record<string, PlaybookInput>>;
  readonly steps: readonly Step[];
  /** Runs whatever happened before. */
  readonly finally: readonly ActionStep[];
  /** CEL conditions; all have to hold for the run to be completed. */
  readonly success: readonly string[];
}

export interface PlaybookInput {
  readonly type: 'string' | 'number' | 'boolean' | 'list';
  readonly required: boolean;
  readonly default?: unknown;
}

export type OnFailure = 'abort' | 'continue' | { readonly goto: string };

export type Step = ActionStep | ParallelStep;

interface StepBase {
  readonly id: string;
  /** CEL; the step is skipped when it is false. */
  readonly when: string | null;
  readonly onFailure: OnFailure;
}

export interface ActionStep extends StepBase {
  readonly kind: 'action';
  readonly action: string;
  /** Values; a string `${...}` in it is a CEL expression. */
  readonly with: Readonly<Record<string, unknown>>;
  readonly timeoutMs: number;
  readonly retry: Retry;
  /** Does the action once for each item, beside each other. */
  readonly forEach: { readonly items: string; readonly as: string; readonly max: number } | null;
  readonly compensate: Compensation | null;
  readonly saveAs: string | null;
}

export interface ParallelStep extends StepBase {
  readonly kind: 'parallel';
  readonly branches: readonly ActionStep[];
  /** Branches that have to succeed. */
  readonly join: number;
}

export interface Retry {
  /** Tries in all, the first included. */
  readonly attempts: number;
  readonly delayMs: number;
  readonly backoff: 'constant' | 'exponential';
  /** No wait is longer; null: no limit. */
  readonly maxDelayMs: number | null;
  /** Share of the wait that is random: 0.2 means 20 % more or less. */
  readonly jitter: number;
}

export interface Compensation {
  readonly action: string;
  readonly with: Readonly<Record<string, unknown>>;
  readonly timeoutMs: number;
}

/** What expressions can refer to. */
export interface Scope {
  readonly inputs: Readonly<Record<string, unknown>>;
  /** `steps.<id>.status` and `steps.<id>.attempts`. */
  readonly steps: Readonly<Record<string, { readonly status: string; readonly attempts: number }>>;
  /** What steps with `save_as` gave. */
  readonly saved: Readonly<Record<string, unknown>>;
  readonly incident: { readonly id: string };
}

/**
 * The wait before try number `attempt + 1`, ms. Pure: the jitter comes from `seed`.
 *
 * @param seed - Of the run and the step, so that runs which fail together do not try again together.
 */
export const retryDelayMs = (retry: Retry, attempt: number, seed: number): number =>
  delayMs(retry, attempt, swing(seed, attempt));

/** The longest that wait can be, ms: what the proof counts. */
export const longestRetryDelayMs = (retry: Retry, attempt: number): number => delayMs(retry, attempt, 1);

function delayMs({ delayMs: firstMs, backoff, maxDelayMs, jitter }: Retry, attempt: number, part: number): number {
  const limitMs = maxDelayMs ?? Infinity;
  const plainMs = Math.min(limitMs, backoff === 'constant' ? firstMs : firstMs * 2 ** (attempt - 1));
  return Math.round(Math.min(limitMs, plainMs * (1 + part * jitter)));
}
