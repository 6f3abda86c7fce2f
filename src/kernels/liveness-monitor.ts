/**
 * Watches threads from outside. A sign of life costs nothing while all is well: the idle time of a
 * thread's event loop is read from the host; only a loop that shows none is pinged, and the answer
 * is a counter in shared memory. The verdict is `core/failure-detector`'s.
 */
import { judgeMemory, type MemoryLimits, type MemoryVerdict, type MemoryWatch } from '../core/memory-guard.ts';
import {
  judge, newLiveness, type LivenessLimits, type LivenessState, type LivenessVerdict,
} from '../core/failure-detector.ts';
import type { Clock, TimerId } from '../core/ports.ts';
import { counter } from '../core/thread-protocol.ts';
import { coreTimesOf, starvedMs, type CoreTimes } from './os-thread.ts';
import type { ThreadHandle } from './thread-handle.ts';

/**
 * A kernel is looked at 25 times within its silence, between these, ms; half as often while its loop idles.
 * What looking costs is waking up: 20 ms cost 2 % of a core, however few kernels there are.
 */
const pollMs = { least: 5, most: 20, idleMost: 40 } as const;
const pollOf = ({ silentMs }: LivenessLimits, isIdle: boolean): number =>
  Math.max(pollMs.least, Math.min(isIdle ? pollMs.idleMost : pollMs.most, silentMs / 25));
/** The largest gap of a healthy kernel that was measured with ten times more threads than cores, ms. */
const patienceMs = 200;
/** Busy for less than this between two looks, ms. */
const idleBelowMs = 1;
/** A tick that is later than this is the monitor's own fault, ms. */
const latenessMs = 20;
const memoryEveryMs = 100;
/**
 * Memory can only grow while the loop turns: a thread whose loop was busy for this long since it was asked
 * is asked again, at most so often. A leak of 50 MiB/s grows by 2 % of the default limit meanwhile, ms.
 */
const askedAfter = { activeMs: 2, everyMs: 50 } as const;

export interface Watched {
  readonly thread: ThreadHandle;
  readonly liveness: LivenessLimits;
  readonly memory: MemoryLimits;
  /** A monitor that a mitigation has put up, which may happen at any time. */
  memoryWatch(): MemoryWatch | undefined;
}

export interface MonitorSurroundings {
  /** Only changes are told. */
  onVerdict(kernel: string, verdict: LivenessVerdict, why: string): void;
  onAmnesty(lateMs: number): void;
  onMemory(kernel: string, atMs: number, heapUsedKb: number, externalKb: number): void;
  /** Only changes are told. */
  onMemoryVerdict(kernel: string, verdict: MemoryVerdict): void;
}

interface Record {
  readonly kernel: string;
  readonly watched: Watched;
  readonly counters: Int32Array;
  state: LivenessState;
  verdict: LivenessVerdict;
  dueAtMs: number;
  stepMs: number;
  /** When it will be silent, if it shows no sign of life until then; else Infinity. */
  silentAtMs: number;
  /** When its loop was first seen not to turn, or when it was last asked. */
  cores: CoreTimes | undefined;
  /** How much of the present silence was forgiven for want of a core, ms. */
  forgivenMs: number;
  memoryDueAtMs: number;
  memory: MemoryVerdict['verdict'];
  /** When it was last asked for its memory, and how long its loop had been busy by then. */
  asked: { readonly atMs: number; readonly activeMs: number };
}

export class LivenessMonitor {
  readonly #clock: Clock;
  readonly #around: MonitorSurroundings;
  readonly #records = new Map<string, Record>();
  #timer: TimerId;
  #dueAtMs = 0;
  #running = false;

  constructor(clock: Clock, around: MonitorSurroundings) {
    this.#clock = clock;
    this.#around = around;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#schedule(this.#clock.now() + pollMs.most);
  }

  stop(): void {
    this.#running = false;
    this.#clock.clearTimeout(this.#timer);
  }

  watch(kernel: string, watched: Watched): void {
    const nowMs = this.#clock.now();
    this.#records.set(kernel, {
      kernel, watched, counters: new Int32Array(watched.thread.counters),
      state: newLiveness(nowMs), verdict: 'healthy', memory: 'fine', dueAtMs: nowMs, stepMs: pollMs.least,
      silentAtMs: Infinity, cores: undefined, forgivenMs: 0, memoryDueAtMs: nowMs, asked: { atMs: nowMs, activeMs: 0 },
    });
  }

  unwatch(kernel: string): void {
    this.#records.delete(kernel);
  }

  #schedule(atMs: number): void {
    this.#dueAtMs = atMs;
    this.#timer = this.#clock.setTimeout(() => this.#tick(), Math.max(1, atMs - this.#clock.now()));
  }

  #tick(): void {
    if (!this.#running) return;
    const nowMs = this.#clock.now();
    const behindMs = nowMs - this.#dueAtMs;
    const lateMs = behindMs > latenessMs ? behindMs : 0;
    if (lateMs > 100) this.#around.onAmnesty(Math.round(lateMs));
    // A verdict may end a thread, which is not watched any more then.
    for (const record of this.#records.values()) this.#examine(record, nowMs, lateMs);
    // One that is silent is found when it is, not at the next look.
    let nextAtMs = nowMs + pollMs.idleMost;
    for (const { dueAtMs, silentAtMs } of this.#records.values()) nextAtMs = Math.min(nextAtMs, dueAtMs, silentAtMs);
    this.#schedule(nextAtMs);
  }

  #examine(record: Record, nowMs: number, lateMs: number): void {
    const { kernel, counters, watched: { thread, liveness } } = record;
    const { worker } = thread;
    // Early by half a step is near enough, so that all are looked at in one go.
    if (nowMs + record.stepMs / 2 < record.dueAtMs && nowMs < record.silentAtMs) return;
    record.dueAtMs = nowMs + record.stepMs;
    if (!worker) return;
    const completed = Atomics.load(counters, counter.completed);
    const { idle: idleMs, active: activeMs } = worker.performance.eventLoopUtilization();
    const reading = {
      nowMs,
      lateMs,
      idleMs,
      activeMs,
      stepMs: record.stepMs,
      turns: Atomics.load(counters, counter.turns),
      done: completed + Atomics.load(counters, counter.progress),
      waiting: Atomics.load(counters, counter.accepted) - completed,
    };
    let { state, verdict, suspect } = judge(record.state, reading, liveness);
    if (verdict === 'silent') {
      const forgivenMs = lateMs + starvedSince(record, nowMs);
      ({ state, verdict, suspect } = judge(record.state, { ...reading, lateMs: forgivenMs }, liveness));
    } else if (!suspect) {
      record.cores = undefined;
      record.forgivenMs = 0;
    }
    if (suspect) record.cores ??= coreTimesOf(thread.osThread, nowMs);
    record.stepMs = pollOf(liveness, activeMs - record.state.activeMs < idleBelowMs);
    record.dueAtMs = nowMs + record.stepMs;
    record.state = state;
    record.silentAtMs = suspect && verdict !== 'silent' ? state.signAtMs + liveness.silentMs : Infinity;
    const { asked } = record;
    const mayHaveGrown = activeMs - asked.activeMs >= askedAfter.activeMs && nowMs - asked.atMs >= askedAfter.everyMs;
    if (mayHaveGrown) record.asked = { atMs: nowMs, activeMs };
    if (suspect || mayHaveGrown) thread.post({ type: 'ping' });
    if (verdict !== record.verdict) {
      record.verdict = verdict;
      this.#around.onVerdict(kernel, verdict, whyOf(verdict, nowMs, state));
    }
    this.#examineMemory(record, nowMs);
  }

  #examineMemory(record: Record, nowMs: number): void {
    const { kernel, counters, watched: { memory, memoryWatch } } = record;
    const heapUsedKb = Atomics.load(counters, counter.heapUsedKb);
    const externalKb = Atomics.load(counters, counter.externalKb);
    if (nowMs >= record.memoryDueAtMs) {
      record.memoryDueAtMs = nowMs + memoryEveryMs;
      this.#around.onMemory(kernel, nowMs, heapUsedKb, externalKb);
    }
    const heapLiveKb = Atomics.load(counters, counter.heapLiveKb);
    const judged = judgeMemory({ heapUsedKb, heapLiveKb, externalKb }, memory, memoryWatch());
    if (judged.verdict === record.memory) return;
    record.memory = judged.verdict;
    this.#around.onMemoryVerdict(kernel, judged);
  }
}

/** How long it has waited for a core since this was last asked, ms: silence is time in which it could run. */
function starvedSince(record: Record, nowMs: number): number {
  const { cores: before } = record;
  record.cores = coreTimesOf(record.watched.thread.osThread, nowMs);
  if (!before || !record.cores) return 0;
  const { own, others } = starvedMs(before, record.cores, patienceMs - record.forgivenMs);
  const forgivenMs = Math.min(own + others, patienceMs - record.forgivenMs);
  record.forgivenMs += forgivenMs;
  return forgivenMs;
}

function whyOf(verdict: LivenessVerdict, nowMs: number, state: LivenessState): string {
  const silentMs = Math.round(nowMs - state.signAtMs);
  const stalledMs = Math.round(nowMs - state.progressAtMs);
  if (verdict === 'stalled') return `no work was done for ${stalledMs} ms while some was waiting`;
  return silentMs > 0
    ? `no sign of life for ${silentMs} ms`
    : `no work was done for ${stalledMs} ms while some was waiting`;
}
