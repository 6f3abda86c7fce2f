/**
 * Says how alive a kernel is from signs of life. No clock, no threads: the caller passes readings.
 *
 *     sign of life ----- tardy ------------- silent ------->
 *          healthy         |     degraded       |   down
 *
 * A sign of life is an event loop whose idle time advances, or an answered ping. The monitor may be
 * late itself (its loop was blocked, the process was stopped): it grants every kernel that much
 * amnesty, after Lifeguard's local health (arXiv 1707.00788).
 */
export type LivenessVerdict = 'healthy' | 'tardy' | 'silent' | 'stalled';

export interface LivenessLimits {
  readonly tardyMs: number;
  readonly silentMs: number;
  readonly stalledMs: number;
}

export interface LivenessState {
  /** Latest sign of life, ms; moved forward by amnesty. */
  readonly signAtMs: number;
  /** Latest moment at which work got done, or none was waiting, ms; moved forward by amnesty. */
  readonly progressAtMs: number;
  /** The readings the next ones are compared with. */
  readonly idleMs: number;
  readonly activeMs: number;
  readonly turns: number;
  readonly done: number;
}

export interface LivenessReading {
  readonly nowMs: number;
  /** How late this reading is taken, ms; 0 when on time. */
  readonly lateMs: number;
  /** Idle time of the thread's event loop since it began, ms. */
  readonly idleMs: number;
  /** Busy time of it since it began, ms: what was not idle. */
  readonly activeMs: number;
  /** How far apart readings are when they are on time, ms. */
  readonly stepMs: number;
  /** Answered pings. */
  readonly turns: number;
  /** Work completed plus reported progress. */
  readonly done: number;
  /** Work accepted and not completed. */
  readonly waiting: number;
}

export const newLiveness = (nowMs: number): LivenessState => ({
  signAtMs: nowMs, progressAtMs: nowMs, idleMs: 0, activeMs: 0, turns: 0, done: 0,
});

/**
 * Takes one reading into account.
 *
 * A loop that was idle since the last reading was so before its newest busy time: counted from there, silence
 * is found when it is over and not up to a step later. A loop that was busy in pieces may have been idle after
 * that, so a silence may be found a step too early, never more.
 *
 * @returns The state to keep, the verdict, and `suspect` when a ping should be sent.
 * @example
 * judge(newLiveness(0), { nowMs: 300, lateMs: 0, idleMs: 0, activeMs: 0, stepMs: 20, turns: 0, done: 0,
 *   waiting: 0 }, { tardyMs: 250, silentMs: 1_000, stalledMs: 30_000 }).verdict // 'tardy'
 */
export function judge(state: LivenessState, reading: LivenessReading, limits: LivenessLimits) {
  const { nowMs, lateMs, idleMs, activeMs, stepMs, turns, done, waiting } = reading;
  const answered = turns !== state.turns;
  const moved = idleMs > state.idleMs || answered;
  const busyMs = answered ? 0 : Math.min(stepMs, Math.max(0, activeMs - state.activeMs));
  const progressed = done !== state.done || waiting <= 0;
  const next: LivenessState = {
    signAtMs: moved ? Math.max(state.signAtMs, nowMs - busyMs) : Math.min(nowMs, state.signAtMs + lateMs),
    progressAtMs: progressed ? nowMs : Math.min(nowMs, state.progressAtMs + lateMs),
    idleMs,
    activeMs,
    turns,
    done,
  };
  const silenceMs = nowMs - next.signAtMs;
  const stallMs = nowMs - next.progressAtMs;
  return { state: next, verdict: verdictOf(silenceMs, stallMs, limits), suspect: !moved };
}

function verdictOf(silenceMs: number, stallMs: number, limits: LivenessLimits): LivenessVerdict {
  if (silenceMs >= limits.silentMs) return 'silent';
  if (stallMs >= limits.stalledMs) return 'stalled';
  if (silenceMs >= limits.tardyMs || stallMs >= limits.stalledMs / 3) return 'tardy';
  return 'healthy';
}
