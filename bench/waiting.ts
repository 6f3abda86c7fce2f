/** What the benches wait for: time, and events of a runtime. */
import type { EventPayloads, EventType, Grace } from '../src/index.ts';

/** Monotonic, ms, the same in all threads and processes of a machine. */
export const now = () => Number(process.hrtime.bigint()) / 1e6;

export const pause = (ms: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, ms);
  });

/** Standbys are made up for when an incident has closed: time for them to load and rehearse. */
export const standbysLoaded = () => pause(600);

/** Resolves with the first event of a type that `holds`. */
export function once<T extends EventType>(
  grace: Grace, type: T, holds: (payload: EventPayloads[T]) => boolean = () => true,
): Promise<EventPayloads[T]> {
  return new Promise((resolve) => {
    const stop = grace.on(type, (payload) => {
      if (!holds(payload)) return;
      stop();
      resolve(payload);
    });
  });
}

/** Nothing of Grace keeps a process alive: a bench has to. */
export async function keptAlive<T>(work: () => Promise<T>): Promise<T> {
  const alive = setInterval(() => undefined, 60_000);
  try {
    return await work();
  } finally {
    clearInterval(alive);
  }
}
