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
import { grant, newGovernor, release, type GovernorState } from '../src/core/governor.ts';
import type { AnyAnnouncement } from '../src/core/events.ts';
import {
  incidentMachine, openedBy, type IncidentEvent, type IncidentSettings, type TriggerEvent,
} from './incident.machine.ts';
import { requiredAction } from './required.ts';

export interface IncidentDeskInput {
  readonly settings: IncidentSettings;
}

export interface Context extends IncidentDeskInput {
  readonly governor: GovernorState;
  /** The incident of the critical kernels, while one is open. */
  readonly critical: string | null;
  readonly open: readonly string[];
  /** Of open incidents that may have to be started again. */
  readonly triggers: Readonly<Record<string, TriggerEvent>>;
}

type Done =
  | { readonly type: `xstate.done.actor.${string}`; readonly actorId: string; readonly output: unknown }
  | { readonly type: `xstate.error.actor.${string}`; readonly actorId: string; readonly error: unknown };

export const incidentDeskMachine = setup({
  types: {
    input: {} as IncidentDeskInput, context: {} as Context, events: {} as IncidentEvent | Done,
  },
  actors: { incident: incidentMachine },
  actions: {
    publish: requiredAction<AnyAnnouncement>('publish'),
    /** A signal about critical kernels. */
    route: enqueueActions(({ context, event, enqueue }) => {
      const trigger = event as TriggerEvent;
      const id = context.critical ?? incidentOf(trigger);
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
      if (!granted.granted || context.open.includes(id)) return;
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
      const trigger = event as TriggerEvent;
      const id = incidentOf(trigger);
      if (context.open.includes(id)) return;
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
      const { actorId: id } = event as Done;
      if (!context.open.includes(id)) return;
      enqueue.stopChild(id);
      enqueue.assign({
        open: context.open.filter((other) => other !== id),
        critical: context.critical === id ? null : context.critical,
        governor: release(context.governor, id),
        triggers: Object.fromEntries(Object.entries(context.triggers).filter(([key]) => key !== id)),
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
  context: ({ input }) => ({ ...input, governor: newGovernor, critical: null, open: [], triggers: {} }),
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

const kernelsIn = ({ payload }: TriggerEvent): readonly string[] =>
  'kernels_down' in payload ? payload.kernels_down : [payload.kernel];
