/**
 * The root of the control plane: starts its parts, starts a dead one again, and stops them in order.
 *
 * | state    | what is true while it lasts                            | leaves on                  |
 * | -------- | ------------------------------------------------------ | -------------------------- |
 * | running  | every part lives, or is being started again            | root.stop, a part given up |
 * | stopping | the supervisors stop, the last started first           | the last one is done       |
 * | stopped  | no part lives                                          | final                      |
 *
 * A part that dies more often than five times in ten seconds is given up: `host.unrecoverable`.
 */
import { assign, enqueueActions, setup, type AnyEventObject } from 'xstate';
import { toErrorRecord, type ErrorRecord } from '../src/core/errors.ts';
import { addRestart, type RestartWindow } from '../src/core/restart-intensity.ts';
import type { AnyAnnouncement, EventPayloads } from '../src/core/events.ts';
import { requiredAction, requiredActor } from './required.ts';

/** A part of the control plane. `src` is the name of its logic in `provide({ actors })`. */
export interface PartSpec {
  readonly id: string;
  readonly src: 'supervisor' | 'trigger' | 'rule' | 'emergency' | 'incidents';
  readonly input: unknown;
}

export interface RootInput {
  /** In the order of start; stopped in reverse. */
  readonly parts: readonly PartSpec[];
  /** The reading at which it starts, ms. */
  readonly atMs: number;
}

export interface Context extends RootInput {
  readonly restarts: Readonly<Record<string, RestartWindow>>;
  /** Supervisors that still have to stop, the next one first. */
  readonly toStop: readonly string[];
}

type RootEvent =
  | { readonly type: 'root.stop' }
  | { readonly type: `xstate.error.actor.${string}`; readonly actorId: string; readonly error: unknown }
  | { readonly type: `xstate.done.actor.${string}`; readonly actorId: string; readonly output: unknown };

const restartLimit = { restartsMax: 5, periodMs: 10_000 };

export const rootMachine = setup({
  types: { input: {} as RootInput, context: {} as Context, events: {} as RootEvent },
  actors: {
    supervisor: requiredActor<unknown, unknown>('supervisor'),
    trigger: requiredActor<unknown, unknown>('trigger'),
    rule: requiredActor<unknown, unknown>('rule'),
    emergency: requiredActor<unknown, unknown>('emergency'),
    incidents: requiredActor<unknown, unknown>('incidents'),
    /** Answers with the present reading of the clock. */
    reading: requiredActor<{ atMs: number }, void>('reading'),
  },
  guards: {
    isAllStopped: ({ context }) => context.toStop.length === 0,
    isTheOneToStop: ({ context, event }) => endOf(event).id === context.toStop[0],
  },
  actions: {
    publish: requiredAction<AnyAnnouncement>('publish'),
    dropStopped: assign({ toStop: ({ context }) => context.toStop.slice(1) }),
    /** Asks the next supervisor to stop; one that is dead already needs no asking. */
    stopNext: enqueueActions(({ context, event, enqueue, self }) => {
      const { atMs } = endOf(event);
      const { children } = self.getSnapshot();
      const isAlive = (id: string) => children[id]?.getSnapshot().status === 'active';
      const toStop = context.toStop.filter(isAlive);
      enqueue.assign({ toStop });
      if (toStop[0] !== undefined) enqueue.sendTo(toStop[0], { type: 'supervisor.stop', atMs } as never);
    }),
  },
}).createMachine({
  id: 'root',
  // A loop of eventless transitions is an error, not a host that hangs.
  options: { maxIterations: 1_000 },
  context: ({ input }) => ({ ...input, restarts: {}, toStop: [] }),
  initial: 'running',
  states: {
    running: {
      entry: enqueueActions(({ context, enqueue }) => {
        for (const { id, src, input } of context.parts) {
          enqueue.spawnChild(src, { id, input });
          if (src === 'supervisor') enqueue.sendTo(id, boot(context.atMs));
        }
      }),
      on: {
        // A part died, or a supervisor gave up on its children: read the clock, then decide.
        'xstate.error.actor.*': {
          actions: enqueueActions(({ event, context, enqueue }) => {
            const { id, why } = endOf(event);
            if (!context.parts.some((part) => part.id === id)) return;
            enqueue({ type: 'publish', params: announce('actor.restarted', { actor: id, error: why }) });
            enqueue.spawnChild('reading', { id: readingOf(id) });
          }),
        },
        'xstate.done.actor.*': {
          actions: enqueueActions(({ event, context, enqueue }) => {
            const { id, why, atMs, startError } = endOf(event);
            const part = context.parts.find((candidate) => readingOf(candidate.id) === id);
            if (!part) {
              if (!context.parts.some((candidate) => candidate.id === id)) return;
              if (startError) {
                // As in OTP: what cannot start is not tried again.
                const reason = `${id} could not start: ${startError.message}`;
                enqueue({
                  type: 'publish', params: announce('host.unrecoverable', { reason, error: startError }),
                });
                return;
              }
              enqueue({ type: 'publish', params: announce('actor.restarted', { actor: id, error: why }) });
              enqueue.spawnChild('reading', { id: readingOf(id) });
              return;
            }
            enqueue.stopChild(id);
            enqueue.stopChild(part.id);
            const step = addRestart(context.restarts[part.id] ?? [], atMs, restartLimit);
            enqueue.assign({ restarts: { ...context.restarts, [part.id]: step.window } });
            if (step.exceeded) {
              const reason = `${part.id} died more than ${restartLimit.restartsMax} times in 10 s`;
              enqueue({ type: 'publish', params: announce('host.unrecoverable', { reason, error: null }) });
            } else {
              enqueue.spawnChild(part.src, { id: part.id, input: part.input });
              // One that comes back with its last state has booted already, and knows it.
              if (part.src === 'supervisor') enqueue.sendTo(part.id, boot(atMs));
            }
          }),
        },
        'root.stop': {
          target: 'stopping',
          actions: assign({
            toStop: ({ context }) =>
              context.parts.filter(({ src }) => src === 'supervisor').map(({ id }) => id).toReversed(),
          }),
        },
      },
    },
    stopping: {
      always: { guard: 'isAllStopped', target: 'stopped' },
      // Other parts may die now; nobody needs them any more.
      on: { 'xstate.error.actor.*': {} },
      initial: 'reading',
      states: {
        reading: {
          invoke: { src: 'reading', onDone: { target: 'waiting', actions: 'stopNext' } },
        },
        waiting: {
          on: {
            'xstate.done.actor.*': { guard: 'isTheOneToStop', target: 'reading', actions: 'dropStopped' },
            'xstate.error.actor.*': { guard: 'isTheOneToStop', target: 'reading', actions: 'dropStopped' },
          },
        },
      },
    },
    stopped: { type: 'final' },
  },
});

const boot = (atMs: number) => ({ type: 'supervisor.boot', atMs }) as never;

const readingOf = (part: string) => `reading.${part}`;

/** The end of a child as data: XState's own end events are not in the machine's event type. */
function endOf(event: AnyEventObject) {
  const { actorId, error, output } = event as {
    readonly actorId?: string;
    readonly error?: unknown;
    readonly output?: { readonly atMs?: number; readonly reason?: string; readonly error?: ErrorRecord };
  };
  const startError = output?.reason === 'start_failed' ? output.error : undefined;
  const why = error === undefined ? 'it gave up on its children' : toErrorRecord(error).message;
  return { id: actorId ?? '', why, atMs: output?.atMs ?? 0, startError };
}

function announce<T extends 'actor.restarted' | 'host.unrecoverable'>(
  type: T, payload: EventPayloads[T],
): AnyAnnouncement {
  return { type, source: 'root', payload } as AnyAnnouncement;
}
