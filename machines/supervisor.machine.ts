/**
 * A supervisor: the rules of `core/supervision` with kernel actors as children.
 *
 * | state   | what is true while it lasts                               | leaves on              |
 * | ------- | --------------------------------------------------------- | ---------------------- |
 * | running | children are started, stopped and restarted by the rules  | the rules say: ended   |
 * | ended   | no child runs                                             | final                  |
 *
 * A dead kernel actor is spawned again under its name; it attaches to the thread that lives.
 */
import { enqueueActions, setup } from 'xstate';
import { toErrorRecord, type ErrorRecord } from '../src/core/errors.ts';
import type { AnyAnnouncement } from '../src/core/events.ts';
import type { ChildSpec } from '../src/core/kernel.ts';
import {
  newSupervisor, supervise, type EndReason, type Refusal, type SupervisorEvent,
  type SupervisorSettings, type SupervisorState,
} from '../src/core/supervision.ts';
import { kernelMachine, type ChildReport, type KernelCommand } from './kernel.machine.ts';
import { requiredAction, requiredAlarm } from './required.ts';

export interface SupervisorInput {
  readonly settings: SupervisorSettings;
  /** In the order of start. */
  readonly specs: readonly ChildSpec[];
}

export interface Context {
  readonly rules: SupervisorState;
  readonly specs: Readonly<Record<string, ChildSpec>>;
  /** Counts the alarms, so that each has a name of its own. */
  readonly alarms: number;
  /** The newest reading that an event brought, ms. */
  readonly nowMs: number;
}

type ActorEnd =
  | { readonly type: `xstate.error.actor.${string}`; readonly actorId: string; readonly error: unknown }
  | {
      readonly type: `xstate.done.actor.${string}`;
      readonly actorId: string;
      readonly output: { readonly atMs: number };
    };

/** Everything a supervisor understands. */
export type SupervisorMessage = SupervisorEvent | ChildReport;

export interface SupervisorOutput {
  readonly reason: EndReason;
  readonly error: ErrorRecord | null;
}

export const kernelActor = (id: string) => `kernel.${id}`;

export const supervisorMachine = setup({
  types: {
    input: {} as SupervisorInput,
    context: {} as Context,
    events: {} as SupervisorMessage | ActorEnd,
    output: {} as SupervisorOutput,
  },
  actors: { alarm: requiredAlarm(), kernel: kernelMachine },
  guards: { hasEnded: ({ context }) => context.rules.ended !== null },
  actions: {
    publish: requiredAction<AnyAnnouncement>('publish'),
    /** Tells whoever made a request how it went; `refused` is null when it was done. */
    answer: requiredAction<{ requestId: string; refused: Refusal | null }>('answer'),
    spawnKernels: enqueueActions(({ context, enqueue }) => {
      for (const spec of Object.values(context.specs)) {
        enqueue.spawnChild('kernel', { id: kernelActor(spec.id), input: { spec } });
      }
    }),
    /** Lets the rules take the event, and does what they say. */
    follow: enqueueActions(({ context, event, enqueue }) => {
      const fact = factOf(event);
      if (!fact) return;
      const { atMs } = fact;
      const { state, commands } = supervise(context.rules, fact);
      let { specs, alarms } = context;
      for (const command of commands) {
        switch (command.do) {
          case 'start':
            enqueue.sendTo(kernelActor(command.id), { type: 'kernel.start', atMs } satisfies KernelCommand);
            break;
          case 'stop': {
            const { id, how } = command;
            enqueue.sendTo(kernelActor(id), { type: 'kernel.stop', how, atMs } satisfies KernelCommand);
            break;
          }
          case 'quarantine': {
            const { id, untilMs } = command;
            const order: KernelCommand = { type: 'kernel.quarantine', untilMs, atMs };
            enqueue.sendTo(kernelActor(id), order);
            enqueue({ type: 'publish', params: quarantined(state, specs[id]!, untilMs) });
            break;
          }
          case 'wake':
            alarms += 1;
            enqueue.spawnChild('alarm', {
              id: `alarm.${alarms}.${command.id}`, input: { atMs: command.atMs },
            });
            break;
          case 'add': {
            const { spec } = fact as Extract<SupervisorEvent, { type: 'child.start_requested' }>;
            specs = Object.assign({}, specs, { [command.id]: spec });
            enqueue.spawnChild('kernel', {
              id: kernelActor(command.id), input: { spec: spec as ChildSpec },
            });
            break;
          }
          case 'forget':
            specs = Object.fromEntries(Object.entries(specs).filter(([id]) => id !== command.id));
            enqueue.stopChild(kernelActor(command.id));
            break;
          case 'answer':
            enqueue({ type: 'answer', params: command });
            break;
          case 'exhausted':
            enqueue({ type: 'publish', params: exhausted(state, command.id) });
            break;
        }
      }
      enqueue.assign({ rules: state, specs, alarms, nowMs: atMs });
    }),
    /** A dead kernel actor comes back under its name, and takes the thread that lives. */
    reviveKernel: enqueueActions(({ context, event, enqueue }) => {
      const { actorId, error } = event as { actorId: string; error: unknown };
      const spec = Object.values(context.specs).find(({ id }) => kernelActor(id) === actorId);
      if (!spec) return;
      enqueue.stopChild(actorId);
      enqueue.spawnChild('kernel', { id: actorId, input: { spec } });
      const child = context.rules.children.find((candidate) => candidate.spec.id === spec.id);
      // One that comes back with its last state is attached, and takes no notice of this.
      if (child?.status === 'alive' || child?.status === 'starting') {
        const order: KernelCommand = { type: 'kernel.start', atMs: context.nowMs };
        enqueue.sendTo(actorId, order);
      }
      enqueue({
        type: 'publish',
        params: {
          type: 'actor.restarted',
          source: `supervisor.${context.rules.settings.id}`,
          payload: { actor: actorId, error: toErrorRecord(error).message },
        },
      });
    }),
  },
}).createMachine({
  id: 'supervisor',
  // A loop of eventless transitions is an error, not a host that hangs.
  options: { maxIterations: 1_000 },
  context: ({ input }) => ({
    rules: newSupervisor(input.settings, input.specs),
    specs: Object.fromEntries(input.specs.map((spec) => [spec.id, spec])),
    alarms: 0,
    nowMs: 0,
  }),
  output: ({ context }) => context.rules.ended!,
  initial: 'running',
  states: {
    running: {
      entry: 'spawnKernels',
      always: { guard: 'hasEnded', target: 'ended' },
      on: {
        'xstate.error.actor.*': { actions: 'reviveKernel' },
        'xstate.done.actor.*': { actions: 'follow' },
        'child.*': { actions: 'follow' },
        'claims.released': { actions: 'follow' },
        'supervisor.boot': { actions: 'follow' },
        'supervisor.stop': { actions: 'follow' },
      },
    },
    ended: { type: 'final' },
  },
});

/** The event as the rules know it: an alarm that rang is a child whose time has come. */
function factOf(event: SupervisorMessage | ActorEnd): SupervisorEvent | undefined {
  if (!('actorId' in event)) return event;
  const [, id] = /^alarm\.\d+\.(.+)$/.exec(event.actorId) ?? [];
  if (id === undefined || !('output' in event)) return undefined;
  return { type: 'child.due', id, atMs: event.output.atMs };
}

function quarantined(rules: SupervisorState, spec: ChildSpec, untilMs: number): AnyAnnouncement {
  return {
    type: 'kernel.quarantined',
    source: `supervisor.${rules.settings.id}`,
    payload: { kernel: spec.id, epoch: 0, critical: spec.critical, untilMs },
  };
}

function exhausted(rules: SupervisorState, kernel: string): AnyAnnouncement {
  const supervisor = rules.settings.id;
  return {
    type: 'supervisor.exhausted', source: `supervisor.${supervisor}`, payload: { supervisor, kernel },
  };
}
