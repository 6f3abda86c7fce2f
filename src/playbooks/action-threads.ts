/**
 * The threads in which actions of the host run: one for each try, so that a try can be ended whatever it
 * does and leaves nothing to the next one. The host's loop only waits.
 */
import { Worker } from 'node:worker_threads';
import { GraceError, type ErrorRecord } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import type { ActionStart, FromAction } from './action-protocol.ts';

/** Tries at a time, at most; the others wait within their timeout. */
export const actionThreadsMax = 8;
const heapMb = 128;
/** How long a module may take to load when it is checked. */
const checkTimeoutMs = 10_000;

const suffix = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
const threadFile = new URL(`./system-action-thread${suffix}`, import.meta.url);

interface Living {
  readonly action: string;
  readonly threadId: number;
  readonly exit: Promise<void>;
}

export class ActionThreads {
  readonly #clock: Clock;
  readonly #living = new Map<Worker, Living>();
  readonly #waiting: (() => void)[] = [];
  #busy = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Does one try. Aborting ends its thread at once, also in the middle of an endless loop.
   *
   * @throws GRACE_ACTION_FAILED with what the action threw, GRACE_ACTION_MODULE_INVALID.
   */
  async run(start: ActionStart, signal: AbortSignal): Promise<unknown> {
    await this.#turn(signal);
    try {
      return await this.#inThread(start, signal);
    } finally {
      this.#busy -= 1;
      this.#waiting.shift()?.();
    }
  }

  /** Loads a module in a thread of its own. @throws GRACE_ACTION_MODULE_INVALID */
  async check(module: string, actions: readonly string[]): Promise<void> {
    const late = new AbortController();
    const timer = this.#clock.setTimeout(() => late.abort(), checkTimeoutMs);
    try {
      await this.#inThread({ module, actions }, late.signal);
    } finally {
      this.#clock.clearTimeout(timer);
    }
  }

  /** Ends what still runs. Resolves with the threads that cannot be ended. */
  async close(deadlineMs: number): Promise<{ kernel: string; epoch: number; threadId: number }[]> {
    if (this.#living.size === 0) return [];
    let timer: unknown;
    const late = new Promise<void>((resolve) => {
      timer = this.#clock.setTimeout(resolve, deadlineMs);
    });
    for (const worker of this.#living.keys()) void worker.terminate();
    await Promise.race([Promise.all([...this.#living.values()].map(({ exit }) => exit)), late]);
    this.#clock.clearTimeout(timer);
    return [...this.#living.values()].map(({ action, threadId }) => ({
      kernel: `action.${action}`, epoch: 0, threadId,
    }));
  }

  /** Resolves when there is room for one more. */
  async #turn(signal: AbortSignal): Promise<void> {
    if (this.#busy >= actionThreadsMax) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
    this.#busy += 1;
    if (!signal.aborted) return;
    this.#busy -= 1;
    this.#waiting.shift()?.();
    throw ended();
  }

  #inThread(start: ActionStart, signal: AbortSignal): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const worker = this.#newWorker(start);
      const end = () => {
        signal.removeEventListener('abort', onAbort);
        void worker.terminate();
      };
      const onAbort = () => {
        reject(start.work ? ended() : invalid(start, `it did not load within ${checkTimeoutMs} ms`));
        end();
      };
      signal.addEventListener('abort', onAbort);
      worker.once('message', (message: FromAction) => {
        if (message.type === 'done') resolve(message.value);
        else reject(failureOf(start, message));
        end();
      });
      worker.once('error', (error) => {
        reject(start.work ? failed(start, error) : invalid(start, error.message));
        end();
      });
      worker.once('exit', (code) => {
        reject(failed(start, { name: 'Error', message: `its thread ended with code ${code}` }));
        end();
      });
    });
  }

  #newWorker(start: ActionStart): Worker {
    const [action] = start.actions;
    const worker = new Worker(threadFile, {
      workerData: start, name: `action.${action}`, resourceLimits: { maxOldGenerationSizeMb: heapMb },
    });
    // Whoever makes a runtime waits for the check of its modules; for a try, the runtime waits.
    if (start.work) worker.unref();
    const exit = new Promise<void>((resolve) => {
      worker.once('exit', () => {
        this.#living.delete(worker);
        resolve();
      });
    });
    this.#living.set(worker, { action: action!, threadId: worker.threadId, exit });
    return worker;
  }
}

function failureOf(start: ActionStart, message: Exclude<FromAction, { type: 'done' }>): GraceError {
  if (message.type === 'missing') {
    const { action, exports } = message;
    return invalid(start, `it exports no function "${action}", but: ${exports.join(', ') || 'nothing'}`);
  }
  return start.work ? failed(start, message.error) : invalid(start, message.error.message);
}

const ended = () => new GraceError('GRACE_ACTION_FAILED', 'The try was ended.');

const failed = ({ actions: [action] }: ActionStart, error: ErrorRecord) => new GraceError(
  'GRACE_ACTION_FAILED', `Action "${action}" failed: ${error.message}`, { details: { action, error }, cause: error },
);

const invalid = ({ module, actions }: ActionStart, why: string) => new GraceError(
  'GRACE_ACTION_MODULE_INVALID',
  `The module ${module} cannot be used: ${why}. Export one function for each of its actions, with its name: ` +
    `export async function ${actions[0]}(params, call) {}`,
  { details: { module, actions } },
);
