/**
 * The mesh: the one channel of typed events in the host. A publish returns at once; delivery happens
 * after the present turn, in the order of publishing, and no listener can break it.
 */
import { toErrorRecord } from '../core/errors.ts';
import {
  eventDepthMax, type Announcement, type Announcer, type AnyMeshEvent, type EventCause, type EventPayloads,
  type EventType, type MeshEvent,
} from '../core/events.ts';
import type { Clock, Random } from '../core/ports.ts';
import { stormLimits, StormGuard } from '../core/storm-guard.ts';

export type MeshListener = (event: AnyMeshEvent) => void;

export interface Mesh extends Announcer {
  /** Calls `listener` for every event of these types, or of all. Returns how to stop it. */
  subscribe(types: readonly EventType[] | '*', listener: MeshListener): () => void;
  /** Events refused: too many in a second, or their chain of causes was too long. */
  readonly suppressed: number;
}

/**
 * @example
 * const mesh = createMesh(systemClock, systemRandom);
 * mesh.subscribe(['incident.closed'], (event) => console.log(event.payload));
 */
export function createMesh(clock: Clock, random: Random): Mesh {
  const listeners = new Map<MeshListener, ReadonlySet<EventType> | '*'>();
  const queue: AnyMeshEvent[] = [];
  const guard = new StormGuard();
  /** Refused and not told yet, by type and reason. */
  const untold = new Map<string, EventPayloads['mesh.suppressed']>();
  let suppressed = 0;

  function publish<T extends EventType>(announcement: Announcement<T>): MeshEvent<T> | null {
    const { type, cause } = announcement;
    const depth = cause ? cause.depth + 1 : 0;
    if (depth > eventDepthMax) {
      refuse(type, 'depth', `the chain of causes is longer than ${eventDepthMax}`, cause);
      return null;
    }
    const storm = guard.refusal(type, clock.now());
    if (storm !== undefined) {
      refuse(type, 'storm', storm, cause);
      return null;
    }
    return send(announcement, depth);
  }

  function send<T extends EventType>(announcement: Announcement<T>, depth: number): MeshEvent<T> {
    const { type, payload, source, cause } = announcement;
    const event: MeshEvent<T> = {
      type,
      id: random.id('evt'),
      correlationId: announcement.correlationId ?? cause?.correlationId ?? null,
      causationId: cause?.id ?? null,
      depth,
      atMs: clock.now(),
      wallMs: clock.wallNow(),
      source,
      payload,
    };
    if (queue.push(event as AnyMeshEvent) === 1) queueMicrotask(deliverAll);
    return event;
  }

  /** The first refusal is told at once; those of the same second after it in one event. */
  function refuse(type: EventType, reason: 'storm' | 'depth', why: string, cause: EventCause | undefined): void {
    suppressed += 1;
    const key = `${reason} ${type}`;
    const waiting = untold.get(key);
    if (waiting) {
      untold.set(key, { ...waiting, count: waiting.count + 1 });
      return;
    }
    const payload = { type, reason, why, count: 0, cause: cause?.id ?? null };
    untold.set(key, payload);
    clock.setTimeout(() => {
      const { count } = untold.get(key)!;
      untold.delete(key);
      if (count > 0) send({ type: 'mesh.suppressed', source: 'mesh', payload: { ...payload, count } }, eventDepthMax);
    }, stormLimits.windowMs);
    const correlationId = cause?.correlationId ?? null;
    // The last link of a chain: what a listener would publish because of it is refused.
    const first = { ...payload, count: 1 };
    send({ type: 'mesh.suppressed', source: 'mesh', correlationId, payload: first }, eventDepthMax);
  }

  function deliverAll(): void {
    // Grows while it is walked: what a listener publishes is delivered after what is waiting.
    for (const event of queue) deliver(event);
    queue.length = 0;
  }

  function deliver(event: AnyMeshEvent): void {
    for (const [listener, types] of listeners) {
      if (types !== '*' && !types.has(event.type)) continue;
      try {
        listener(event);
      } catch (error) {
        // Telling of a failed listener may fail again; telling of that would go on for ever.
        if (event.type === 'listener.failed') continue;
        const payload = { event: event.type, error: toErrorRecord(error).message };
        publish({ type: 'listener.failed', source: 'mesh', payload, cause: event });
      }
    }
  }

  return {
    publish,
    subscribe(types, listener) {
      listeners.set(listener, types === '*' ? types : new Set(types));
      return () => listeners.delete(listener);
    },
    get suppressed() {
      return suppressed;
    },
  };
}
