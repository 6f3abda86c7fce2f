/**
 * Watches threads from outside. A sign of life costs nothing while all is well: the idle time of a
 * thread's event loop is read from the host; only a loop that shows none is pinged, and the answer
 * is a counter in shared memory. The verdict is `core/failure-detector`'s.
 */
import type { MemoryReading } from '../core/diagnosis.ts';
import { judgeMemory, type MemoryLimits, type MemoryVerdict, type MemoryWatch } from '../core/memory-guard.ts';
import {
  judge, newLiveness, type LivenessLimits, type LivenessState, type LivenessVerdict,
} from '../core/failure-detector.ts';
import type { Clock, TimerId } from '../core/ports.ts';
import { counter } from '../core/thread-protocol.ts';
import type { ThreadHandle } from './thread-handle.ts';

/**
 * A kernel is looked at ten times within its silence, between these, ms. 20 ms cost 1.5 % of a core for
 * 20 kernels.
 */
const pollMs = { least: 5, most: 20 } as const;
const pollOf = ({ silentMs }: LivenessLimits): number =>
  Math.max(pollMs.least, Math.min(pollMs.most, silentMs / 10));
/** A tick that is later than this is the monitor's own fault, ms. */
const latenessMs = 20;
const memoryEveryMs = 100;

export interface Watched {
  readonly kernel: string;
  readonly thread: ThreadHandle;
  readonly limits: LivenessLimits;
  readonly memory: MemoryLimits;
  /** A monitor that a mitigation has put up. */
  readonly watch: MemoryWatch | undefined;
}

export interface MonitorSurroundings {
  watched(): readonly Watched[];
  /** Only changes are told. */
  onVerdict(kernel: string, verdict: LivenessVerdict, why: string): void;
  onAmnesty(lateMs: number): void;
  onMemory(kernel: string, reading: MemoryReading): void;
  /** Only changes are told. */
  onMemoryVerdict(kernel: string, verdict: MemoryVerdict): void;
}

interface Record {
  state: LivenessState;
  verdict: LivenessVerdict;
  dueAtMs: number;
  memoryDueAtMs: number;
  memory: MemoryVerdict['verdict'];
}

export class LivenessMonitor {
  readonly #clock: Clock;
  readonly #around: MonitorSurroundings;
  readonly #records = new Map<string, Record>();
  #timer: TimerId;
  #dueAtMs = 0;
  #everyMs: number = pollMs.most;
  #running = false;

  constructor(clock: Clock, around: MonitorSurroundings) {
    this.#clock = clock;
    this.#around = around;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#schedule();
  }

  stop(): void {
    this.#running = false;
    this.#clock.clearTimeout(this.#timer);
  }

  watch(kernel: string): void {
    const nowMs = this.#clock.now();
    this.#records.set(kernel, {
      state: newLiveness(nowMs), verdict: 'healthy', memory: 'fine', dueAtMs: nowMs, memoryDueAtMs: nowMs,
    });
  }

  unwatch(kernel: string): void {
    this.#records.delete(kernel);
  }

  #schedule(): void {
    this.#dueAtMs = this.#clock.now() + this.#everyMs;
    this.#timer = this.#clock.setTimeout(() => this.#tick(), this.#everyMs);
  }

  #tick(): void {
    if (!this.#running) return;
    const nowMs = this.#clock.now();
    const behindMs = nowMs - this.#dueAtMs;
    const lateMs = behindMs > latenessMs ? behindMs : 0;
    if (lateMs > 100) this.#around.onAmnesty(Math.round(lateMs));
    const all = this.#around.watched();
    for (const watched of all) this.#examine(watched, nowMs, lateMs);
    this.#everyMs = Math.min(pollMs.most, ...all.map(({ limits }) => pollOf(limits)));
    this.#schedule();
  }

  #examine(watched: Watched, nowMs: number, lateMs: number): void {
    const { kernel, thread, limits } = watched;
    const record = this.#records.get(kernel);
    const { worker } = thread;
    // Half an interval early is near enough: a timer is never exact.
    if (!record || !worker || nowMs + this.#everyMs / 2 < record.dueAtMs) return;
    record.dueAtMs = nowMs + pollOf(limits);
    const counters = new Int32Array(thread.counters);
    const read = (slot: number) => Atomics.load(counters, slot);
    const completed = read(counter.completed);
    const { state, verdict, suspect } = judge(
      record.state,
      {
        nowMs,
        lateMs,
        idleMs: worker.performance.eventLoopUtilization().idle,
        turns: read(counter.turns),
        done: completed + read(counter.progress),
        waiting: read(counter.accepted) - completed,
      },
      limits,
    );
    record.state = state;
    if (suspect) thread.post({ type: 'ping' });
    if (nowMs >= record.memoryDueAtMs) {
      record.memoryDueAtMs = nowMs + memoryEveryMs;
      const [heapUsedKb, externalKb] = [read(counter.heapUsedKb), read(counter.externalKb)];
      this.#around.onMemory(kernel, { atMs: nowMs, heapUsedKb, externalKb });
    }
    if (verdict !== record.verdict) {
      record.verdict = verdict;
      this.#around.onVerdict(kernel, verdict, whyOf(verdict, nowMs, state));
    }
    this.#examineMemory(record, watched, read);
  }

  #examineMemory(record: Record, { kernel, memory, watch }: Watched, read: (slot: number) => number): void {
    const figures = {
      heapUsedKb: read(counter.heapUsedKb), heapLiveKb: read(counter.heapLiveKb), externalKb: read(counter.externalKb),
    };
    const judged = judgeMemory(figures, memory, watch);
    if (judged.verdict === record.memory) return;
    record.memory = judged.verdict;
    this.#around.onMemoryVerdict(kernel, judged);
  }
}

function whyOf(verdict: LivenessVerdict, nowMs: number, state: LivenessState): string {
  const silentMs = Math.round(nowMs - state.signAtMs);
  const stalledMs = Math.round(nowMs - state.progressAtMs);
  if (verdict === 'stalled') return `no work was done for ${stalledMs} ms while some was waiting`;
  return silentMs > 0
    ? `no sign of life for ${silentMs} ms`
    : `no work was done for ${stalledMs} ms while some was waiting`;
}
