/**
 * One problem, from the first signal to its end. It owns one response at a time: act at once, upgrade
 * in place.
 *
 * | state                | what is true while it lasts                             | leaves on             |
 * | -------------------- | ------------------------------------------------------- | --------------------- |
 * | recovering           | one playbook run owns the response; a superseded one    | that run is over      |
 * |                      | may still be running its `finally`                      |                       |
 * | settling.watch       | recovered; 2 s during which another death reopens it    | the alarm; an event   |
 * | settling.remediation | the cause is looked for, if somebody asked              | the remediation ended |
 * | escalating           | the run failed, or there is none: the cause is looked   | the remediation ended |
 * |                      | for, for the report                                     |                       |
 * | closed, escalated    | over                                                    | final                 |
 *
 * Every state has a deadline of its own below (the run's, the watch, the remediation's), so that an
 * incident is always over in the end, also when a child actor dies.
 */
import { and, assign, enqueueActions, setup, type AnyActorRef } from 'xstate';
import type {
  AnyAnnouncement, EventCause, IncidentPayload, IncidentSeverity, MeshEvent, RunStatus, StepEnd,
} from '../src/core/events.ts';
import { remediationMachine } from './remediation.machine.ts';
import { requiredAction, requiredActor, requiredAlarm } from './required.ts';

export type TriggerEvent = MeshEvent<
  'event.incident' | 'event.emergency' | 'event.early_warning' | 'event.custom' | 'kernel.quarantined'
>;

export interface IncidentSettings {
  /** How long it is watched after recovery, ms. */
  readonly watchMs: number;
  /** How long naming the cause may take, ms. */
  readonly remediationMs: number;
  /** Playbook to its SLO, ms. A playbook that is missing here cannot be run. */
  readonly slos: Readonly<Record<string, number>>;
  /** Playbook to how long it is not run again for the same cause, ms. */
  readonly cooldowns: Readonly<Record<string, number>>;
  /** Passed to every run beside the kernels. */
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** What the desk learns when an incident is over. */
export interface IncidentOutput {
  readonly atMs: number;
}

export interface IncidentInput {
  readonly incidentId: string;
  readonly trigger: TriggerEvent;
  readonly settings: IncidentSettings;
}

/** What a run is started with. */
export interface RunInput {
  readonly runId: string;
  readonly playbook: string;
  readonly incidentId: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly deadlineAtMs: number;
  readonly nowMs: number;
  /** The event it answers. */
  readonly cause: EventCause;
}

export interface RunOutput {
  readonly status: RunStatus;
  readonly steps: readonly StepEnd[];
  readonly atMs: number;
  readonly why?: string;
}

export type IncidentEvent =
  | TriggerEvent
  /** The run has restarted its kernels: whoever dies now needs another run. */
  | { readonly type: 'run.restarting_done'; readonly incident: string }
  /** A step of the run asks for a diagnosis. */
  | {
      readonly type: 'remediation.requested';
      readonly incident: string;
      readonly taskId: string;
      readonly atMs: number;
    };

type ActorEnd =
  | { readonly type: `xstate.done.actor.${string}`; readonly actorId: string; readonly output: unknown }
  | { readonly type: `xstate.error.actor.${string}`; readonly actorId: string; readonly error: unknown };

export interface Context extends IncidentInput {
  readonly severity: IncidentSeverity;
  readonly kernels: readonly string[];
  readonly openedAtMs: number;
  readonly nowMs: number;
  readonly runs: number;
  readonly restartsDone: boolean;
  readonly remediation: 'none' | 'running' | 'done';
  /** How many kernels the newest remediation knows of. */
  readonly remediated: number;
  readonly why: string;
}

const severityOf = {
  'event.incident': 'incident', 'event.emergency': 'emergency', 'event.early_warning': 'early_warning',
  'event.custom': 'custom', 'kernel.quarantined': 'incident',
} as const;

/** What an event needs to name its cause: small enough to be kept in every context. */
export const causeOf = ({ id, depth, correlationId }: EventCause): EventCause => ({ id, depth, correlationId });

export const runActor = (incident: string, n: number) => `${incident}.run${n}`;
const remediationActor = 'remediation';

export const incidentMachine = setup({
  types: {
    input: {} as IncidentInput, context: {} as Context, events: {} as IncidentEvent | ActorEnd,
    output: {} as IncidentOutput,
  },
  actors: {
    alarm: requiredAlarm(),
    run: requiredActor<RunOutput, RunInput>('run'),
    remediation: remediationMachine,
  },
  guards: {
    hasPlaybook: ({ context }) => playbookOf(context.trigger) !== null,
    /** An emergency whose run still restarts takes one more kernel in. */
    canJoin: ({ context, event }) =>
      event.type === 'event.emergency' && context.severity === 'emergency' && !context.restartsDone,
    isUpgrade: ({ context, event }) =>
      event.type === 'event.emergency'
      || (event.type === 'event.incident' && context.severity === 'early_warning'),
    isPresentRun: ({ context, event }) =>
      'actorId' in event && event.actorId === runActor(context.incidentId, context.runs),
    isCompleted: ({ event }) =>
      'output' in event && (event.output as RunOutput | undefined)?.status === 'completed',
    isRemediation: ({ event }) => 'actorId' in event && event.actorId === remediationActor,
    isRemediated: ({ context }) => context.remediation !== 'running',
    hasRemediation: ({ context }) => context.remediation !== 'none',
  },
  actions: {
    publish: requiredAction<AnyAnnouncement>('publish'),
    /** Keeps the supervisor from restarting these kernels until then: the run will. */
    claim: requiredAction<{ kernels: readonly string[]; by: string; untilMs: number }>('claim'),
    release: requiredAction<{ by: string }>('release'),
    /** Starts a run of the playbook that the event names, with all kernels of the incident. */
    respond: enqueueActions(({ context, event, enqueue }) => {
      const trigger = isTrigger(event) ? event : context.trigger;
      const playbook = playbookOf(trigger);
      if (playbook === null) return;
      const down = 'kernels_down' in trigger.payload ? trigger.payload.kernels_down : [];
      const kernels = [...new Set([...context.kernels, ...down])];
      const runs = context.runs + 1;
      const deadlineAtMs = trigger.atMs + (context.settings.slos[playbook] ?? 0);
      const { incidentId: by } = context;
      enqueue.assign({
        trigger, kernels, runs, severity: severityOf[trigger.type], nowMs: trigger.atMs, restartsDone: false,
      });
      enqueue({ type: 'claim', params: { kernels, by, untilMs: deadlineAtMs } });
      enqueue.spawnChild('run', {
        id: runActor(by, runs),
        input: {
          runId: runActor(by, runs),
          playbook,
          incidentId: by,
          inputs: runInputs(trigger, kernels, context.settings.inputs),
          deadlineAtMs,
          nowMs: trigger.atMs,
          cause: causeOf(trigger),
        },
      });
    }),
    /** The run that was the response gives way. It still runs its `finally`. */
    supersede: enqueueActions(({ context, event, self, enqueue }) => {
      const id = runActor(context.incidentId, context.runs);
      if (!isRunning(self, id)) return;
      const reason = 'superseded: another kernel of the incident failed';
      enqueue.sendTo(id, { type: 'run.cancelled', reason, atMs: (event as TriggerEvent).atMs } as never);
    }),
    join: enqueueActions(({ context, event, self, enqueue }) => {
      const { payload } = event as MeshEvent<'event.emergency'>;
      const kernels = [...new Set([...context.kernels, ...payload.kernels_down])];
      const fresh = kernels.filter((kernel) => !context.kernels.includes(kernel));
      const { incidentId: by } = context;
      const untilMs = context.nowMs + (context.settings.slos[payload.playbook] ?? 0);
      enqueue.assign({ kernels, trigger: event as TriggerEvent });
      enqueue({ type: 'claim', params: { kernels: fresh, by, untilMs } });
      const run = runActor(by, context.runs);
      if (isRunning(self, run)) {
        const inputs = { kernels_down: downOf(payload, kernels) };
        enqueue.sendTo(run, { type: 'run.inputs_changed', inputs, atMs: context.nowMs } as never);
      }
      for (const kernel of fresh) {
        enqueue({
          type: 'publish',
          params: {
            type: 'incident.joined', source: 'incidents', correlationId: by, cause: event as TriggerEvent,
            payload: { incident: by, severity: context.severity, kernels, kernel },
          },
        });
      }
    }),
    remediate: enqueueActions(({ context, event, enqueue }) => {
      const { incidentId: incident, kernels, settings, remediation, remediated } = context;
      // One that knows of all kernels is enough; one that began before more of them failed is not.
      if (remediation !== 'none' && remediated === kernels.length) return;
      if (remediation === 'running') enqueue.stopChild(remediationActor);
      const atMs = 'atMs' in event ? event.atMs : context.nowMs;
      const taskId = 'taskId' in event ? event.taskId : `diag_${incident}`;
      enqueue.assign({ remediation: 'running', remediated: kernels.length });
      enqueue.spawnChild('remediation', {
        id: remediationActor,
        input: {
          taskId, incident, kernels, deadlineAtMs: atMs + settings.remediationMs,
          cause: causeOf(context.trigger),
        },
      });
    }),
    endRemediation: assign({ remediation: 'done' }),
    /** What fails after the recovery has a cause of its own. */
    askAgain: assign({
      remediation: ({ context }) => (context.remediation === 'done' ? 'none' : context.remediation),
    }),
    keepTime: assign({
      nowMs: ({ context, event }) => {
        const output = 'output' in event ? (event.output as { atMs?: number } | undefined) : undefined;
        return output?.atMs ?? context.nowMs;
      },
    }),
    keepWhy: assign({ why: ({ event, context }) => whyOf(event) ?? context.why }),
    releaseAll: enqueueActions(({ context, enqueue }) => {
      enqueue({ type: 'release', params: { by: context.incidentId } });
    }),
  },
}).createMachine({
  id: 'incident',
  // A loop of eventless transitions is an error, not a host that hangs.
  options: { maxIterations: 1_000 },
  context: ({ input }) => ({
    ...input,
    severity: severityOf[input.trigger.type],
    kernels: kernelsOf(input.trigger),
    openedAtMs: input.trigger.atMs,
    nowMs: input.trigger.atMs,
    runs: 0,
    restartsDone: false,
    remediation: 'none',
    remediated: 0,
    why: 'there is no playbook for it',
  }),
  output: ({ context }) => ({ atMs: context.nowMs }),
  initial: 'opening',
  on: {
    // From here on nobody of this run restarts anything: whoever dies now is its supervisor's.
    'run.restarting_done': { actions: [assign({ restartsDone: true }), 'releaseAll'] },
    'remediation.requested': { actions: 'remediate' },
    // The end of a run that was superseded, or of a remediation nobody waits for.
    'xstate.done.actor.*': { guard: 'isRemediation', actions: 'endRemediation' },
    'xstate.error.actor.*': [
      { guard: 'isRemediation', actions: 'endRemediation' },
      // A superseded run that dies is of no interest; unhandled, it would take the incident along.
      { actions: [] },
    ],
  },
  states: {
    opening: {
      always: [
        { guard: 'hasPlaybook', target: 'recovering', actions: 'respond' },
        { target: 'escalating' },
      ],
    },
    recovering: {
      on: {
        'event.emergency': [
          { guard: 'canJoin', actions: 'join' },
          {
            target: 'recovering',
            reenter: true,
            actions: ['supersede', 'respond', { type: 'publish', params: said('incident.upgraded') }],
          },
        ],
        'event.incident': {
          guard: 'isUpgrade',
          target: 'recovering',
          reenter: true,
          actions: ['supersede', 'respond', { type: 'publish', params: said('incident.upgraded') }],
        },
        'xstate.done.actor.*': [
          {
            guard: and(['isPresentRun', 'isCompleted']),
            target: 'settling',
            actions: [
              'keepTime', 'releaseAll', { type: 'publish', params: said('incident.recovered') },
            ],
          },
          { guard: 'isPresentRun', target: 'escalating', actions: ['keepTime', 'keepWhy', 'releaseAll'] },
          { guard: 'isRemediation', actions: 'endRemediation' },
        ],
        'xstate.error.actor.*': [
          { guard: 'isPresentRun', target: 'escalating', actions: ['keepWhy', 'releaseAll'] },
          { guard: 'isRemediation', actions: 'endRemediation' },
        ],
      },
    },
    settling: {
      type: 'parallel',
      entry: { type: 'publish', params: said('incident.watching') },
      on: {
        'event.emergency': {
          target: 'recovering',
          actions: ['askAgain', 'respond', { type: 'publish', params: said('incident.reopened') }],
        },
        'event.incident': {
          target: 'recovering',
          actions: ['askAgain', 'respond', { type: 'publish', params: said('incident.reopened') }],
        },
      },
      states: {
        watch: {
          initial: 'watching',
          states: {
            watching: {
              invoke: {
                id: 'watchAlarm',
                src: 'alarm',
                input: ({ context }) => ({ atMs: context.nowMs + context.settings.watchMs }),
                onDone: { target: 'calm', actions: 'keepTime' },
              },
            },
            calm: { type: 'final' },
          },
        },
        remediation: {
          initial: 'waiting',
          states: {
            waiting: {
              always: { guard: 'isRemediated', target: 'over' },
              on: {
                'xstate.done.actor.*': { guard: 'isRemediation', actions: ['endRemediation', 'keepTime'] },
                'xstate.error.actor.*': { guard: 'isRemediation', actions: 'endRemediation' },
              },
            },
            over: { type: 'final' },
          },
        },
      },
      onDone: 'closed',
    },
    escalating: {
      entry: 'remediate',
      always: { guard: and(['isRemediated', 'hasRemediation']), target: 'escalated' },
      on: {
        // Whoever fails now has not been answered: the run that failed did not know of it.
        'event.emergency': {
          target: 'recovering',
          actions: ['askAgain', 'respond', { type: 'publish', params: said('incident.reopened') }],
        },
        'event.incident': {
          target: 'recovering',
          actions: ['askAgain', 'respond', { type: 'publish', params: said('incident.reopened') }],
        },
        'xstate.done.actor.*': { guard: 'isRemediation', actions: 'endRemediation' },
        'xstate.error.actor.*': { guard: 'isRemediation', actions: 'endRemediation' },
      },
    },
    closed: {
      type: 'final',
      entry: { type: 'publish', params: said('incident.closed') },
    },
    escalated: {
      type: 'final',
      entry: { type: 'publish', params: said('incident.escalated') },
    },
  },
});

/** Says whether a child lives. A chart that is only walked, by the graph library, has none. */
function isRunning(self: AnyActorRef, id: string): boolean {
  const { children } = self.getSnapshot() as { children?: Record<string, AnyActorRef> };
  return children?.[id]?.getSnapshot().status === 'active';
}

type Said =
  | 'incident.upgraded' | 'incident.recovered' | 'incident.reopened'
  | 'incident.watching' | 'incident.closed' | 'incident.escalated';

function isTrigger(event: IncidentEvent | ActorEnd): event is TriggerEvent {
  return event.type in severityOf;
}

/**
 * What a run is given that answers an event.
 *
 * @param kernels - All that the incident is about.
 * @param given - What the host gives every run.
 */
export const runInputs = (
  { type, payload }: Pick<TriggerEvent, 'type' | 'payload'>,
  kernels: readonly string[],
  given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> => ({
  ...given,
  kernels_down: downOf(payload, kernels),
  kernels_degraded: 'kernels_degraded' in payload ? payload.kernels_degraded : [],
  emergency_protocol: type === 'event.emergency',
  ...('inputs' in payload && payload.inputs),
});

/** Those of an incident that are not only late: what is late works, and is not restarted for another. */
function downOf(payload: TriggerEvent['payload'], kernels: readonly string[]): readonly string[] {
  if (!('kernels_down' in payload)) return kernels;
  const { kernels_down: down, kernels_degraded: late } = payload;
  return kernels.filter((kernel) => down.includes(kernel) || !late.includes(kernel));
}

const playbookOf = ({ payload }: TriggerEvent) => ('playbook' in payload ? payload.playbook : null);

/** The kernels an event makes the concern of its incident. */
export const kernelsOf = ({ payload }: Pick<TriggerEvent, 'payload'>): readonly string[] =>
  'kernels_down' in payload
    ? [...payload.kernels_down, ...(payload.kernels_down.length === 0 ? payload.kernels_degraded : [])]
    : [payload.kernel];

function whyOf(event: IncidentEvent | ActorEnd): string | undefined {
  if ('error' in event) return 'the playbook run died';
  if (!('output' in event)) return undefined;
  const { status, why } = event.output as RunOutput;
  return why ?? `the playbook run ended: ${status}`;
}

/** What the desk announces when it opens an incident. */
export function openedBy(incident: string, trigger: TriggerEvent): AnyAnnouncement {
  const payload = { incident, severity: severityOf[trigger.type], kernels: kernelsOf(trigger) };
  return {
    type: 'incident.opened', source: 'incidents', correlationId: incident, cause: trigger, payload,
  };
}

/** The parameters of a `publish` that says what happened to the incident. */
function said(type: Said) {
  return ({ context, event }: { context: Context; event: IncidentEvent | ActorEnd }) =>
    announcementOf(type, context, event);
}

function announcementOf(
  type: Said, context: Context, event: IncidentEvent | ActorEnd,
): AnyAnnouncement {
  const { incidentId: incident, severity, kernels, nowMs, openedAtMs, settings } = context;
  const base: IncidentPayload = { incident, severity, kernels };
  const cause = isTrigger(event) ? event : context.trigger;
  const common = { source: 'incidents', correlationId: incident, cause };
  switch (type) {
    case 'incident.upgraded': {
      const supersededRun = context.runs > 1 ? runActor(incident, context.runs - 1) : null;
      return { ...common, type, payload: { ...base, supersededRun } };
    }
    case 'incident.watching':
      return { ...common, type, payload: { ...base, untilMs: nowMs + settings.watchMs } };
    case 'incident.closed':
      return { ...common, type, payload: { ...base, openMs: nowMs - openedAtMs } };
    case 'incident.escalated':
      return { ...common, type, payload: { ...base, why: context.why } };
    default:
      return { ...common, type, payload: base };
  }
}
