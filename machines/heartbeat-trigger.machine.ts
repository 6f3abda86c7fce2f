/**
 * The critical kernel heartbeat trigger: the rule of the seed. It counts distinct kernels, acts on the
 * first signal at once, and fires again only when the set of kernels it has fired for grows.
 *
 * | state     | what is true while it lasts                          | leaves on                     |
 * | --------- | ---------------------------------------------------- | ----------------------------- |
 * | quiet     | no critical kernel is known to be in trouble         | one is degraded, or down      |
 * | warned    | some are degraded, none is down                      | one down; all healthy again   |
 * | incident  | one has gone down, its incident is open              | a second one; closed          |
 * | emergency | two or more have gone down, their incident is open   | closed                        |
 *
 * While the incident is `watching`, the same kernel going down again counts as a new signal. What was
 * suppressed is not waited for; when a cooldown ends and kernels are still degraded, it warns again.
 */
import { and, assign, not, setup } from 'xstate';
import type { AnyAnnouncement, MeshEvent, TriggerPayload } from '../src/core/events.ts';
import { requiredAction } from './required.ts';

export interface HeartbeatTriggerInput {
  /** Which playbook answers which event. */
  readonly playbooks: {
    readonly incident: string;
    readonly emergency: string;
    readonly earlyWarning: string;
  };
}

export interface Context extends HeartbeatTriggerInput {
  /** Distinct kernels of the open incident, in the order they went down. */
  readonly down: readonly string[];
  readonly degraded: readonly string[];
  readonly watching: boolean;
}

type TriggerEvent = MeshEvent<
  | 'kernel.down' | 'kernel.degraded' | 'kernel.healthy' | 'kernel.ready' | 'kernel.stopped'
  | 'incident.watching' | 'incident.reopened' | 'incident.closed' | 'incident.escalated'
  | 'trigger.suppressed' | 'cooldown.ended'
>;
type Of<T extends TriggerEvent['type']> = MeshEvent<T>;
type Events = { readonly [T in TriggerEvent['type']]: Of<T> }[TriggerEvent['type']];

const without = (list: readonly string[], item: string) => list.filter((other) => other !== item);
const withOne = (list: readonly string[], item: string) => [...without(list, item), item];

const kernelOf = (event: Events): string => ('kernel' in event.payload ? event.payload.kernel : '');

export const heartbeatTriggerMachine = setup({
  types: { input: {} as HeartbeatTriggerInput, context: {} as Context, events: {} as Events },
  guards: {
    isCritical: ({ event }) => 'critical' in event.payload && event.payload.critical,
    isFailure: ({ event }) =>
      event.type === 'kernel.down' && event.payload.critical
      && event.payload.reason.notice !== 'supervisor',
    /** A kernel that has not been counted, or any while the incident is only watched. */
    isNews: ({ context, event }) => context.watching || !context.down.includes(kernelOf(event)),
    isLastDegraded: ({ context, event }) => without(context.degraded, kernelOf(event)).length === 0,
    /** What a rule of the host fired, or a quarantine, is not its own. */
    isMine: ({ event }) => event.type === 'trigger.suppressed' && event.payload.type in severities,
    isStillDegraded: ({ context }) => context.degraded.length > 0,
    endsEarlyWarning: ({ event }) =>
      'severity' in event.payload && event.payload.severity === 'early_warning',
  },
  actions: {
    publish: requiredAction<AnyAnnouncement>('publish'),
    countDown: assign({
      down: ({ context, event }) => withOne(context.down, kernelOf(event)),
      degraded: ({ context, event }) => without(context.degraded, kernelOf(event)),
      watching: false,
    }),
    countDegraded: assign({
      degraded: ({ context, event }) => withOne(context.degraded, kernelOf(event)),
    }),
    dropDegraded: assign({
      degraded: ({ context, event }) => without(context.degraded, kernelOf(event)),
    }),
    watch: assign({ watching: true }),
    unwatch: assign({ watching: false }),
    forget: assign({ down: [], watching: false }),
  },
}).createMachine({
  id: 'heartbeatTrigger',
  // A loop of eventless transitions is an error, not a host that hangs.
  options: { maxIterations: 1_000 },
  context: ({ input }) => ({ ...input, down: [], degraded: [], watching: false }),
  initial: 'quiet',
  on: {
    'kernel.degraded': { guard: 'isCritical', actions: 'countDegraded' },
    'kernel.healthy': { actions: 'dropDegraded' },
    'kernel.ready': { actions: 'dropDegraded' },
    'kernel.stopped': { actions: 'dropDegraded' },
    'incident.watching': { actions: 'watch' },
    'incident.reopened': { actions: 'unwatch' },
  },
  states: {
    quiet: {
      entry: 'forget',
      on: {
        'kernel.down': {
          guard: 'isFailure',
          target: 'incident',
          actions: ['countDown', { type: 'publish', params: fire('event.incident') }],
        },
        'kernel.degraded': {
          guard: 'isCritical',
          target: 'warned',
          actions: ['countDegraded', { type: 'publish', params: fire('event.early_warning') }],
        },
        'cooldown.ended': {
          guard: 'isStillDegraded',
          target: 'warned',
          actions: { type: 'publish', params: fire('event.early_warning') },
        },
      },
    },
    warned: {
      on: {
        'trigger.suppressed': { guard: 'isMine', target: 'quiet' },
        'cooldown.ended': {
          guard: 'isStillDegraded',
          actions: { type: 'publish', params: fire('event.early_warning') },
        },
        'kernel.down': {
          guard: 'isFailure',
          target: 'incident',
          actions: ['countDown', { type: 'publish', params: fire('event.incident') }],
        },
        'kernel.healthy': { guard: 'isLastDegraded', target: 'quiet', actions: 'dropDegraded' },
        'kernel.ready': { guard: 'isLastDegraded', target: 'quiet', actions: 'dropDegraded' },
        'kernel.stopped': { guard: 'isLastDegraded', target: 'quiet', actions: 'dropDegraded' },
      },
    },
    incident: {
      on: {
        'trigger.suppressed': { guard: 'isMine', target: 'quiet' },
        'kernel.down': {
          guard: and(['isFailure', 'isNews']),
          target: 'emergency',
          actions: ['countDown', { type: 'publish', params: fire('event.emergency') }],
        },
        'incident.closed': { guard: not('endsEarlyWarning'), target: 'quiet' },
        'incident.escalated': { guard: not('endsEarlyWarning'), target: 'quiet' },
      },
    },
    emergency: {
      on: {
        'trigger.suppressed': { guard: 'isMine', target: 'quiet' },
        'kernel.down': {
          guard: and(['isFailure', 'isNews']),
          actions: ['countDown', { type: 'publish', params: fire('event.emergency') }],
        },
        'incident.closed': { guard: not('endsEarlyWarning'), target: 'quiet' },
        'incident.escalated': { guard: not('endsEarlyWarning'), target: 'quiet' },
      },
    },
  },
});

const severities = {
  'event.incident': 'high', 'event.emergency': 'critical', 'event.early_warning': 'medium',
} as const;

/** What the trigger announces, with the names of the seed. */
function fire(type: keyof typeof severities) {
  return ({ context, event }: { context: Context; event: Events }): AnyAnnouncement => {
    const { incident, emergency, earlyWarning } = context.playbooks;
    const playbook = { 'event.incident': incident, 'event.emergency': emergency }[type as string];
    const payload: TriggerPayload = {
      trigger_id: 'critical_kernel_heartbeat',
      playbook: playbook ?? earlyWarning,
      severity: severities[type],
      kernels_down: context.down,
      kernels_degraded: context.degraded,
      emergency_protocol: type === 'event.emergency',
    };
    return { type, source: 'trigger.heartbeat', payload, cause: event };
  };
}
