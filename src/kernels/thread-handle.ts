/**
 * The host's end of one kernel thread: from the Piscina run that makes it to the exit of its Worker.
 *
 * Its death is learned from the earliest of last words, the close of its port and the Worker's exit;
 * what the later ones add (exit code, out of memory) refines the reason for the diagnosis.
 */
import type { MessagePort } from 'node:worker_threads';
import { toErrorRecord, type ErrorRecord } from '../core/errors.ts';
import type { DownReason } from '../core/kernel.ts';
import type { Clock, TimerId } from '../core/ports.ts';
import {
  countersBytes, type Adoption, type FromThread, type ThreadStart, type ToThread,
} from '../core/thread-protocol.ts';
import type { ThreadSource, WorkerView } from '../core/threads.ts';

/** A thread that was ended and has not exited after this long is a zombie, ms. */
const zombieAfterMs = 1_000;

export interface ThreadListener {
  /** Everything but the messages the handle deals with itself. */
  onMessage(message: FromThread): void;
  /** The first notice that the thread is over. */
  onDown(reason: DownReason): void;
  /** The Worker has exited: nothing will be added to `reason`. */
  onExit(reason: DownReason): void;
  onZombie(): void;
  /** A message of ours could not be sent: what it holds cannot be cloned. */
  onUnsendable(type: string, error: ErrorRecord): void;
}

export class ThreadHandle {
  readonly counters = new SharedArrayBuffer(countersBytes);
  readonly #port: MessagePort;
  readonly #abort = new AbortController();
  readonly #clock: Clock;
  readonly #heapMb: number;
  readonly #source: ThreadSource;
  readonly #start: Pick<ThreadStart, 'module' | 'standby'>;
  readonly #theirPort: MessagePort;
  #listener: ThreadListener;
  #worker: WorkerView | undefined;
  #threadId = 0;
  #osThread: string | undefined;
  #begun = false;
  #loaded = false;
  #onLoaded: () => void = () => undefined;
  /** Resolves when it has loaded its module, or never will. */
  readonly loadedOrOver = new Promise<void>((resolve) => {
    this.#onLoaded = resolve;
  });
  #adoption: { message: Adoption; transfer: readonly MessagePort[] } | undefined;
  #reason: DownReason | undefined;
  #exited = false;
  #closed = false;
  #fenced = false;
  #zombieTimer: TimerId;

  constructor(
    source: ThreadSource,
    options: { module: string; heapMb: number; standby: boolean; clock: Clock; listener: ThreadListener },
  ) {
    const { port1, port2 } = source.channel();
    this.#source = source;
    this.#port = port1;
    this.#clock = options.clock;
    this.#heapMb = options.heapMb;
    this.#start = { module: options.module, standby: options.standby };
    this.#theirPort = port2;
    this.#listener = options.listener;
    port1.on('message', (message: FromThread) => this.#onMessage(message));
    port1.on('close', () => {
      this.#closed = true;
      this.#down({ kind: 'ended_from_outside', notice: 'port_close' });
    });
    port1.unref();
  }

  /** Makes the thread. Until then there is only its place: it may be adopted and ended all the same. */
  begin(): void {
    if (this.#begun || this.#fenced) return;
    this.#begun = true;
    this.#source
      .run(this.#heapMb, { port: this.#theirPort, ...this.#start }, this.#abort.signal)
      .then(() => this.#end())
      .catch((error: unknown) => this.#onRunFailed(error));
  }

  get threadId(): number {
    return this.#threadId;
  }

  /** Its folder below /proc, where there is one. */
  get osThread(): string | undefined {
    return this.#osThread;
  }

  /** The Worker while it lives: for the liveness monitor, for evidence, and for chaos. */
  get worker(): WorkerView | undefined {
    return this.#exited ? undefined : this.#worker;
  }

  get loaded(): boolean {
    return this.#loaded;
  }

  get exited(): boolean {
    return this.#exited;
  }

  listen(listener: ThreadListener): void {
    this.#listener = listener;
  }

  /** Makes the thread an epoch of its kernel, as soon as it has loaded the module. */
  adopt(message: Adoption): void {
    this.#adoption = { message, transfer: message.bus ? [message.bus] : [] };
    if (this.#loaded) this.#sendAdoption();
  }

  post(message: ToThread, transfer: readonly MessagePort[] = []): void {
    // Not adopted yet: it shall start with the newest port to the bus.
    if (this.#adoption && message.type === 'bus') {
      this.adopt({ ...this.#adoption.message, bus: message.port });
      return;
    }
    if (this.#reason !== undefined) return;
    try {
      this.#port.postMessage(message, [...transfer]);
    } catch (error) {
      // A port to a bus that has just died cannot be handed over; one to the next bus will come.
      if (message.type === 'adopt' && message.bus) this.post({ ...message, bus: undefined });
      else if (message.type !== 'bus') this.#listener.onUnsendable(message.type, toErrorRecord(error));
    }
  }

  /**
   * Refuses what the thread says from now on, but for states saved before, and ends it without waiting.
   *
   * @param lastLook - What is to be learned from the living thread before it is ended.
   */
  fence(reason: DownReason, lastLook?: Promise<void>): void {
    if (this.#fenced) return;
    this.#fenced = true;
    this.#drain();
    this.#reason ??= reason;
    if (lastLook) void lastLook.finally(() => this.#end());
    else this.#end();
  }

  #end(): void {
    this.#onLoaded();
    this.#abort.abort();
    if (!this.#begun) this.#onExit(0);
    void this.#worker?.terminate();
    if (this.#exited) return;
    this.#zombieTimer = this.#clock.setTimeout(() => {
      if (!this.#exited) this.#listener.onZombie();
    }, zombieAfterMs);
  }

  #onMessage(message: FromThread): void {
    if (this.#fenced) return;
    if (message.type === 'hello') {
      this.#osThread = message.osThread;
      this.#meetWorker(message.threadId);
    } else if (message.type === 'loaded') {
      this.#loaded = true;
      this.#onLoaded();
      if (this.#adoption) this.#sendAdoption();
      this.#listener.onMessage(message);
    } else if (message.type === 'last_words') {
      const { kind, exitCode, error } = message;
      this.#down({ kind, notice: 'last_words', exitCode, ...(error && { error }) });
    } else if (message.type === 'stopped') {
      this.#down({ kind: 'shutdown', notice: 'supervisor' });
      this.#end();
    } else {
      this.#listener.onMessage(message);
    }
  }

  #sendAdoption(): void {
    const { message, transfer } = this.#adoption!;
    this.#adoption = undefined;
    this.post(message, transfer);
  }

  #meetWorker(threadId: number): void {
    this.#threadId = threadId;
    this.#worker = this.#source.worker(this.#heapMb, threadId);
    const worker = this.#worker;
    if (!worker) return;
    worker.unref();
    worker.on('error', (error: unknown) => {
      const record = toErrorRecord(error);
      const kind = record.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'out_of_memory' : 'threw';
      this.#refine({ kind, error: record });
    });
    worker.once('exit', (exitCode) => this.#onExit(exitCode));
  }

  #onExit(exitCode: number): void {
    if (this.#exited) return;
    this.#exited = true;
    this.#onLoaded();
    this.#clock.clearTimeout(this.#zombieTimer);
    this.#refine({ exitCode });
    this.#down({ kind: 'ended_from_outside', notice: 'worker_exit', exitCode });
    this.#port.close();
    this.#listener.onExit(this.#reason!);
  }

  /** The run is over. Only when we never met its Worker is that the first we hear of it. */
  #onRunFailed(error: unknown): void {
    if (this.#worker) return;
    this.#down({ kind: 'start_failed', notice: 'worker_exit', error: toErrorRecord(error) });
    this.#onExit(1);
  }

  #down(reason: DownReason): void {
    if (this.#reason !== undefined) return;
    this.#drain();
    // Draining may have found last words, which know better.
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#listener.onDown(reason);
  }

  /** A later notice knows more, unless last words or Grace itself have said why. */
  #refine(more: Partial<DownReason>): void {
    if (!this.#reason) return;
    const vague = this.#reason.kind === 'ended_from_outside';
    const { kind, ...facts } = more;
    this.#reason = { ...facts, ...this.#reason, ...(vague && kind && { kind }) };
  }

  /**
   * Takes what the thread posted before its end: states it saved must not be lost. A closed port has
   * delivered everything, and reading from it ends the process (SIGSEGV, Node 20.20).
   */
  #drain(): void {
    if (this.#closed) return;
    for (let next = this.#source.receiveNow(this.#port); next; next = this.#source.receiveNow(this.#port)) {
      const message = next.message as FromThread;
      if (!this.#fenced || message.type === 'saved') this.#onMessageWhileDraining(message);
    }
  }

  #onMessageWhileDraining(message: FromThread): void {
    if (message.type === 'saved') this.#listener.onMessage(message);
    else this.#onMessage(message);
  }
}
