/**
 * A trigger rule of the host: fires when an event meets its condition, and has one incident at a time.
 *
 * | state | what is true while it lasts                       | leaves on                            |
 * | ----- | ------------------------------------------------- | ------------------------------------ |
 * | armed | no incident of this rule is open                  | an event that meets its condition    |
 * | open  | it has fired; its incident is open, or about to be | that incident is over; the alarm     |
 *
 * Whether the condition holds is decided by the sender. The alarm rings when every incident would be over:
 * a rule whose incident got lost is not silent for ever.
 */
import { assign, setup } from 'xstate';
import {
  eventDepthMax, type AnyAnnouncement, type EventCause, type MeshEvent, type TriggerPayload,
} from '../src/core/events.ts';
import type { TriggerRule } from '../src/core/trigger-rule.ts';
import { incidentOf } from './incident-desk.machine.ts';
import { requiredAction, requiredAlarm } from './required.ts';

export interface RuleTriggerInput {
  readonly rule: Pick<TriggerRule, 'id' | 'playbook' | 'severity'>;
  /** An incident of this rule is over after this long, ms. */
  readonly incidentMaxMs: number;
}

export interface Context extends RuleTriggerInput {
  readonly incident: string | null;
  readonly firedAtMs: number;
}

/** An event met the condition of the rule. */
export interface RuleMatched {
  readonly type: 'rule.matched';
  readonly cause: EventCause;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly atMs: number;
}

type Events =
  | RuleMatched | MeshEvent<'event.custom'> | MeshEvent<'trigger.suppressed'>
  | MeshEvent<'incident.closed'> | MeshEvent<'incident.escalated'>;

export const ruleTriggerMachine = setup({
  types: { input: {} as RuleTriggerInput, context: {} as Context, events: {} as Events },
  actors: { alarm: requiredAlarm() },
  guards: {
    /** What it caused itself, over and over, ends here: the mesh would not publish it. */
    isShallow: ({ event }) => event.type === 'rule.matched' && event.cause.depth < eventDepthMax,
    isMine: ({ context, event }) =>
      event.type === 'event.custom' && event.payload.trigger_id === context.rule.id,
    isMySuppression: ({ context, event }) =>
      event.type === 'trigger.suppressed' && incidentOf({ id: event.payload.event }) === context.incident,
    isMyIncident: ({ context, event }) =>
      'payload' in event && 'incident' in event.payload && event.payload.incident === context.incident,
  },
  actions: {
    publish: requiredAction<AnyAnnouncement>('publish'),
    fire: assign({ firedAtMs: ({ event }) => (event as RuleMatched).atMs }),
    /** The incident is known by the event that opens it. */
    meet: assign({ incident: ({ event }) => incidentOf(event as MeshEvent<'event.custom'>) }),
    forget: assign({ incident: null }),
  },
}).createMachine({
  id: 'ruleTrigger',
  // A loop of eventless transitions is an error, not a host that hangs.
  options: { maxIterations: 1_000 },
  context: ({ input }) => ({ ...input, incident: null, firedAtMs: 0 }),
  initial: 'armed',
  states: {
    armed: {
      entry: 'forget',
      on: {
        'rule.matched': {
          guard: 'isShallow', target: 'open', actions: ['fire', { type: 'publish', params: fired }],
        },
      },
    },
    open: {
      invoke: {
        id: 'alarm',
        src: 'alarm',
        input: ({ context }) => ({ atMs: context.firedAtMs + context.incidentMaxMs }),
        onDone: 'armed',
      },
      on: {
        'event.custom': { guard: 'isMine', actions: 'meet' },
        'trigger.suppressed': { guard: 'isMySuppression', target: 'armed' },
        'incident.closed': { guard: 'isMyIncident', target: 'armed' },
        'incident.escalated': { guard: 'isMyIncident', target: 'armed' },
      },
    },
  },
});

function fired({ context, event }: { context: Context; event: Events }): AnyAnnouncement {
  const { id, playbook, severity } = context.rule;
  const { cause, inputs } = event as RuleMatched;
  const payload: TriggerPayload = {
    trigger_id: id, playbook, severity, kernels_down: [], kernels_degraded: [], emergency_protocol: false, inputs,
  };
  return { type: 'event.custom', source: `trigger.${id}`, payload, cause };
}
