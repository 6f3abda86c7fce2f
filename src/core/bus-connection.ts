/**
 * A client's end of the message bus, in a kernel thread or in the host. It outlives the bus: what is
 * not settled is kept and sent again through the next port it is given.
 */
import type { BusClient, BusResult, FromBus, ToBus } from './bus.ts';
import { GraceError, toErrorRecord, type ErrorRecord } from './errors.ts';
import type { KernelMessage } from './kernel.ts';
import type { Clock, TimerId } from './ports.ts';
import { handledIdsMax, type SavedState } from './thread-protocol.ts';

/** What the connection needs of a MessagePort. */
export interface BusPort {
  postMessage(message: ToBus): void;
  on(event: 'message', listener: (message: FromBus) => void): unknown;
  close(): void;
  unref(): void;
}

export interface BusConnectionOptions {
  readonly clock: Clock;
  /** The kernel, or the name of another client. */
  readonly owner: string;
  readonly epoch: number;
  readonly restored?: Pick<SavedState, 'outbox' | 'handled'> | undefined;
  /** The message whose handling is under way where this is called. */
  currentMessage(): { readonly id: string } | undefined;
  /** Hands a message over to be handled. `completed` has to follow. */
  deliver(message: KernelMessage): void;
  /** Asks for a save soon: `collectForSave`, post, `afterSave`. */
  requestSave(): void;
}

/** A message whose handling failed this often is set aside. */
export const deliveriesMax = 5;
const retryDelayMs = 200;
/** A message that is not settled after this long is sent once more: the bus may have dropped it. */
const resendAfterMs = 2_000;
const requestTimeoutMs = 5_000;
const repliesMax = 1_000;

interface Outgoing {
  readonly topic: string;
  readonly payload: unknown;
  sentAtMs: number;
  readonly settled: (() => void)[];
}

interface Asked {
  readonly message: Extract<ToBus, { type: 'request' }>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: TimerId;
}

export class BusConnection implements BusClient {
  readonly #options: BusConnectionOptions;
  readonly #outbox = new Map<string, Outgoing>();
  readonly #asked = new Map<string, Asked>();
  /** Handled, and in the saved state or on the way there. */
  readonly #handled = new Set<string>();
  readonly #replies = new Map<string, ToBus>();
  /** Delivered and not completed yet, so that a second delivery is not handled beside the first. */
  readonly #inProgress = new Set<string>();
  readonly #attempts = new Map<string, number>();
  /** Published so far per message being handled, for derived ids. */
  readonly #derived = new Map<string, number>();
  #handledSinceSave: string[] = [];
  /** Leaves after the next save. */
  #held: ToBus[] = [];
  #acknowledgements: string[] = [];
  #flushing = false;
  #port: BusPort | undefined;
  #resendTimer: TimerId;
  #lastId = 0;

  constructor(options: BusConnectionOptions) {
    this.#options = options;
    for (const { id, topic, payload } of options.restored?.outbox ?? []) {
      this.#outbox.set(id, { topic, payload, sentAtMs: -Infinity, settled: [] });
    }
    for (const id of options.restored?.handled ?? []) this.#handled.add(id);
  }

  /** Speaks through `port` from now on, and sends again what is not settled or answered. */
  attach(port: BusPort): void {
    this.#port?.close();
    this.#port = port;
    port.on('message', (message) => {
      if (this.#port === port) this.#receive(message);
    });
    port.unref();
    for (const [id, outgoing] of this.#outbox) this.#send(id, outgoing);
    for (const { message } of this.#asked.values()) port.postMessage(message);
  }

  publish(topic: string, payload: unknown): Promise<void> {
    const id = this.#newId(topic);
    // A second handling of the same cause publishes the same id: it is under way already.
    const outgoing: Outgoing = this.#outbox.get(id) ?? { topic, payload, sentAtMs: 0, settled: [] };
    this.#outbox.set(id, outgoing);
    this.#send(id, outgoing);
    this.#options.requestSave();
    this.#scheduleResend();
    return new Promise((resolve) => {
      outgoing.settled.push(resolve);
    });
  }

  request(kernel: string, payload: unknown, options: { timeoutMs?: number } = {}): Promise<unknown> {
    const { timeoutMs = requestTimeoutMs } = options;
    this.#lastId += 1;
    const { owner, epoch, clock } = this.#options;
    const id = `${owner}.${epoch}.r${this.#lastId}`;
    const message = { type: 'request', id, to: kernel, payload } as const;
    return new Promise((resolve, reject) => {
      const timer = clock.setTimeout(() => {
        this.#asked.delete(id);
        reject(new GraceError(
          'GRACE_BUS_TIMEOUT',
          `Kernel "${kernel}" did not answer within ${timeoutMs} ms. Is it running? See grace ps.`,
          { details: { kernel, timeoutMs } },
        ));
      }, timeoutMs);
      this.#asked.set(id, { message, resolve, reject, timer });
      this.#port?.postMessage(message);
    });
  }

  /** Messages published and not yet settled. */
  get unsettled(): number {
    return this.#outbox.size;
  }

  /**
   * Says that a delivered message has been handled. What acknowledges it leaves at once, or after
   * the save that its handling asked for.
   */
  completed(message: KernelMessage, result: BusResult, work: { readonly saveRequested: boolean }): void {
    this.#inProgress.delete(message.id);
    this.#derived.delete(message.id);
    if (message.kind === 'published' && !result.ok && this.#retry(message, result.error)) return;
    this.#attempts.delete(message.id);
    const { saveRequested } = work;
    const answer = message.kind === 'request'
      ? this.#keepReply({ type: 'reply', id: message.id, to: message.from, result })
      : this.#remember(message.id);
    if (saveRequested) this.#held.push(answer);
    else this.#leave(answer);
  }

  /** What a save has to hold beside the kernel's own state. `handled`: since the last save. */
  collectForSave(): Pick<SavedState, 'outbox' | 'handled'> {
    const handled = this.#handledSinceSave;
    this.#handledSinceSave = [];
    const outbox = [...this.#outbox].map(([id, { topic, payload }]) => ({ id, topic, payload }));
    return { outbox, handled };
  }

  /** The save was posted: what waited for it may leave. */
  afterSave(): void {
    const held = this.#held;
    this.#held = [];
    for (const answer of held) this.#leave(answer);
  }

  /** Ends the connection. Who still waits for an answer is told so. */
  close(): void {
    const { clock } = this.#options;
    clock.clearTimeout(this.#resendTimer);
    this.#port?.close();
    this.#port = undefined;
    for (const { message: { to }, reject, timer } of this.#asked.values()) {
      clock.clearTimeout(timer);
      const why = `No answer of kernel "${to}": the runtime has stopped.`;
      reject(new GraceError('GRACE_RUNTIME_STATE', why, { details: { kernel: to } }));
    }
    this.#asked.clear();
  }

  #receive(message: FromBus): void {
    switch (message.type) {
      case 'deliver':
        this.#deliver({ ...message, kind: 'published' });
        break;
      case 'request':
        this.#deliver({ ...message, topic: 'request', kind: 'request' });
        break;
      case 'settled':
        for (const id of message.ids) this.#settle(id);
        break;
      case 'reply':
        this.#answered(message.id, message.result);
        break;
    }
  }

  #deliver({ id, topic, payload, from, kind }: KernelMessage): void {
    if (this.#inProgress.has(id)) return;
    const answer: ToBus | undefined = kind === 'request'
      ? this.#replies.get(id)
      : this.#handled.has(id) ? { type: 'acknowledge', ids: [id] } : undefined;
    if (answer) {
      // It was handled before. Its answer may still wait for the save that holds its effects.
      if (!this.#isHeld(id)) this.#leave(answer);
      return;
    }
    this.#inProgress.add(id);
    this.#options.deliver({ id, topic, payload, from, kind });
  }

  /** Delivers a message again after a failure. False when it failed too often and is set aside. */
  #retry(message: KernelMessage, error: ErrorRecord): boolean {
    const attempts = (this.#attempts.get(message.id) ?? 0) + 1;
    this.#attempts.set(message.id, attempts);
    if (attempts >= deliveriesMax) {
      const { id, topic, payload, from } = message;
      void this.publish('dead_letters', { id, topic, payload, from, error, attempts });
      return false;
    }
    this.#options.clock.setTimeout(() => this.#deliver(message), retryDelayMs * attempts);
    return true;
  }

  #remember(id: string): ToBus {
    this.#handled.add(id);
    this.#handledSinceSave.push(id);
    if (this.#handled.size > handledIdsMax) this.#handled.delete(first(this.#handled));
    return { type: 'acknowledge', ids: [id] };
  }

  /** A request comes again when the bus was replaced before its reply got through. */
  #keepReply(reply: Extract<ToBus, { type: 'reply' }>): ToBus {
    this.#replies.set(reply.id, reply);
    if (this.#replies.size > repliesMax) this.#replies.delete(first(this.#replies.keys()));
    return reply;
  }

  #isHeld(id: string): boolean {
    return this.#held.some((held) =>
      held.type === 'acknowledge' ? held.ids.includes(id) : held.type === 'reply' && held.id === id);
  }

  #settle(id: string): void {
    const outgoing = this.#outbox.get(id);
    if (!outgoing) return;
    this.#outbox.delete(id);
    for (const resolve of outgoing.settled) resolve();
  }

  #answered(id: string, result: BusResult): void {
    const asked = this.#asked.get(id);
    if (!asked) return;
    this.#asked.delete(id);
    this.#options.clock.clearTimeout(asked.timer);
    if (result.ok) asked.resolve(result.value);
    else asked.reject(Object.assign(new Error(result.error.message), result.error));
  }

  /** Acknowledgements of one turn go in one message. */
  #leave(answer: ToBus): void {
    if (answer.type !== 'acknowledge') {
      this.#port?.postMessage(answer);
      return;
    }
    this.#acknowledgements.push(...answer.ids);
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      const ids = this.#acknowledgements;
      this.#acknowledgements = [];
      this.#port?.postMessage({ type: 'acknowledge', ids });
    });
  }

  #send(id: string, outgoing: Outgoing): void {
    outgoing.sentAtMs = this.#options.clock.now();
    try {
      const { topic, payload } = outgoing;
      this.#port?.postMessage({ type: 'publish', id, topic, payload });
    } catch (error) {
      // It cannot be cloned, so it never will be sent: the publisher has to know at once.
      this.#outbox.delete(id);
      throw new GraceError(
        'GRACE_MESSAGE_INVALID',
        `The message for topic "${outgoing.topic}" cannot be sent: ${toErrorRecord(error).message}. ` +
          'Publish plain data, without functions.',
        { details: { topic: outgoing.topic }, cause: error },
      );
    }
  }

  #scheduleResend(): void {
    if (this.#resendTimer !== undefined) return;
    const { clock } = this.#options;
    this.#resendTimer = clock.setTimeout(() => {
      this.#resendTimer = undefined;
      const before = clock.now() - resendAfterMs;
      for (const [id, outgoing] of this.#outbox) if (outgoing.sentAtMs <= before) this.#send(id, outgoing);
      if (this.#outbox.size > 0) this.#scheduleResend();
    }, resendAfterMs);
  }

  #newId(topic: string): string {
    const cause = this.#options.currentMessage();
    if (cause) {
      const n = (this.#derived.get(cause.id) ?? 0) + 1;
      this.#derived.set(cause.id, n);
      return `${cause.id}/${topic}/${n}`;
    }
    this.#lastId += 1;
    return `${this.#options.owner}.${this.#options.epoch}.${this.#lastId}`;
  }
}

function first<T>(values: Iterable<T>): T {
  const [value] = values;
  return value!;
}
