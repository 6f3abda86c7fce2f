/**
 * The incident desk: opens an incident for a problem nobody owns yet, hands signals to the one that owns
 * it, and forgets it when it is over.
 *
 * | state | what is true while it lasts                                         | leaves on |
 * | ----- | ------------------------------------------------------------------- | --------- |
 * | open  | every signal goes to the incident of its scope, or opens a new one  | never     |
 *
 * Critical kernels share one incident: what hits two of them is one problem.
 */
import { enqueueActions, setup } from 'xstate';
import { toErrorRecord } from '../src/core/errors.ts';
import { grant, isQuorumLost, newGovernor, release, type GovernorState } from '../src/core/governor.ts';
import type { AnyAnnouncement, EventPayloads } from '../src/core/events.ts';
import {
  incidentMachine, openedBy, type IncidentEvent, type IncidentSettings, type TriggerEvent,
} from './incident.machine.ts';
import { requiredAction, requiredAlarm } from './required.ts';

export interface IncidentDeskInput {
  readonly settings: IncidentSettings;
}

export interface Context extends IncidentDeskInput {
  readonly governor: GovernorState;
  /** The incident of the critical kernels, while one is open. */
  readonly critical: string | null;
  readonly open: readonly string[];
  /** Cause to when its cooldown ends, ms. */
  readonly cooldowns: Readonly<Record<string, number>>;
  /** Of open incidents that may have to be started again. */
  readonly triggers: Readonly<Record<string, TriggerEvent>>;
}

type Done =
  | {
      readonly type: `xstate.done.actor.${string}`;
      readonly actorId: string;
      readonly output: { readonly atMs: number };
    }
  | { readonly type: `xstate.error.actor.${string}`; readonly actorId: string; readonly error: unknown };

/** A trigger's event as the desk gets it: with how the host was at that moment. */
type Signal = TriggerEvent & { readonly host?: { readonly down: number; readonly of: number } };

export const incidentDeskMachine = setup({
  types: {
    input: {} as IncidentDeskInput, context: {} as Context, events: {} as IncidentEvent | Done,
  },
  actors: { incident: incidentMachine, alarm: requiredAlarm() },
  actions: {
    publish: requiredAction<AnyAnnouncement>('publish'),
    /** A signal about critical kernels. */
    route: enqueueActions(({ context, event, enqueue }) => {
      const trigger = event as Signal;
      const id = context.critical ?? incidentOf(trigger);
      const refused = refusal(context, trigger);
      if (refused) {
        enqueue({ type: 'publish', params: suppressed(trigger, refused) });
        return;
      }
      const granted = grant(context.governor, id, kernelsIn(trigger));
      const governor = granted.granted ? granted.state : context.governor;
      enqueue.assign({ governor });
      if (context.critical) {
        enqueue.sendTo(context.critical, trigger);
        return;
      }
      enqueue({ type: 'publish', params: openedBy(id, trigger) });
      enqueue.assign({
        critical: id, open: [...context.open, id], triggers: { ...context.triggers, [id]: trigger },
      });
      enqueue.spawnChild('incident', {
        id, input: { incidentId: id, trigger, settings: context.settings },
      });
    }),
    /** A kernel that its supervisor gave up on for now. A critical one has its incident already. */
    routeQuarantine: enqueueActions(({ context, event, enqueue }) => {
      const trigger = event as TriggerEvent;
      const id = incidentOf(trigger);
      const granted = grant(context.governor, id, kernelsIn(trigger));
      // The same event told twice asks for what is its own already.
      if (context.open.includes(id)) return;
      if (!granted.granted) {
        enqueue({ type: 'publish', params: suppressed(trigger, { ...granted, untilMs: null }) });
        return;
      }
      enqueue({ type: 'publish', params: openedBy(id, trigger) });
      enqueue.assign({
        governor: granted.state, open: [...context.open, id],
        triggers: { ...context.triggers, [id]: trigger },
      });
      enqueue.spawnChild('incident', {
        id, input: { incidentId: id, trigger, settings: context.settings },
      });
    }),
    /** What a rule of the host saw is a problem of its own, and owns no kernel. */
    routeCustom: enqueueActions(({ context, event, enqueue }) => {
      const trigger = event as Signal;
      const id = incidentOf(trigger);
      if (context.open.includes(id)) return;
      const refused = refusal({ ...context, critical: null }, trigger);
      if (refused) {
        enqueue({ type: 'publish', params: suppressed(trigger, refused) });
        return;
      }
      enqueue({ type: 'publish', params: openedBy(id, trigger) });
      enqueue.assign({ open: [...context.open, id], triggers: { ...context.triggers, [id]: trigger } });
      enqueue.spawnChild('incident', {
        id, input: { incidentId: id, trigger, settings: context.settings },
      });
    }),
    forward: enqueueActions(({ context, event, enqueue }) => {
      const { incident } = event as Extract<IncidentEvent, { incident: string }>;
      if (context.open.includes(incident)) enqueue.sendTo(incident, event as never);
    }),
    forget: enqueueActions(({ context, event, enqueue }) => {
      const { actorId: id, output } = event as Extract<Done, { output: unknown }>;
      const cooled = cooldownOf(id);
      if (cooled !== undefined) {
        enqueue.assign({ cooldowns: without(context.cooldowns, cooled) });
        enqueue({
          type: 'publish', params: { type: 'cooldown.ended', source: 'incidents', payload: { cause: cooled } },
        });
        return;
      }
      const trigger = context.triggers[id];
      if (!trigger || !context.open.includes(id)) return;
      enqueue.stopChild(id);
      const cause = causeKey(trigger);
      const waitMs = cooldownMs(context.settings, trigger);
      if (waitMs > 0) {
        const untilMs = output.atMs + waitMs;
        enqueue.assign({ cooldowns: { ...context.cooldowns, [cause]: untilMs } });
        enqueue.stopChild(cooldownActor(cause));
        enqueue.spawnChild('alarm', { id: cooldownActor(cause), input: { atMs: untilMs } });
      }
      enqueue.assign({
        open: context.open.filter((other) => other !== id),
        critical: context.critical === id ? null : context.critical,
        governor: release(context.governor, id),
        triggers: without(context.triggers, id),
      });
    }),
    /** A dead incident comes back under its name, with its last state. */
    revive: enqueueActions(({ context, event, enqueue }) => {
      const { actorId: id, error } = event as Extract<Done, { error: unknown }>;
      const trigger = context.triggers[id];
      if (!trigger) return;
      enqueue.stopChild(id);
      enqueue.spawnChild('incident', {
        id, input: { incidentId: id, trigger, settings: context.settings },
      });
      enqueue({
        type: 'publish',
        params: {
          type: 'actor.restarted',
          source: 'incidents',
          correlationId: id,
          payload: { actor: id, error: toErrorRecord(error).message },
        },
      });
    }),
  },
}).createMachine({
  id: 'incidentDesk',
  // A loop of eventless transitions is an error, not a host that hangs.
  options: { maxIterations: 1_000 },
  context: ({ input }) => ({ ...input, governor: newGovernor, critical: null, open: [], cooldowns: {}, triggers: {} }),
  initial: 'open',
  states: {
    open: {
      on: {
        'event.*': { actions: 'route' },
        'event.custom': { actions: 'routeCustom' },
        'kernel.quarantined': { actions: 'routeQuarantine' },
        'run.restarting_done': { actions: 'forward' },
        'remediation.requested': { actions: 'forward' },
        'xstate.done.actor.*': { actions: 'forget' },
        'xstate.error.actor.*': { actions: 'revive' },
      },
    },
  },
});

/** An incident has the name of the event that opened it, so that the same event cannot open two. */
export const incidentOf = (trigger: Pick<TriggerEvent, 'id'>) => trigger.id.replace(/^[a-z]+_/, 'inc_');

interface Refusal {
  readonly reason: EventPayloads['trigger.suppressed']['reason'];
  readonly why: string;
  readonly untilMs: number | null;
}

/** Why no incident is opened for this. An emergency does not wait for a cooldown. */
function refusal({ critical, cooldowns }: Context, trigger: Signal): Refusal | undefined {
  const { down, of } = trigger.host ?? { down: 0, of: 0 };
  if (isQuorumLost(down, of)) {
    const why = `${down} of ${of} kernels are down at once: it is the host, not the kernels`;
    return { reason: 'quorum', why, untilMs: null };
  }
  // What belongs to an open incident is for that to decide.
  if (critical) return undefined;
  const cause = causeKey(trigger);
  const untilMs = cooldowns[cause] ?? -Infinity;
  if (trigger.type === 'event.emergency' || trigger.atMs >= untilMs) return undefined;
  const why = `${cause} ran a moment ago, and has ${Math.round(untilMs - trigger.atMs)} ms of its cooldown left`;
  return { reason: 'cooldown', why, untilMs };
}

function suppressed(trigger: TriggerEvent, { reason, why, untilMs }: Refusal): AnyAnnouncement {
  const payload = { event: trigger.id, type: trigger.type, kernels: kernelsIn(trigger), reason, why, untilMs };
  return { type: 'trigger.suppressed', source: 'incidents', cause: trigger, payload };
}

/** The same playbook for the same kernels is the same cause; for a rule of the host, the rule. */
const causeKey = (trigger: TriggerEvent) => {
  const { type, payload } = trigger;
  const isCustom = type === 'event.custom' && 'trigger_id' in payload;
  const whom = isCustom ? payload.trigger_id : kernelsIn(trigger).toSorted().join(', ');
  return `${playbookIn(trigger) ?? 'none'} for ${whom}`;
};

const playbookIn = ({ payload }: TriggerEvent) => ('playbook' in payload ? payload.playbook : null);
const cooldownMs = ({ cooldowns }: IncidentSettings, trigger: TriggerEvent) =>
  cooldowns[playbookIn(trigger) ?? ''] ?? 0;
const cooldownActor = (cause: string) => `cooldown.${cause}`;
const cooldownOf = (actorId: string) => /^cooldown\.(.+)$/.exec(actorId)?.[1];

const without = <T>(record: Readonly<Record<string, T>>, key: string): Readonly<Record<string, T>> =>
  Object.fromEntries(Object.entries(record).filter(([other]) => other !== key));

const kernelsIn = ({ payload }: TriggerEvent): readonly string[] =>
  'kernels_down' in payload
    ? [...payload.kernels_down, ...(payload.kernels_down.length === 0 ? payload.kernels_degraded : [])]
    : [payload.kernel];
