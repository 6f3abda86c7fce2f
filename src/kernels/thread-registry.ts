/**
 * All kernel threads of a runtime, outside the actors: an actor that is restored attaches to the
 * thread that lives, it never starts a second one.
 *
 * What always holds: a kernel has at most one thread we listen to; each start has a new epoch; what
 * a fenced thread says is refused, but for the states it saved before; nobody waits for a thread to
 * end before its replacement serves (but for exclusive kernels).
 */
import { availableParallelism } from 'node:os';
import type { MessagePort } from 'node:worker_threads';
import { GraceError, type ErrorRecord } from '../core/errors.ts';
import type { WireMessage } from '../core/inspection-wire.ts';
import type { MemoryVerdict, MemoryWatch } from '../core/memory-guard.ts';
import { MemoryTimeline } from '../core/memory-timeline.ts';
import type { ChildSpec, DownReason } from '../core/kernel.ts';
import type { Clock, Log } from '../core/ports.ts';
import {
  counter, handledIdsMax, type FromThread, type SavedState, type ToThread,
} from '../core/thread-protocol.ts';
import type { ThreadSource, WorkerView } from '../core/threads.ts';
import { withDependencies } from '../core/topological-order.ts';
import type { ThreadSignal } from '../../machines/kernel.machine.ts';
import { Calls } from './calls.ts';
import { DeathRecords } from './death-records.ts';
import { LivenessMonitor } from './liveness-monitor.ts';
import { ThreadHandle, type ThreadListener } from './thread-handle.ts';

/** What the registry needs from the rest of the house, and what it tells it. */
export interface RegistrySurroundings {
  readonly clock: Clock;
  readonly log: Log;
  readonly threads: ThreadSource;
  /** Whether kernels are told that their actors may be watched. */
  readonly inspect: boolean;
  /** A port to the message bus for this epoch; undefined while there is no bus. */
  connectBus(kernel: string, epoch: number): MessagePort | undefined;
  onReady(kernel: string, epoch: number): void;
  /** The epoch is over, or fenced off: nothing of it may be accepted any more. */
  onOver(kernel: string, epoch: number): void;
  onWarning(kernel: string, epoch: number, warning: ErrorRecord): void;
  onZombie(kernel: string, epoch: number, threadId: number): void;
  onInspected(kernel: string, epoch: number, message: WireMessage, dropped: number): void;
  onAmnesty(lateMs: number): void;
  /** The kernel holds more memory than its monitor wants, or no longer does. */
  onFull(kernel: string, full: boolean): void;
}

/** A kernel as the registry sees it. */
export interface ThreadFigures {
  readonly kernel: string;
  readonly epoch: number;
  readonly threadId: number;
  readonly alive: boolean;
  readonly heapUsedKb: number;
  readonly externalKb: number;
  readonly accepted: number;
  readonly completed: number;
}

interface Slot {
  spec: ChildSpec;
  epoch: number;
  current: ThreadHandle | undefined;
  standby: ThreadHandle | undefined;
  /** The former thread of an exclusive kernel, until it has exited. */
  former: ThreadHandle | undefined;
  startedAtMs: number;
  readyAtMs: number | undefined;
  adoptedStandby: boolean;
  /** Why it is late, or holds too much; undefined when all is well. */
  readonly degraded: { late: string | undefined; full: string | undefined };
  watch: MemoryWatch | undefined;
  saved: SavedState | undefined;
  memory: MemoryTimeline;
  readonly sinks: Set<(signal: ThreadSignal) => void>;
  /** Who waits at boot for this kernel to be ready. */
  readonly readyWaiters: (() => void)[];
}

/** How long the successor of a hung thread is waited for, and then its stack, before it is ended, ms. */
const lookWithinMs = 1_000;
/**
 * No look begins before no thread has ended for so long, ms: the inspector attaches to all threads, and one that
 * ends meanwhile by itself, or by somebody else's hand, can take the process along (SIGSEGV, Node 20.20). It is also
 * how long a successor that serves is left alone.
 */
const quietMs = 100;

/** More threads than this that load at once only wait for each other. */
const loadingMax = 2 * availableParallelism();

export class ThreadRegistry {
  readonly #slots = new Map<string, Slot>();
  readonly #around: RegistrySurroundings;
  readonly #monitor: LivenessMonitor;
  readonly #calls: Calls;
  readonly deaths: DeathRecords;
  readonly #zombies = new Map<ThreadHandle, { kernel: string; epoch: number; threadId: number }>();
  readonly #ending = new Set<ThreadHandle>();
  readonly #exitWaiters = new Map<ThreadHandle, (() => void)[]>();
  #closing = false;
  /** When a thread ended last, or was fenced off, ms. */
  #endedAtMs = -Infinity;
  /** No look begins after this is aborted; those under way are waited for. */
  readonly #noMoreLooks = new AbortController();
  readonly #looks = new Set<Promise<void>>();

  constructor(specs: readonly ChildSpec[], around: RegistrySurroundings) {
    this.#around = around;
    this.deaths = new DeathRecords(around.clock);
    this.#calls = new Calls(around.clock);
    for (const spec of specs) this.#slots.set(spec.id, emptySlot(spec));
    this.#monitor = new LivenessMonitor(around.clock, {
      onVerdict: (kernel, verdict, why) => this.#onVerdict(kernel, verdict, why),
      onAmnesty: (lateMs) => around.onAmnesty(lateMs),
      onMemory: (kernel, ...reading) => this.#slot(kernel).memory.add(...reading),
      onMemoryVerdict: (kernel, verdict) => this.#onMemoryVerdict(kernel, verdict),
    });
  }

  /**
   * Begins loading the module of every kernel, so that boot does not load one by one: first the critical ones
   * and what they depend on, then the others, as many at a time as the cores can make use of.
   */
  preload(): void {
    const slots = [...this.#slots.values()];
    const critical = slots.filter(({ spec }) => spec.critical).map(({ spec }) => spec.id);
    const first = new Set(withDependencies(critical, (id) => this.#slot(id).spec.dependsOn));
    for (const slot of slots) slot.standby ??= this.#newThread(slot, false);
    const [now, later] = [true, false].map((isFirst) =>
      slots.filter(({ spec }) => first.has(spec.id) === isFirst).map(({ standby }) => standby!));
    void loadAtATime(now!, now!.length).then(() => loadAtATime(later!, loadingMax));
    this.#monitor.start();
  }

  /** Makes up for standbys that were adopted or died. Not called while an incident is open. */
  replenish(): void {
    if (this.#closing) return;
    for (const slot of this.#slots.values()) {
      if (slot.spec.standby !== 1 || slot.standby) continue;
      slot.standby = this.#newThread(slot, true);
      slot.standby.begin();
    }
  }

  /** Attaches to the kernel's living thread and says how it is; starts one when there is none. */
  attach(kernel: string, sink: (signal: ThreadSignal) => void): () => void {
    const slot = this.#slot(kernel);
    slot.sinks.add(sink);
    if (slot.current) this.#tellPresent(slot, sink);
    else this.#start(slot);
    return () => slot.sinks.delete(sink);
  }

  /** Asks the thread to stop; it is ended at the deadline whatever it does. */
  endThread(kernel: string, deadlineAtMs: number): void {
    const { current } = this.#slot(kernel);
    if (!current) return;
    current.post({ type: 'stop' });
    const waitMs = Math.max(0, deadlineAtMs - this.#around.clock.now());
    this.#around.clock.setTimeout(() => {
      if (!current.exited) current.fence({ kind: 'killed', notice: 'supervisor' });
    }, waitMs);
  }

  /** Refuses the thread from now on and ends it without waiting. */
  fence(kernel: string, reason: DownReason): void {
    const slot = this.#slot(kernel);
    const thread = slot.current;
    if (!thread) return;
    thread.fence(reason);
    this.#over(slot, thread);
  }

  /** Asks a kernel to do something past the bus, on its queue of work. */
  call(kernel: string, payload: unknown, timeoutMs: number, signal?: AbortSignal): Promise<unknown> {
    return this.#ask(kernel, timeoutMs, signal, (id) => ({ type: 'call', id, payload }));
  }

  /** "Are you able to work?", through the queue of work. False is an answer, silence an error. */
  async probe(kernel: string, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    return (await this.#ask(kernel, timeoutMs, signal, (id) => ({ type: 'probe', id }))) === true;
  }

  /** Posts to the thread of a running kernel; without one the message is dropped. */
  post(kernel: string, message: ToThread, transfer: readonly MessagePort[] = []): void {
    this.#slot(kernel).current?.post(message, transfer);
  }

  /** Epoch of the kernel's thread when it is running, else undefined. */
  runningEpoch(kernel: string): number | undefined {
    const slot = this.#slots.get(kernel);
    return slot?.current && slot.readyAtMs !== undefined ? slot.epoch : undefined;
  }

  figures(): ThreadFigures[] {
    return [...this.#slots.values()].map(({ spec, epoch, current }) => {
      const counters = new Int32Array(current?.counters ?? new SharedArrayBuffer(32));
      return {
        kernel: spec.id,
        epoch,
        threadId: current?.threadId ?? 0,
        alive: current !== undefined,
        heapUsedKb: counters[counter.heapUsedKb]!,
        externalKb: counters[counter.externalKb]!,
        accepted: counters[counter.accepted]!,
        completed: counters[counter.completed]!,
      };
    });
  }

  /** The Worker of a running kernel: for chaos, which ends it behind everybody's back. */
  worker(kernel: string): WorkerView | undefined {
    return this.#slot(kernel).current?.worker;
  }

  /** Raises or lowers the heap limit of a kernel from its next start on. */
  setHeapLimit(kernel: string, heapMb: number): void {
    const slot = this.#slot(kernel);
    if (slot.spec.limits.heapMb === heapMb) return;
    slot.spec = { ...slot.spec, limits: { ...slot.spec.limits, heapMb } };
    slot.standby?.fence({ kind: 'killed', notice: 'supervisor' });
    slot.standby = undefined;
  }

  /** Warns when the kernel's memory reaches this, until it is called without a watch. */
  watchMemory(kernel: string, watch: MemoryWatch | undefined): void {
    this.#slot(kernel).watch = watch;
  }

  /** Says whether the kernel holds more memory than its monitor wants. */
  isFull(kernel: string): boolean {
    return this.#slot(kernel).degraded.full !== undefined;
  }

  /** Ends every thread that is left. Resolves with those that cannot be ended. */
  async close(deadlineMs: number): Promise<{ kernel: string; epoch: number; threadId: number }[]> {
    this.#closing = true;
    this.#noMoreLooks.abort();
    this.#monitor.stop();
    let timer: unknown;
    const late = new Promise<void>((resolve) => {
      timer = this.#around.clock.setTimeout(resolve, deadlineMs);
    });
    await Promise.race([Promise.all(this.#looks), late]);
    for (const slot of this.#slots.values()) {
      for (const thread of [slot.current, slot.standby]) {
        if (thread) this.#end(slot, thread);
      }
      slot.current = undefined;
      slot.standby = undefined;
    }
    await Promise.race([this.#around.threads.destroy(), late]);
    this.#around.clock.clearTimeout(timer);
    this.#calls.rejectAll('the runtime has stopped');
    return [...this.#zombies].filter(([thread]) => !thread.exited).map(([, zombie]) => zombie);
  }

  #start(slot: Slot): void {
    const { clock } = this.#around;
    const kernel = slot.spec.id;
    slot.epoch += 1;
    const { epoch } = slot;
    const isWaiting = slot.standby !== undefined;
    const thread = slot.standby ?? this.#newThread(slot, false);
    slot.standby = undefined;
    // Those of the boot come in their order.
    if (!isWaiting) thread.begin();
    slot.current = thread;
    slot.startedAtMs = clock.now();
    slot.readyAtMs = undefined;
    slot.adoptedStandby = thread.loaded;
    Object.assign(slot.degraded, { late: undefined, full: undefined });
    slot.memory = new MemoryTimeline();
    thread.listen(this.#listener(slot, thread, epoch));
    this.#tell(slot, { type: 'thread.started', epoch, atMs: clock.now() });
    const adopt = () => {
      thread.adopt({
        type: 'adopt',
        kernel,
        epoch,
        config: slot.spec.config,
        restored: slot.saved,
        counters: thread.counters,
        saveIntervalMs: slot.spec.saveIntervalMs,
        concurrency: slot.spec.concurrency,
        inspect: this.#around.inspect,
        bus: this.#around.connectBus(kernel, epoch),
      });
    };
    const before = this.#whatComesBefore(slot);
    if (before.length > 0) void Promise.all(before).then(adopt);
    else adopt();
  }

  /** At its first start a kernel waits for those it depends on; an exclusive one for its former self. */
  #whatComesBefore({ spec, epoch, former }: Slot): Promise<void>[] {
    const waits: Promise<void>[] = [];
    if (spec.exclusive && former && !former.exited) waits.push(this.#exitOf(former));
    if (epoch > 1) return waits;
    for (const id of spec.dependsOn) {
      const needed = this.#slot(id);
      if (needed.readyAtMs !== undefined) continue;
      waits.push(new Promise((resolve) => {
        needed.readyWaiters.push(resolve);
      }));
    }
    return waits;
  }

  #newThread(slot: Slot, standby: boolean): ThreadHandle {
    const thread: ThreadHandle = new ThreadHandle(this.#around.threads, {
      module: slot.spec.module,
      heapMb: slot.spec.limits.heapMb,
      standby,
      clock: this.#around.clock,
      listener: this.#standbyListener(slot, () => thread),
    });
    return thread;
  }

  /** A waiting thread that cannot load, or dies, is forgotten: the next start says what is wrong. */
  #standbyListener(slot: Slot, thread: () => ThreadHandle): ThreadListener {
    const forget = () => {
      if (slot.standby === thread()) slot.standby = undefined;
    };
    return {
      onMessage: (message) => {
        if (message.type !== 'load_failed') return;
        forget();
        thread().fence({ kind: 'start_failed', notice: 'last_words', error: message.error });
      },
      onDown: forget,
      onExit: () => this.#exited(thread()),
      onZombie: () => this.#zombies.set(thread(), zombieOf(slot, thread())),
      onUnsendable: () => undefined,
    };
  }

  #listener(slot: Slot, thread: ThreadHandle, epoch: number): ThreadListener {
    let unasked = false;
    return {
      onMessage: (message) => this.#onMessage(slot, thread, message),
      onDown: (reason) => {
        if (slot.current !== thread) return;
        unasked = reason.notice !== 'supervisor';
        if (unasked) this.#remember(slot, reason);
        this.#over(slot, thread);
        this.#tell(slot, { type: 'thread.down', reason, atMs: this.#around.clock.now() });
      },
      onExit: (reason) => {
        this.#exited(thread);
        if (unasked) this.deaths.refine(slot.spec.id, epoch, { reason, settled: true });
      },
      onZombie: () => {
        this.#zombies.set(thread, { kernel: slot.spec.id, epoch, threadId: thread.threadId });
        this.#around.onZombie(slot.spec.id, epoch, thread.threadId);
      },
      // A kernel that cannot be told its configuration will never be ready: say so at once.
      onUnsendable: (type, error) => {
        this.#around.log.error({ kernel: slot.spec.id, type, error: error.message }, 'a message was not sent');
        if (type === 'adopt') this.#onMessage(slot, thread, { type: 'start_failed', error });
      },
    };
  }

  #onMessage(slot: Slot, thread: ThreadHandle, message: FromThread): void {
    const { clock, log } = this.#around;
    const kernel = slot.spec.id;
    switch (message.type) {
      case 'ready': {
        if (slot.current !== thread) return;
        const atMs = clock.now();
        slot.readyAtMs = atMs;
        this.#monitor.watch(kernel, {
          thread, liveness: slot.spec.liveness, memory: slot.spec.limits, memoryWatch: () => slot.watch,
        });
        this.#around.onReady(kernel, slot.epoch);
        for (const resolve of slot.readyWaiters.splice(0)) resolve();
        const { adoptedStandby } = slot;
        this.#tell(slot, { type: 'thread.ready', startedMs: atMs - slot.startedAtMs, adoptedStandby, atMs });
        break;
      }
      case 'load_failed':
      case 'start_failed':
        if (slot.current !== thread) return;
        thread.fence({ kind: 'start_failed', notice: 'last_words', error: message.error });
        this.#over(slot, thread);
        this.#tell(slot, { type: 'thread.start_failed', error: message.error, atMs: clock.now() });
        break;
      case 'saved':
        this.#keep(slot, message.saved);
        break;
      case 'answer':
        this.#calls.settle(message);
        break;
      case 'log': {
        const { level, dropped, data } = message;
        log[level]({ kernel, epoch: slot.epoch, ...(dropped > 0 && { dropped }), ...data }, message.message);
        break;
      }
      case 'warning':
        this.#around.onWarning(kernel, slot.epoch, message.error);
        break;
      case 'inspected':
        if (slot.current !== thread) return;
        this.#around.onInspected(kernel, slot.epoch, message.message, message.dropped);
        break;
      default:
        break;
    }
  }

  #keep(slot: Slot, { state, outbox, handled }: SavedState): void {
    const before = slot.saved?.handled ?? [];
    slot.saved = { state, outbox, handled: [...before, ...handled].slice(-handledIdsMax) };
  }

  #onVerdict(kernel: string, verdict: 'healthy' | 'tardy' | 'silent' | 'stalled', why: string): void {
    if (verdict === 'silent' || verdict === 'stalled') {
      this.#endFaulty(kernel, { kind: 'silent', notice: 'monitor', error: { name: 'Error', message: why } });
    } else {
      this.#degrade(kernel, { late: verdict === 'tardy' ? why : undefined });
    }
  }

  #onMemoryVerdict(kernel: string, verdict: MemoryVerdict): void {
    if (verdict.verdict === 'end') {
      const error = { name: 'Error', message: verdict.why };
      this.#endFaulty(kernel, { kind: 'out_of_memory', notice: 'monitor', error });
    } else {
      this.#degrade(kernel, { full: verdict.verdict === 'warn' ? verdict.why : undefined });
    }
  }

  /** Degraded while there is any reason; only the first and the last are told. */
  #degrade(kernel: string, change: Partial<Slot['degraded']>): void {
    const slot = this.#slot(kernel);
    const was = whyDegraded(slot);
    Object.assign(slot.degraded, change);
    const why = whyDegraded(slot);
    const atMs = this.#around.clock.now();
    if ('full' in change) this.#around.onFull(kernel, change.full !== undefined);
    if (why === undefined && was !== undefined) this.#tell(slot, { type: 'thread.healthy', atMs });
    if (why !== undefined && was === undefined) this.#tell(slot, { type: 'thread.degraded', why, atMs });
  }

  /** Ends a thread that hangs or holds too much. Of one that hangs the stack is read first. */
  #endFaulty(kernel: string, reason: DownReason): void {
    const slot = this.#slot(kernel);
    const thread = slot.current;
    if (!thread) return;
    const { epoch } = slot;
    this.#remember(slot, reason);
    const looks = reason.kind === 'silent' && !slot.spec.exclusive;
    thread.fence(reason, looks ? this.#lookAt(slot, thread, epoch) : undefined);
    if (!looks) this.deaths.refine(kernel, epoch, { settled: true });
    this.#over(slot, thread);
    this.#tell(slot, { type: 'thread.down', reason, atMs: this.#around.clock.now() });
  }

  /** A look takes the cores of whoever recovers: it waits until the successor has answered first calls. */
  #lookAt(slot: Slot, thread: ThreadHandle, epoch: number): Promise<void> {
    const { signal } = this.#noMoreLooks;
    const look = (async () => {
      const serves = new Promise<void>((resolve) => {
        slot.readyWaiters.push(resolve);
      });
      await Promise.race([serves, this.#pause(lookWithinMs, signal)]);
      const isQuiet = await this.#becomesQuiet(signal);
      const found = isQuiet ? await this.#around.threads.look(thread, lookWithinMs, signal) : {};
      this.deaths.refine(slot.spec.id, epoch, { ...found, settled: true });
    })();
    this.#looks.add(look);
    return look.finally(() => this.#looks.delete(look));
  }

  /** Waits until no thread has ended for a while; false when that does not come in time. */
  async #becomesQuiet(signal: AbortSignal): Promise<boolean> {
    const { clock } = this.#around;
    const untilMs = clock.now() + lookWithinMs;
    for (;;) {
      const waitMs = this.#endedAtMs + quietMs - clock.now();
      if (waitMs <= 0) return true;
      if (signal.aborted || clock.now() >= untilMs) return false;
      await this.#pause(waitMs, signal);
    }
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#around;
    return new Promise((resolve) => {
      const over = () => {
        clock.clearTimeout(timer);
        signal.removeEventListener('abort', over);
        resolve();
      };
      const timer = clock.setTimeout(over, ms);
      signal.addEventListener('abort', over);
      if (signal.aborted) over();
    });
  }

  #remember({ spec, epoch, startedAtMs, memory }: Slot, reason: DownReason): void {
    this.deaths.add({
      kernel: spec.id, epoch, startedAtMs, memory: memory.readings(), reason, settled: false,
      diedAtMs: this.#around.clock.now(),
    });
  }

  /** From here on the kernel has no thread. */
  #over(slot: Slot, thread: ThreadHandle): void {
    if (slot.degraded.full) this.#around.onFull(slot.spec.id, false);
    this.#endedAtMs = this.#around.clock.now();
    slot.current = undefined;
    slot.readyAtMs = undefined;
    slot.former = thread;
    if (!thread.exited) this.#ending.add(thread);
    this.#monitor.unwatch(slot.spec.id);
    this.#calls.rejectFor(slot.spec.id, `kernel "${slot.spec.id}" ended`);
    this.#around.onOver(slot.spec.id, slot.epoch);
  }

  #exited(thread: ThreadHandle): void {
    this.#endedAtMs = this.#around.clock.now();
    this.#ending.delete(thread);
    this.#zombies.delete(thread);
    for (const resolve of this.#exitWaiters.get(thread) ?? []) resolve();
    this.#exitWaiters.delete(thread);
  }

  #exitOf(thread: ThreadHandle): Promise<void> {
    return new Promise((resolve) => {
      this.#exitWaiters.set(thread, [...(this.#exitWaiters.get(thread) ?? []), resolve]);
    });
  }

  #end(slot: Slot, thread: ThreadHandle): void {
    thread.fence({ kind: 'shutdown', notice: 'supervisor' });
    if (slot.current === thread) this.#over(slot, thread);
  }

  #tellPresent(slot: Slot, sink: (signal: ThreadSignal) => void): void {
    const atMs = this.#around.clock.now();
    sink({ type: 'thread.started', epoch: slot.epoch, atMs });
    if (slot.readyAtMs === undefined) return;
    const { adoptedStandby, readyAtMs, startedAtMs } = slot;
    const degraded = whyDegraded(slot);
    sink({ type: 'thread.ready', startedMs: readyAtMs - startedAtMs, adoptedStandby, atMs });
    if (degraded) sink({ type: 'thread.degraded', why: degraded, atMs });
  }

  #tell(slot: Slot, signal: ThreadSignal): void {
    // A copy: whoever hears of a death may attach to the next thread at once, and must not hear it too.
    for (const sink of Array.from(slot.sinks)) sink(signal);
  }

  #ask(
    kernel: string,
    timeoutMs: number,
    signal: AbortSignal | undefined,
    message: (id: number) => ToThread,
  ): Promise<unknown> {
    const slot = this.#slot(kernel);
    if (!slot.current || slot.readyAtMs === undefined) {
      return Promise.reject(new GraceError(
        'GRACE_KERNEL_NOT_RUNNING',
        `Kernel "${kernel}" is not running. Wait for its kernel.ready event.`,
        { details: { kernel } },
      ));
    }
    const { id, answer } = this.#calls.open(kernel, timeoutMs, signal);
    slot.current.post(message(id));
    return answer;
  }

  #slot(kernel: string): Slot {
    const slot = this.#slots.get(kernel);
    if (slot) return slot;
    throw new GraceError(
      'GRACE_KERNEL_UNKNOWN',
      `There is no kernel "${kernel}". Known: ${[...this.#slots.keys()].join(', ')}.`,
      { details: { kernel } },
    );
  }
}

/** Lets threads begin in order, so many at a time. */
async function loadAtATime(threads: readonly ThreadHandle[], most: number): Promise<void> {
  const left = [...threads];
  const loadNext = async () => {
    for (let thread = left.shift(); thread; thread = left.shift()) {
      thread.begin();
      await thread.loadedOrOver;
    }
  };
  await Promise.all(Array.from({ length: most }, loadNext));
}

function emptySlot(spec: ChildSpec): Slot {
  return {
    spec, epoch: 0, current: undefined, standby: undefined, former: undefined, startedAtMs: 0,
    readyAtMs: undefined, adoptedStandby: false, watch: undefined,
    degraded: { late: undefined, full: undefined }, saved: undefined,
    memory: new MemoryTimeline(),
    sinks: new Set(), readyWaiters: [],
  };
}

const whyDegraded = ({ degraded }: Slot) => degraded.late ?? degraded.full;

const zombieOf = ({ spec }: Slot, { threadId }: ThreadHandle) => ({
  kernel: spec.id, epoch: 0, threadId,
});
