/** Every actor as it is now: what a viewer that comes late has to be told. */
import type { WireActor, WireMessage, WireSnapshot } from '../core/inspection-wire.ts';
import type { Clock } from '../core/ports.ts';

/** Newcomers beyond are shown to those who watch, not to those who come later. */
const actorsMax = 500;
/** How long an actor is still told of after its end, ms. */
const keptMs = 10_000;

export class ActorBook {
  readonly #clock: Clock;
  /** Parents before their children, since a parent is heard of first. */
  readonly #actors = new Map<string, WireActor>();
  /** When an actor ended, the earliest first. */
  readonly #ended = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(message: WireMessage): void {
    if (message.type === '@xstate.event') return;
    const { sessionId, snapshot } = message;
    if (message.type === '@xstate.actor') {
      this.#forgetEnded();
      if (this.#actors.size < actorsMax) this.#actors.set(sessionId, message);
    } else {
      const actor = this.#actors.get(sessionId);
      if (actor) this.#actors.set(sessionId, { ...actor, snapshot });
    }
    const isOver = snapshot['status'] !== 'active';
    if (isOver && this.#actors.has(sessionId)) this.#ended.set(sessionId, this.#clock.now());
  }

  /** The living, and those that ended just now. */
  actors(): WireActor[] {
    this.#forgetEnded();
    return [...this.#actors.values()];
  }

  /** Forgets the actors whose session ids begin so. Returns what those who watch are to be told. */
  drop(prefix: string): WireSnapshot[] {
    const last: WireSnapshot[] = [];
    for (const actor of this.#actors.values()) {
      const { sessionId } = actor;
      if (!sessionId.startsWith(prefix)) continue;
      this.#actors.delete(sessionId);
      if (!this.#ended.delete(sessionId)) last.push(stopped(actor, this.#clock.wallNow()));
    }
    return last;
  }

  #forgetEnded(): void {
    const isFull = this.#actors.size >= actorsMax;
    for (const [sessionId, endedAtMs] of this.#ended) {
      if (!isFull && this.#clock.now() - endedAtMs < keptMs) return;
      this.#ended.delete(sessionId);
      this.#actors.delete(sessionId);
    }
  }
}

function stopped({ _version, id, rootId, sessionId, snapshot }: WireActor, wallMs: number): WireSnapshot {
  return {
    type: '@xstate.snapshot', event: { type: 'xstate.stop' }, snapshot: { ...snapshot, status: 'stopped' },
    _version, id, rootId, sessionId, createdAt: String(wallMs),
  };
}
