/**
 * Emergency mode. It has a reason, owners (playbook runs) and a deadline, and it is always left: when the
 * last owner leaves, or when the deadline comes.
 *
 * | state     | what is true while it lasts                        | leaves on                         |
 * | --------- | -------------------------------------------------- | --------------------------------- |
 * | normal    | the ordinary protocols hold                        | emergency.enter_requested         |
 * | emergency | cooldown, backoff, intensity and graceful stop are | the last owner leaves, the latest |
 * |           | bypassed; non-critical load is shed                | deadline of its owners            |
 */
import { assign, setup } from 'xstate';
import type { AnyAnnouncement } from '../src/core/events.ts';
import { requiredAction, requiredAlarm } from './required.ts';

export type EmergencyEvent =
  | {
      readonly type: 'emergency.enter_requested';
      readonly reason: string;
      /** A playbook run. */
      readonly owner: string;
      readonly incident: string;
      /** Absolute, ms. */
      readonly deadlineAtMs: number;
      readonly atMs: number;
    }
  | { readonly type: 'emergency.leave_requested'; readonly owner: string; readonly atMs: number };

export interface Context {
  readonly reason: string;
  /** Owner to deadline, ms. */
  readonly owners: Readonly<Record<string, number>>;
  readonly enteredAtMs: number;
  readonly lastOwner: string;
  readonly incident: string;
}

const deadlineOf = ({ owners }: Context) => Math.max(0, ...Object.values(owners));

export const emergencyModeMachine = setup({
  types: { context: {} as Context, events: {} as EmergencyEvent },
  actors: { alarm: requiredAlarm() },
  guards: {
    isOwner: ({ context, event }) => event.owner in context.owners,
    isOnlyOwner: ({ context, event }) =>
      event.owner in context.owners && Object.keys(context.owners).length === 1,
  },
  actions: {
    publish: requiredAction<AnyAnnouncement>('publish'),
    addOwner: assign(({ context, event }) =>
      event.type === 'emergency.enter_requested'
        ? {
            owners: { ...context.owners, [event.owner]: event.deadlineAtMs },
            lastOwner: event.owner,
            incident: event.incident,
          }
        : {}),
    dropOwner: assign(({ context, event }) => ({
      owners: Object.fromEntries(Object.entries(context.owners).filter(([owner]) => owner !== event.owner)),
    })),
    dropAll: assign({ owners: {} }),
  },
}).createMachine({
  id: 'emergencyMode',
  // A loop of eventless transitions is an error, not a host that hangs.
  options: { maxIterations: 1_000 },
  context: { reason: '', owners: {}, enteredAtMs: 0, lastOwner: '', incident: '' },
  initial: 'normal',
  states: {
    normal: {
      on: {
        'emergency.enter_requested': {
          target: 'emergency',
          actions: [
            'addOwner',
            assign({ reason: ({ event }) => event.reason, enteredAtMs: ({ event }) => event.atMs }),
            {
              type: 'publish',
              params: ({ event: { reason, owner, incident, deadlineAtMs } }) => ({
                type: 'emergency.entered',
                source: 'emergency',
                correlationId: incident,
                payload: { reason, owner, deadlineAtMs },
              }),
            },
          ],
        },
      },
    },
    emergency: {
      invoke: {
        id: 'alarm',
        src: 'alarm',
        input: ({ context }) => ({ atMs: deadlineOf(context) }),
        onDone: {
          target: 'normal',
          actions: [
            { type: 'publish', params: ({ context, event }) => left(context, 'deadline', event.output.atMs) },
            'dropAll',
          ],
        },
      },
      on: {
        // The alarm is set anew: this owner may need the mode for longer.
        'emergency.enter_requested': { target: 'emergency', reenter: true, actions: 'addOwner' },
        'emergency.leave_requested': [
          {
            guard: 'isOnlyOwner',
            target: 'normal',
            actions: [
              { type: 'publish', params: ({ context, event }) => left(context, 'asked', event.atMs) },
              'dropAll',
            ],
          },
          { guard: 'isOwner', target: 'emergency', reenter: true, actions: 'dropOwner' },
        ],
      },
    },
  },
});

function left(context: Context, why: 'asked' | 'deadline', atMs: number): AnyAnnouncement {
  const { lastOwner: owner, incident, enteredAtMs } = context;
  return {
    type: 'emergency.left',
    source: 'emergency',
    correlationId: incident,
    payload: { owner, why, lastedMs: atMs - enteredAtMs },
  };
}
