/** One epoch of a kernel, inside its thread: runs its work, takes its snapshots, answers the host. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { MessagePort } from 'node:worker_threads';
import { BusConnection } from '../core/bus-connection.ts';
import { toErrorRecord } from '../core/errors.ts';
import { InspectionFeed } from '../core/inspection-feed.ts';
import type {
  KernelContext, KernelHandlers, KernelLog, KernelMessage, KernelModule,
} from '../core/kernel.ts';
import type { Clock, TimerId } from '../core/ports.ts';
import { counter, type Adoption, type FromThread, type ToThread } from '../core/thread-protocol.ts';
import { WorkQueue } from './work-queue.ts';

/** Of the kernel's actors to the inspector: more would be in the way of the kernel's own messages. */
const inspectedPerSecond = 200;

export interface Surroundings {
  readonly port: MessagePort;
  readonly clock: Clock;
  readonly log: KernelLog;
  readonly stopped: () => void;
  /** Begins to tell what memory it holds, until `signal` is aborted. */
  figures(counters: Int32Array, signal: AbortSignal): { publish(): void };
}

/** A unit of work in progress: publishing inside it derives ids, saving inside it holds its answer. */
interface Work {
  readonly message: KernelMessage;
  saveRequested: boolean;
}

/** The work in whose course something is called. One for all: each of them costs every promise of the process. */
const workUnderWay = new AsyncLocalStorage<Work>();

export class RunningKernel {
  readonly #module: KernelModule;
  readonly #adoption: Adoption;
  readonly #port: MessagePort;
  readonly #log: KernelLog;
  readonly #clock: Clock;
  readonly #figures: Surroundings['figures'];
  readonly #stopped: () => void;
  readonly #counters: Int32Array;
  readonly #queue: WorkQueue;
  readonly #bus: BusConnection;
  readonly #abort = new AbortController();
  readonly #heldAnswers: FromThread[] = [];
  #handlers: KernelHandlers = {};
  #memory: ReturnType<Surroundings['figures']> | undefined;
  #started = false;
  #newestBusPort: MessagePort | undefined;
  #savedAtMs = -Infinity;
  #saveDue = false;
  #saveTimer: TimerId;

  constructor(module: KernelModule, adoption: Adoption, { port, log, clock, stopped, figures }: Surroundings) {
    this.#module = module;
    this.#adoption = adoption;
    this.#port = port;
    this.#log = log;
    this.#clock = clock;
    this.#figures = figures;
    this.#stopped = stopped;
    this.#counters = new Int32Array(adoption.counters);
    this.#queue = new WorkQueue(adoption.concurrency, () => {
      this.#count(counter.completed);
      if (this.#saveDue) this.#save();
    });
    this.#bus = new BusConnection({
      clock,
      owner: adoption.kernel,
      epoch: adoption.epoch,
      restored: adoption.restored,
      currentMessage: () => workUnderWay.getStore()?.message,
      deliver: (message) => this.#deliver(message),
      requestSave: () => this.#requestSave(),
    });
  }

  async start(): Promise<void> {
    const { kernel, epoch, config, restored, bus, inspect } = this.#adoption;
    const context: KernelContext = {
      id: kernel,
      epoch,
      config,
      restored: restored?.state,
      signal: this.#abort.signal,
      log: this.#log,
      bus: this.#bus,
      inspect: inspect ? this.#inspect() : undefined,
      progress: () => this.#count(counter.progress),
      save: () => this.#requestSave(),
    };
    try {
      this.#handlers = (await this.#module.start(context)) ?? {};
    } catch (error) {
      this.#post({ type: 'start_failed', error: toErrorRecord(error) });
      return;
    }
    this.#started = true;
    const port = this.#newestBusPort ?? bus;
    if (port) this.#bus.attach(port);
    this.#post({ type: 'ready' });
    // Nobody waits for these, as somebody may for the kernel.
    this.#memory = this.#figures(this.#counters, this.#abort.signal);
  }

  #inspect() {
    return new InspectionFeed({
      clock: this.#clock,
      messagesPerSecond: inspectedPerSecond,
      send: (message, dropped) => this.#post({ type: 'inspected', message, dropped }),
    }).inspect;
  }

  /** Messages of the bus come after start(), or a kernel would handle work before it is ready. */
  #attachBus(port: MessagePort): void {
    if (this.#started) this.#bus.attach(port);
    else this.#newestBusPort = port;
  }

  receive(message: ToThread): void {
    switch (message.type) {
      case 'ping':
        this.#count(counter.turns);
        this.#memory?.publish();
        break;
      case 'probe':
        this.#answer(message.id, async () => (await this.#handlers.probe?.()) !== false);
        break;
      case 'call':
        this.#call(message.id, message.payload);
        break;
      case 'bus':
        this.#attachBus(message.port);
        break;
      case 'control':
        this.#handlers.control?.(message.payload, message.ports);
        break;
      case 'stop':
        void this.#stop();
        break;
      case 'adopt':
        break;
    }
  }

  /** Work that the bus delivers. */
  #deliver(message: KernelMessage): void {
    this.#enqueue(async () => {
      const work: Work = { message, saveRequested: false };
      try {
        const value = await workUnderWay.run(work, async () => this.#handlers.handle?.(message));
        this.#bus.completed(message, { ok: true, value }, work);
      } catch (thrown) {
        const error = toErrorRecord(thrown);
        this.#log.warn(`handling ${message.topic} failed: ${error.message}`, { error });
        this.#bus.completed(message, { ok: false, error }, work);
      }
    });
  }

  /** Work that the host asks for past the bus. Its answer too leaves after the save it asked for. */
  #call(id: number, payload: unknown): void {
    const message = { id: `host/${id}`, topic: 'request', payload, from: 'host', kind: 'request' } as const;
    const work: Work = { message, saveRequested: false };
    this.#answer(
      id,
      () => workUnderWay.run(work, async () => this.#handlers.handle?.(message)),
      () => work.saveRequested,
    );
  }

  /** Answers the host after work on the queue, at once or with the next save. */
  #answer(id: number, work: () => Promise<unknown>, isHeld = () => false): void {
    this.#enqueue(async () => {
      let answer: FromThread;
      try {
        answer = { type: 'answer', id, ok: true, value: await work() };
      } catch (thrown) {
        answer = { type: 'answer', id, ok: false, error: toErrorRecord(thrown) };
      }
      if (isHeld()) this.#heldAnswers.push(answer);
      else this.#post(answer);
    });
  }

  #enqueue(unit: () => Promise<void>): void {
    this.#count(counter.accepted);
    this.#queue.add(unit);
  }

  /** Saves at once, or when `saveIntervalMs` has gone by since the last time. */
  #requestSave(): void {
    const work = workUnderWay.getStore();
    if (work) work.saveRequested = true;
    if (this.#saveTimer !== undefined) return;
    const waitMs = this.#savedAtMs + this.#adoption.saveIntervalMs - this.#clock.now();
    this.#saveTimer = this.#clock.setTimeout(() => this.#saveBetweenWork(), Math.max(0, waitMs));
  }

  /** Half the effects of a message must never be saved: it would be handled again on top of them. */
  #saveBetweenWork(): void {
    if (this.#queue.idle || this.#adoption.concurrency > 1) this.#save();
    else this.#saveDue = true;
  }

  #save(): void {
    this.#saveDue = false;
    this.#saveTimer = undefined;
    this.#savedAtMs = this.#clock.now();
    try {
      const state = this.#handlers.snapshot?.();
      this.#post({ type: 'saved', saved: { state, ...this.#bus.collectForSave() } });
    } catch (thrown) {
      // Nothing is acknowledged: what this state holds will be delivered again.
      const error = toErrorRecord(thrown);
      this.#log.error(`the snapshot cannot be taken: ${error.message}`, { error });
      return;
    }
    for (const answer of this.#heldAnswers.splice(0)) this.#post(answer);
    this.#bus.afterSave();
  }

  async #stop(): Promise<void> {
    this.#abort.abort();
    try {
      await this.#handlers.stop?.();
    } catch (thrown) {
      this.#log.warn(`stop() failed: ${toErrorRecord(thrown).message}`);
    }
    if (this.#handlers.snapshot) this.#save();
    this.#stopped();
  }

  #count(slot: number): void {
    Atomics.add(this.#counters, slot, 1);
  }

  #post(message: FromThread): void {
    this.#port.postMessage(message);
  }
}
