/**
 * One kernel thread on virtual time: the code of production that runs inside a thread, in a lane of its own
 * that can stand still, and end at any moment.
 */
import { EventEmitter } from 'node:events';
import type { MessagePort } from 'node:worker_threads';
import { GraceError, toErrorRecord } from '../core/errors.ts';
import type { KernelLog, KernelModule } from '../core/kernel.ts';
import { counter, type Adoption, type FromThread, type ThreadStart, type ToThread } from '../core/thread-protocol.ts';
import type { WorkerView } from '../core/threads.ts';
import { RunningKernel } from '../worker/running-kernel.ts';
import { Lane } from './lane.ts';
import type { SeededRandom } from './seeded-random.ts';
import { SimulatedPort } from './simulated-channel.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** What is wrong with a thread at present: it may be ended for that. */
export type Ailment = 'hangs' | 'late' | 'leaks' | 'cannot_start';

export interface ThreadWatcher {
  /** How the next start of a kernel goes: how long its module's `start` takes, ms, or that it fails. */
  startOf(kernel: string): { readonly ms: number; readonly fails: boolean };
  adopted(thread: SimulatedThread): void;
  /** The host ends it. */
  ended(thread: SimulatedThread): void;
}

const kbPerLeak = 1_024;
const leakEveryMs = 20;
/** A loop that stands still for less is well, ms: beyond it a playbook may restart its kernel. */
const tardyMs = 250;
/** A thread that is given up is looked at, and only then ended: it may have woken meanwhile, ms. */
const lookMs = 2_500;
/** After less nobody is given up, ms: a look or two less than the limit of a critical kernel. */
const silentMs = 900;
const silentLog: KernelLog = { debug() {}, info() {}, warn() {}, error() {} };

export class SimulatedThread extends EventEmitter implements WorkerView {
  readonly threadId: number;
  readonly lane: Lane;
  readonly port: SimulatedPort;
  readonly performance = { eventLoopUtilization: () => this.#utilization() };
  ailment: Ailment | undefined;
  kernel = '';
  epoch = 0;
  ready = false;
  exited = false;
  readonly #clock: VirtualClock;
  readonly #random: SeededRandom;
  readonly #watcher: ThreadWatcher;
  readonly #bornAtMs: number;
  readonly #ports = new Set<SimulatedPort>();
  #counters: Int32Array | undefined;
  #heapKb = 6_000;
  #busyMs = 0;
  #stillSinceMs: number | undefined;
  /** When it last stood still no more, after long enough to be given up. */
  #wokeAtMs = -Infinity;
  /** Until then it cannot be ended: it is in a native call. */
  #stuckUntilMs = 0;

  constructor(
    clock: VirtualClock, random: SeededRandom, threadId: number, start: ThreadStart, module: KernelModule,
    watcher: ThreadWatcher,
  ) {
    super();
    this.threadId = threadId;
    this.#clock = clock;
    this.#random = random;
    this.#watcher = watcher;
    this.#bornAtMs = clock.now();
    this.lane = new Lane(clock, random, (error) => this.die('threw', toErrorRecord(error)));
    this.port = start.port as unknown as SimulatedPort;
    this.#own(this.port);
    // A Worker, its bootstrap and its imports.
    this.lane.setTimeout(() => this.#post({ type: 'hello', threadId, osThread: undefined }), random.between(10, 30));
    this.lane.setTimeout(() => this.#load(module), random.between(30, 80));
  }

  /** Its loop stands still: for good, or for so long, ms. */
  hang(ms: number, ailment: Ailment): void {
    // A lesser one does not hide another.
    if (ailment === 'late' || this.ailment === 'leaks') this.ailment ??= ailment;
    else this.ailment = ailment;
    this.#stillSinceMs ??= this.#clock.now();
    this.lane.standStill(ms);
    if (ms === Infinity) return;
    this.#clock.setTimeout(() => {
      if (this.exited || this.#stillSinceMs === undefined || this.lane.standsStill) return;
      const stillMs = this.#clock.now() - this.#stillSinceMs;
      if (stillMs >= silentMs) this.#wokeAtMs = this.#clock.now();
      this.#busyMs += stillMs;
      this.#stillSinceMs = undefined;
      if (this.ailment === 'late' || this.ailment === 'hangs') this.ailment = undefined;
    }, ms + 0.001);
  }

  /** As `hang`, but in a native call: nobody can end it before that is over. */
  getStuck(ms: number): void {
    this.#stuckUntilMs = this.#clock.now() + ms;
    this.hang(ms, 'hangs');
  }

  /** Its heap grows from now on, 50 MiB a second. */
  leak(): void {
    this.ailment = 'leaks';
    const grow = () => {
      this.#heapKb += kbPerLeak;
      this.#busyMs += 1;
      this.lane.setTimeout(grow, leakEveryMs);
    };
    grow();
  }

  /** Ends by itself, with last words: it threw, or it called exit. */
  die(kind: 'threw' | 'exited', error?: ReturnType<typeof toErrorRecord>): void {
    if (this.lane.over) return;
    const exitCode = kind === 'threw' ? 1 : 7;
    this.#post({ type: 'last_words', kind, exitCode, ...(error && { error }) });
    this.#end(exitCode);
  }

  /** Ended from outside, behind everybody's back. */
  kill(): void {
    if (!this.lane.over) this.#end(1);
  }

  /** The host ends it. */
  async terminate(): Promise<void> {
    if (this.lane.over) return;
    this.#watcher.ended(this);
    const waitMs = this.#stuckUntilMs - this.#clock.now();
    if (waitMs === Infinity) return;
    this.#clock.setTimeout(() => this.kill(), Math.max(0, waitMs) + this.#random.between(0.3, 3));
  }

  /** It has something wrong with it that is a reason, or had a moment ago. */
  get mayBeEnded(): boolean {
    if (this.ailment !== undefined && this.ailment !== 'late') return true;
    const nowMs = this.#clock.now();
    return nowMs - (this.#stillSinceMs ?? Infinity) >= tardyMs || nowMs - this.#wokeAtMs <= lookMs;
  }

  /** In a native call: it can neither be stopped nor ended. */
  get isStuck(): boolean {
    return this.#stuckUntilMs > this.#clock.now();
  }

  unref(): void {
    // Nothing keeps a simulation alive.
  }

  #load(module: KernelModule): void {
    let kernel: RunningKernel | undefined;
    this.port.on('message', (message: ToThread) => {
      if (message.type === 'adopt') kernel = this.#adopt(module, message);
      else if (message.type === 'stop' && !kernel) this.#post({ type: 'stopped' });
      else kernel?.receive(message);
      for (const port of portsIn(message)) this.#own(port);
    });
    this.#post({ type: 'loaded' });
  }

  #adopt(module: KernelModule, adoption: Adoption): RunningKernel {
    this.kernel = adoption.kernel;
    this.epoch = adoption.epoch;
    this.#counters = new Int32Array(adoption.counters);
    this.#watcher.adopted(this);
    const { ms, fails } = this.#watcher.startOf(adoption.kernel);
    if (fails || ms > 1_000) this.ailment = 'cannot_start';
    const kernel = new RunningKernel(
      {
        start: async (ctx) => {
          await new Promise<void>((resolve) => {
            this.lane.setTimeout(resolve, ms);
          });
          if (fails) throw new GraceError('GRACE_KERNEL_START_FAILED', 'planted: it cannot start');
          const handlers = await module.start(ctx);
          if (this.ailment === 'cannot_start') this.ailment = undefined;
          this.ready = true;
          return handlers;
        },
      },
      adoption,
      {
        port: this.port as unknown as MessagePort, log: silentLog, clock: this.lane,
        stopped: () => this.#post({ type: 'stopped' }),
        figures: () => ({ publish: () => this.#publishMemory() }),
      },
    );
    void kernel.start();
    return kernel;
  }

  #publishMemory(): void {
    if (!this.#counters) return;
    Atomics.store(this.#counters, counter.heapUsedKb, this.#heapKb);
    Atomics.store(this.#counters, counter.heapLiveKb, this.#heapKb);
  }

  #end(exitCode: number): void {
    this.lane.over = true;
    this.ready = false;
    for (const port of this.#ports) port.close();
    this.#clock.setTimeout(() => {
      this.exited = true;
      this.emit('exit', exitCode);
    }, this.#random.between(0.5, 5));
  }

  #own(port: SimulatedPort): void {
    port.lane = this.lane;
    this.#ports.add(port);
  }

  #post(message: FromThread): void {
    this.port.postMessage(message);
  }

  #utilization() {
    const nowMs = this.#clock.now();
    const active = this.#busyMs + (this.#stillSinceMs === undefined ? 0 : nowMs - this.#stillSinceMs);
    return { active, idle: Math.max(0, nowMs - this.#bornAtMs - active) };
  }
}

function portsIn(message: ToThread): readonly SimulatedPort[] {
  const ports = message.type === 'adopt' ? [message.bus]
    : message.type === 'bus' ? [message.port]
      : message.type === 'control' ? message.ports : [];
  return ports.filter((port) => port !== undefined) as unknown as readonly SimulatedPort[];
}
