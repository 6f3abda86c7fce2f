/**
 * Every failure Grace raises on purpose. A code never changes its meaning once released;
 * the message is for people and may be reworded. Sorted by name.
 */
export const errorCodes = {
  GRACE_ACTION_FAILED: 'A playbook action could not do what it was asked to do.',
  GRACE_ACTION_MODULE_INVALID: 'The module of an action cannot be loaded, or lacks a function with its name.',
  GRACE_ACTION_UNKNOWN: 'A playbook names an action that nobody registered.',
  GRACE_ACTOR_NOT_PROVIDED: 'A machine was started without something it needs from outside.',
  GRACE_BUS_TIMEOUT: 'A request over the message bus was not answered in time.',
  GRACE_CONFIG_INVALID: 'An option has a value that Grace cannot work with.',
  GRACE_DEPENDENCY_CYCLE: 'Kernels depend on each other in a circle.',
  GRACE_DEPENDENCY_UNKNOWN: 'A kernel depends on a kernel that does not exist.',
  GRACE_INSPECTOR_UNAVAILABLE: 'The inspector cannot listen on its port.',
  GRACE_JOURNAL_CORRUPT: 'The journal is not what was written: an entry or its hash is wrong.',
  GRACE_JOURNAL_WRITE_FAILED: 'The journal could not be written or synced.',
  GRACE_KERNEL_DUPLICATE: 'Two kernels have the same id.',
  GRACE_KERNEL_MODULE_INVALID: 'A kernel module does not export a function named start.',
  GRACE_KERNEL_MODULE_UNKNOWN: 'A kernel module cannot be found or loaded.',
  GRACE_KERNEL_NOT_RUNNING: 'A kernel was asked for work while it was not running.',
  GRACE_KERNEL_START_FAILED: 'A kernel threw or ended while it was starting.',
  GRACE_KERNEL_START_TIMEOUT: 'A kernel did not become ready before its start deadline.',
  GRACE_KERNEL_UNKNOWN: 'There is no kernel with this id.',
  GRACE_MESSAGE_INVALID: 'A message holds something that cannot cross a thread boundary.',
  GRACE_MITIGATION_UNKNOWN: 'There is no mitigation with this id in force.',
  GRACE_PLAYBOOK_INVALID: 'A playbook does not follow the schema, or names what does not exist.',
  GRACE_PLAYBOOK_OVER_SLO: 'The worst case of a playbook is longer than its SLO.',
  GRACE_PLAYBOOK_UNKNOWN: 'There is no playbook with this id.',
  GRACE_RUNTIME_STATE: 'The runtime was asked for something its present state does not allow.',
} as const;

export type ErrorCode = keyof typeof errorCodes;

export interface GraceErrorOptions {
  readonly cause?: unknown;
  /** Plain data that helps to act on the failure: ids, limits, measured values. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The one error class of Grace. Act on `code`; show `message`; keep `details`. */
export class GraceError extends Error {
  override readonly name = 'GraceError';
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: GraceErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }

  /** The form that crosses a worker thread, where class, name and code would be lost. */
  toJSON(): ErrorRecord {
    return toErrorRecord(this);
  }
}

/** An error as plain data: what survives a thread boundary, the journal and evidence. */
export interface ErrorRecord {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * Turns whatever was thrown into plain data. Never throws itself.
 *
 * @example toErrorRecord(null).message // "null was thrown"
 */
export function toErrorRecord(thrown: unknown): ErrorRecord {
  try {
    if (!(thrown instanceof Error) && !isErrorLike(thrown)) {
      return { name: 'Error', message: `${String(thrown)} was thrown` };
    }
    const { name, message, stack } = thrown;
    const code = (thrown as { code?: unknown }).code;
    const details = thrown instanceof GraceError ? thrown.details : undefined;
    return {
      name: String(name),
      message: String(message),
      ...(code !== undefined && { code: String(code) }),
      ...(stack !== undefined && { stack: String(stack) }),
      ...(details !== undefined && { details }),
    };
  } catch {
    return { name: 'Error', message: 'something that cannot be described was thrown' };
  }
}

/** An error of another realm or of another thread is no `instanceof Error` here. */
function isErrorLike(thrown: unknown): thrown is Error {
  return typeof thrown === 'object' && thrown !== null && 'message' in thrown && 'name' in thrown;
}

/** Fails loudly when something that must always hold does not. Stays on in production. */
export function assertInvariant(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`Invariant broken in Grace: ${what}. Please report this.`);
}
