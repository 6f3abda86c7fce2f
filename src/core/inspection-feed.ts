/**
 * Turns what XState tells into messages for viewers, so many a second and no more: the actors come first.
 * Over the limit events are left out and counted, and of each actor only the newest state is sent, when
 * the next second begins. So a viewer may miss how an actor got there, but never where it is.
 */
import {
  wireActor, wireEvent, wireSnapshot, type Inspect, type Inspected, type InspectedActor, type WireMessage,
} from './inspection-wire.ts';
import type { Clock } from './ports.ts';

/** Actors whose newest state may wait; those beyond are left out. */
const lateMax = 1_000;

export interface FeedOptions {
  readonly clock: Clock;
  readonly messagesPerSecond: number;
  /** `dropped`: what was left out since the last message. */
  send(message: WireMessage, dropped: number): void;
}

export class InspectionFeed {
  readonly #options: FeedOptions;
  readonly #announced = new WeakSet<InspectedActor>();
  readonly #late = new Map<InspectedActor, Inspected>();
  #second = 0;
  #sent = 0;
  #dropped = 0;
  #isFlushDue = false;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** Pass it to XState: `createActor(machine, { inspect: feed.inspect })`. */
  readonly inspect: Inspect = (inspected) => this.#harmless(() => this.#take(inspected));

  #take(inspected: Inspected): void {
    const { type, event, sourceRef } = inspected;
    if (type === '@xstate.snapshot') this.#state(inspected);
    if (type !== '@xstate.event') return;
    // The last state of an actor that threw is not told; that its parent is informed is.
    if (sourceRef && event?.type.startsWith('xstate.error.actor.')) {
      const snapshot = sourceRef.getSnapshot() as object;
      this.#state({ ...inspected, type: '@xstate.snapshot', actorRef: sourceRef, snapshot });
    }
    if (this.#hasRoom()) this.#send(inspected);
    else this.#dropped += 1;
  }

  #state(inspected: Inspected): void {
    const { actorRef } = inspected;
    if (this.#hasRoom()) {
      this.#late.delete(actorRef);
      this.#send(inspected);
    } else if (this.#late.has(actorRef) || this.#late.size < lateMax) {
      this.#late.set(actorRef, inspected);
      this.#flushLater();
    } else {
      this.#dropped += 1;
    }
  }

  /** XState tells of an actor before it has a state; so it is announced when it is first heard of again. */
  #send(inspected: Inspected): void {
    const { actorRef, rootId, type } = inspected;
    const wallMs = this.#options.clock.wallNow();
    if (!this.#announced.has(actorRef)) {
      this.#announced.add(actorRef);
      this.#emit(wireActor(actorRef, rootId, wallMs));
    }
    this.#emit(type === '@xstate.event' ? wireEvent(inspected, wallMs) : wireSnapshot(inspected, wallMs));
  }

  #emit(message: WireMessage): void {
    const dropped = this.#dropped;
    this.#dropped = 0;
    this.#sent += 1;
    this.#options.send(message, dropped);
  }

  #hasRoom(): boolean {
    const second = Math.floor(this.#options.clock.now() / 1_000);
    if (second !== this.#second) [this.#second, this.#sent] = [second, 0];
    return this.#sent < this.#options.messagesPerSecond;
  }

  #flushLater(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    const { clock } = this.#options;
    clock.setTimeout(() => this.#harmless(() => this.#flush()), 1_001 - (clock.now() % 1_000));
  }

  #flush(): void {
    this.#isFlushDue = false;
    for (const inspected of this.#late.values()) {
      if (!this.#hasRoom()) {
        this.#flushLater();
        return;
      }
      this.#late.delete(inspected.actorRef);
      this.#send(inspected);
    }
  }

  #harmless(work: () => void): void {
    try {
      work();
    } catch {
      this.#dropped += 1;
    }
  }
}
