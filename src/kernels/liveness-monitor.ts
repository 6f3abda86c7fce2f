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

/** Poll, ms: 1.5 % of a core for 20 kernels. */
const pollMs = 20;
/** A tick that is later than this is the monitor's own fault, ms. */
const latenessMs = 20;
const memoryEveryTicks = 5;

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
  memory: MemoryVerdict['verdict'];
}

export class LivenessMonitor {
  readonly #clock: Clock;
  readonly #around: MonitorSurroundings;
  readonly #records = new Map<string, Record>();
  #timer: TimerId;
  #dueAtMs = 0;
  #ticks = 0;
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
    this.#records.set(kernel, { state: newLiveness(this.#clock.now()), verdict: 'healthy', memory: 'fine' });
  }

  unwatch(kernel: string): void {
    this.#records.delete(kernel);
  }

  #schedule(): void {
    this.#dueAtMs = this.#clock.now() + pollMs;
    this.#timer = this.#clock.setTimeout(() => this.#tick(), pollMs);
  }

  #tick(): void {
    if (!this.#running) return;
    const nowMs = this.#clock.now();
    const behindMs = nowMs - this.#dueAtMs;
    const lateMs = behindMs > latenessMs ? behindMs : 0;
    if (lateMs > 100) this.#around.onAmnesty(Math.round(lateMs));
    this.#ticks += 1;
    for (const watched of this.#around.watched()) this.#examine(watched, nowMs, lateMs);
    this.#schedule();
  }

  #examine(watched: Watched, nowMs: number, lateMs: number): void {
    const { kernel, thread, limits } = watched;
    const record = this.#records.get(kernel);
    const { worker } = thread;
    if (!record || !worker) return;
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
    if (this.#ticks % memoryEveryTicks === 0) {
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
