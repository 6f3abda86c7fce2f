/**
 * A playbook as a chart, one state per step.
 *
 * | state                | what is true while it lasts                              | leaves on             |
 * | -------------------- | -------------------------------------------------------- | --------------------- |
 * | steps.<id>.deciding  | `when` is evaluated                                      | at once               |
 * | steps.<id>.acting    | one try of the action is under way                       | done, failed, timeout |
 * | steps.<id>.waiting   | the wait before the next try                             | the alarm             |
 * | steps.<id>.branches  | the branches of a parallel step, a region each           | the join is decided   |
 * | compensating         | what was done is undone, the last first                  | all undone            |
 * | closing.<id>         | `finally`, whatever happened before                      | done, failed, timeout |
 * | ended                | over                                                     | final                 |
 *
 * A playbook without retries, compensation or promises gets no states and no ways for them: what is in its chart
 * can happen. `steps` is over when the SLO, less what compensation and `finally` may need at that moment, has
 * gone by (an alarm of each step; a parallel step has it in a region of its own); the whole run is over at its
 * deadline. Leaving a state ends its action: XState aborts the action's signal.
 */
import { assign, enqueueActions, setup, type AnyStateMachine } from 'xstate';
import { seedOf } from '../src/core/backoff.ts';
import { toErrorRecord, type ErrorRecord } from '../src/core/errors.ts';
import type { AnyAnnouncement, RunStatus, StepEnd, StepStatus } from '../src/core/events.ts';
import {
  retryDelayMs, type ActionStep, type Compensation, type OnFailure, type Playbook, type Scope, type Step,
} from '../src/core/playbook.ts';
import { reserveAt } from '../src/core/worst-case.ts';
import type { RunInput, RunOutput } from './incident.machine.ts';
import { requiredAction, requiredActor, requiredAlarm } from './required.ts';

/** One try of an action, as its performer gets it. */
export interface Attempt {
  readonly runId: string;
  readonly incident: string;
  readonly step: string;
  /** The same for the same try, so that doing it twice can be noticed. */
  readonly key: string;
  readonly action: string;
  readonly with: Readonly<Record<string, unknown>>;
  readonly forEach: ActionStep['forEach'];
  readonly scope: Scope;
  /** When the try is ended, ms. */
  readonly deadlineAtMs: number;
  /** When the run is over, ms. */
  readonly runDeadlineAtMs: number;
}

export interface Performed {
  readonly atMs: number;
  readonly value: unknown;
}

/** Evaluates a CEL condition. Pure. */
export type Evaluate = (expression: string, scope: Scope) => unknown;

interface StepRecord {
  readonly status: StepStatus | 'running';
  readonly attempts: number;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly result?: unknown;
  readonly error?: string;
  readonly closing?: true;
}

export interface Context extends RunInput {
  readonly steps: Readonly<Record<string, StepRecord>>;
  readonly saved: Readonly<Record<string, unknown>>;
  /** What is to be undone if the run does not complete, the last first. */
  readonly undo: readonly (Compensation & { readonly step: string })[];
  readonly startedAtMs: number;
  readonly status: RunStatus;
  readonly why: string | null;
}

type RunEvent =
  | { readonly type: 'run.cancelled'; readonly reason: string; readonly atMs: number }
  /** Another kernel joined the incident: steps that have not begun see it. */
  | {
      readonly type: 'run.inputs_changed';
      readonly inputs: Readonly<Record<string, unknown>>;
      readonly atMs: number;
    };

/** Done and failed tries as data; XState's end events are not in the machine's event type. */
interface End { readonly output?: { readonly atMs?: number; readonly value?: unknown }; readonly error?: unknown }

/**
 * Compiles a playbook.
 *
 * @param evaluate - How `when` and `success` are evaluated.
 */
export function createPlaybookRunMachine(playbook: Playbook, evaluate: Evaluate) {
  const base = setup({
    types: {
      input: {} as RunInput, context: {} as Context, events: {} as RunEvent, output: {} as RunOutput,
    },
    actors: { alarm: requiredAlarm(), perform: requiredActor<Performed, Attempt>('perform') },
    actions: {
      publish: requiredAction<AnyAnnouncement>('publish'),
      sayEnded: enqueueActions(({ context, enqueue }) => {
        const { status, why, nowMs, startedAtMs } = context;
        enqueue({
          type: 'publish',
          params: {
            ...from(context),
            type: 'run.ended',
            payload: { ...runRef(context), status, ms: nowMs - startedAtMs, ...(why !== null && { why }) },
          },
        });
      }),
    },
  });

  type Actions = Parameters<typeof base.createMachine>[0]['entry'];
  /** Ends a try: keeps the record, and says so. */
  const end = (id: string, status: StepStatus) =>
    enqueueActions(({ context, event, enqueue }: { context: Context; event: unknown; enqueue: Enqueue }) => {
      const { output, error } = event as End;
      const nowMs = timeOf(event, context);
      const before = context.steps[id];
      const record: StepRecord = {
        ...(playbook.finally.some((step) => step.id === id) && { closing: true }),
        attempts: before?.attempts ?? 0,
        startedAtMs: before?.startedAtMs ?? nowMs,
        endedAtMs: nowMs,
        status,
        ...(status === 'done' && output?.value !== undefined && { result: output.value }),
        ...(status === 'failed' && { error: failureOf(error, id) }),
      };
      const step = stepNamed(playbook, id);
      enqueue.assign({
        nowMs,
        steps: { ...context.steps, [id]: record },
        ...(status === 'done' && step?.saveAs && { saved: { ...context.saved, [step.saveAs]: output?.value } }),
        ...(status === 'done' && step?.compensate && {
          undo: [{ ...step.compensate, step: id }, ...context.undo],
        }),
      });
      enqueue({
        type: 'publish',
        params: {
          ...from(context), type: 'run.step_ended', payload: { ...runRef(context), ...stepEnd(id, record) },
        },
      });
    }) as unknown as Actions;

  const begin = (id: string) =>
    enqueueActions(({ context, event, enqueue }: { context: Context; event: unknown; enqueue: Enqueue }) => {
      const nowMs = timeOf(event, context);
      const before = context.steps[id];
      const attempts = (before?.attempts ?? 0) + 1;
      const startedAtMs = before?.startedAtMs ?? nowMs;
      const record: StepRecord = { status: 'running', attempts, startedAtMs, endedAtMs: nowMs };
      enqueue.assign({ nowMs, steps: { ...context.steps, [id]: record } });
      enqueue({
        type: 'publish',
        params: {
          ...from(context),
          type: 'run.step_started',
          payload: { ...runRef(context), step: id, attempt: attempts, key: keyOf(context, id, attempts) },
        },
      });
    }) as unknown as Actions;

  const keepTime = assign({
    nowMs: ({ context, event }: { context: Context; event: unknown }) => timeOf(event, context),
  }) as unknown as Actions;

  const give = (status: RunStatus, why: (context: Context, event: unknown) => string) =>
    assign(({ context, event }: { context: Context; event: unknown }) => ({
      status, why: why(context, event), nowMs: timeOf(event, context),
    })) as unknown as Actions;

  /** Evaluates a condition; one that cannot be evaluated does not hold, and is a failure. */
  const check = (expression: string, context: Context): boolean | 'broken' => {
    try {
      return evaluate(expression, scopeOf(context)) === true;
    } catch {
      return 'broken';
    }
  };
  type Arg = { context: Context };

  /** The states of an action: `ways` are where it leads when it is done, skipped or has failed. */
  const action = (step: ActionStep, ways: { done: object; failed: object; skipped: object }) => {
    const { id, when, retry, timeoutMs } = step;
    const canRetry = ({ context }: Arg) => (context.steps[id]?.attempts ?? 0) < retry.attempts;
    const failed = { ...ways.failed, actions: [end(id, 'failed'), ...actionsOf(ways.failed)] };
    const isBroken = ({ context }: Arg) => check(when ?? 'true', context) === 'broken';
    const isNotWanted = ({ context }: Arg) => check(when ?? 'true', context) === false;
    const retries = retry.attempts > 1;
    const tried = retries ? [{ guard: canRetry, target: 'waiting', actions: keepTime }, failed] : [failed];
    return {
      initial: 'deciding',
      states: {
        deciding: {
          always: [
            ...(when === null ? [] : [
              { guard: isBroken, ...failed },
              {
                guard: isNotWanted,
                ...ways.skipped,
                actions: [end(id, 'skipped'), ...actionsOf(ways.skipped)],
              },
            ]),
            { target: 'acting' },
          ],
        },
        acting: {
          entry: begin(id),
          invoke: [
            {
              id,
              src: 'perform',
              input: ({ context }: Arg) => attemptOf(step, context),
              onDone: { ...ways.done, actions: [end(id, 'done'), ...actionsOf(ways.done)] },
              onError: tried,
            },
            {
              id: `${id}.timeout`,
              src: 'alarm',
              input: ({ context }: Arg) => ({ atMs: context.nowMs + timeoutMs }),
              onDone: tried,
            },
          ],
        },
        ...(retries && { waiting: {
          invoke: {
            id: `${id}.retry`,
            src: 'alarm',
            input: ({ context }: Arg) => ({
              atMs: context.nowMs
                + retryDelayMs(retry, context.steps[id]?.attempts ?? 1, seedOf(`${context.runId}/${id}`)),
            }),
            onDone: 'acting',
          },
        } }),
      },
    };
  };

  /** A region that ends, well or badly; the record says which. */
  const branch = (step: ActionStep) => {
    const { initial, states } = action(step, {
      done: { target: 'ended' }, skipped: { target: 'ended' }, failed: { target: 'ended' },
    });
    return { initial, states: { ...states, ended: {} } };
  };

  const reserveAtMs = (step: Step, context: Context) => context.deadlineAtMs
    - reserveAt(playbook, step, context.undo, (id) => context.steps[id]?.status);
  const outOfTime = {
    target: '#run.compensating',
    actions: give('deadline_missed', (context) =>
      `the SLO left no more time; at ${runningSteps(context).join(', ')}`),
  };
  const reserveAlarm = (step: Step, onDone: object) => ({
    id: 'reserve', src: 'alarm' as const, input: ({ context }: Arg) => ({ atMs: reserveAtMs(step, context) }), onDone,
  });
  /** A branch that ended may leave less to be undone, so the alarm is looked at again when it rings. */
  const reserveRegion = (step: Step) => {
    const isDue = ({ context, event }: Arg & { event: unknown }) =>
      reserveAtMs(step, context) <= timeOf(event, context);
    const ways = [{ guard: isDue, ...outOfTime }, { target: 'keeping', reenter: true }];
    return { initial: 'keeping', states: { keeping: { invoke: reserveAlarm(step, ways) } } };
  };

  const parallel = (step: Extract<Step, { kind: 'parallel' }>, ways: Ways) => {
    const ended = (context: Context) =>
      step.branches.map(({ id }) => context.steps[id]?.status ?? 'running');
    const good = (context: Context) =>
      ended(context).filter((status) => status === 'done' || status === 'skipped').length;
    const { when, id } = step;
    const isNotWanted = ({ context }: Arg) => check(when ?? 'true', context) !== true;
    const isJoined = ({ context }: Arg) => good(context) >= step.join;
    const isAllEnded = ({ context }: Arg) => !ended(context).includes('running');
    return {
      initial: 'deciding',
      states: {
        deciding: {
          always: [
            ...(when === null ? [] : [{
              guard: isNotWanted,
              ...ways.skipped,
              actions: [end(id, 'skipped'), ...actionsOf(ways.skipped)],
            }]),
            { target: 'branches' },
          ],
        },
        branches: {
          type: 'parallel' as const,
          entry: begin(id),
          states: {
            ...Object.fromEntries(step.branches.map((one) => [one.id, branch(one)])),
            '~reserve': reserveRegion(step),
          },
          always: [
            {
              guard: isJoined,
              ...ways.done,
              actions: [end(id, 'done'), ...actionsOf(ways.done)],
            },
            {
              guard: isAllEnded,
              ...ways.failed,
              actions: [end(id, 'failed'), ...actionsOf(ways.failed)],
            },
          ],
        },
      },
    };
  };

  interface Ways { done: object; failed: object; skipped: object }
  const stepStates = Object.fromEntries(playbook.steps.map((step, index) => {
    const next = { target: `#run.steps.${playbook.steps[index + 1]?.id ?? '~concluding'}` };
    const ways: Ways = { done: next, skipped: next, failed: failureWay(step.onFailure, next) };
    if (step.kind === 'parallel') return [step.id, parallel(step, ways)];
    return [step.id, { ...action(step, ways), invoke: reserveAlarm(step, outOfTime) }];
  }));

  function failureWay(onFailure: OnFailure, next: object): object {
    if (onFailure === 'continue') return next;
    if (typeof onFailure === 'object') return { target: `#run.steps.${onFailure.goto}` };
    return {
      target: '#run.compensating',
      actions: give('failed', (context) => `step failed: ${failedSteps(context).join(', ')}`),
    };
  }

  const closingStates = Object.fromEntries(playbook.finally.map((step, index) => {
    const next = { target: `#run.closing.${playbook.finally[index + 1]?.id ?? '~closed'}` };
    return [step.id, action(step, { done: next, skipped: next, failed: next })];
  }));

  const isUndone = ({ context }: Arg) => context.undo.length === 0;
  const brokenPromise = (context: Context) =>
    playbook.success.find((expression) => check(expression, context) !== true);
  const compensates = playbook.steps
    .flatMap((step) => (step.kind === 'action' ? [step] : step.branches))
    .some(({ compensate }) => compensate !== null);
  const isPromiseBroken = ({ context }: Arg) => brokenPromise(context) !== undefined;
  const undone = { target: '~next', actions: assign({
    undo: ({ context }: Arg) => context.undo.slice(1),
    nowMs: ({ context, event }: { context: Context; event: unknown }) => timeOf(event, context),
  }) as unknown as Actions };

  return base.createMachine({
    id: 'run',
    // A loop of eventless transitions is an error, not a host that hangs.
    options: { maxIterations: 1_000 },
    context: ({ input }) => ({
      ...input, steps: {}, saved: {}, undo: [], startedAtMs: input.nowMs, status: 'completed', why: null,
    }),
    entry: {
      type: 'publish',
      params: ({ context }) => ({
        ...from(context),
        type: 'run.started',
        payload: { ...runRef(context), deadlineAtMs: context.deadlineAtMs, playbookHash: playbook.hash },
      }),
    },
    output: ({ context }) => ({
      status: context.status,
      steps: Object.entries(context.steps).map(([id, record]) => stepEnd(id, record)),
      atMs: context.nowMs,
      ...(context.why !== null && { why: context.why }),
    }),
    invoke: {
      id: 'deadline',
      src: 'alarm',
      input: ({ context }) => ({ atMs: context.deadlineAtMs }),
      onDone: { target: '.ended', actions: give('deadline_missed', () => 'the SLO has gone by') as never },
    },
    initial: 'steps',
    on: {
      'run.inputs_changed': {
        actions: assign({ inputs: ({ context, event }) => ({ ...context.inputs, ...event.inputs }) }),
      },
    },
    states: {
      steps: {
        on: {
          'run.cancelled': {
            target: 'compensating',
            actions: give('cancelled', (_, event) => (event as Extract<RunEvent, { reason: string }>).reason) as never,
          },
        },
        initial: playbook.steps[0]!.id,
        states: {
          ...(stepStates as object),
          '~concluding': {
            always: [
              ...(playbook.success.length === 0 ? [] : [{
                guard: isPromiseBroken,
                target: '#run.compensating',
                actions: give('failed', (context) =>
                  `success criterion not met: ${brokenPromise(context)}`) as never,
              }]),
              { target: '#run.closing' },
            ],
          },
        },
      },
      compensating: {
        initial: '~next',
        states: {
          '~next': {
            always: compensates
              ? [{ guard: isUndone, target: '#run.closing' }, { target: '~undoing' }]
              : '#run.closing',
          },
          ...(compensates && { '~undoing': {
            invoke: [
              {
                id: 'compensate',
                src: 'perform' as const,
                input: ({ context }: Arg) => undoOf(context),
                onDone: undone as never,
                onError: undone as never,
              },
              {
                id: 'compensate.timeout',
                src: 'alarm' as const,
                input: ({ context }: Arg) => ({ atMs: context.nowMs + context.undo[0]!.timeoutMs }),
                onDone: undone as never,
              },
            ],
          } }),
        },
      },
      closing: {
        initial: playbook.finally[0]?.id ?? '~closed',
        states: {
          ...(closingStates as object),
          '~closed': { always: '#run.ended' },
        },
      },
      ended: { type: 'final', entry: 'sayEnded' },
    },
  }) as unknown as AnyStateMachine;
}

interface Enqueue {
  (action: { readonly type: 'publish'; readonly params: AnyAnnouncement }): void;
  assign(values: Partial<Context>): void;
}

function actionsOf(way: object): unknown[] {
  const { actions } = way as { actions?: unknown };
  return actions === undefined ? [] : [actions];
}

/** The reading that an event brought; without one, the newest known. Time never goes back. */
function timeOf(event: unknown, context: Context): number {
  const { output, error, atMs } = event as End & { readonly atMs?: number };
  const brought = atMs ?? output?.atMs ?? (error as { atMs?: number } | undefined)?.atMs;
  return Math.max(context.nowMs, brought ?? 0);
}

function failureOf(error: unknown, id: string): string {
  if (error === undefined) return `${id} did not end in time, and was ended`;
  const { error: record } = error as { readonly error?: ErrorRecord };
  return (record ?? toErrorRecord(error)).message;
}

const stepNamed = (playbook: Playbook, id: string): ActionStep | undefined =>
  [...playbook.steps, ...playbook.finally]
    .flatMap((step) => (step.kind === 'action' ? [step] : step.branches))
    .find((step) => step.id === id);

const keyOf = ({ runId }: Context, step: string, attempt: number) => `${runId}/${step}/${attempt}`;

function attemptOf(step: ActionStep, context: Context): Attempt {
  const { id, action, with: values, forEach, timeoutMs } = step;
  const { runId, incidentId, nowMs, deadlineAtMs } = context;
  return {
    runId, incident: incidentId, step: id, action, with: values, forEach,
    key: keyOf(context, id, context.steps[id]?.attempts ?? 1),
    scope: scopeOf(context),
    deadlineAtMs: nowMs + timeoutMs,
    runDeadlineAtMs: deadlineAtMs,
  };
}

function undoOf(context: Context): Attempt {
  const { step, action, with: values, timeoutMs } = context.undo[0]!;
  const { runId, incidentId, nowMs, deadlineAtMs } = context;
  return {
    runId, incident: incidentId, step, action, with: values, forEach: null,
    key: keyOf(context, `compensate.${step}`, 1),
    scope: scopeOf(context),
    deadlineAtMs: nowMs + timeoutMs,
    runDeadlineAtMs: deadlineAtMs,
  };
}

function scopeOf({ inputs, steps, saved, incidentId }: Context): Scope {
  const known = Object.entries(steps).map(([id, { status, attempts }]) => [id, { status, attempts }]);
  return { inputs, steps: Object.fromEntries(known), saved, incident: { id: incidentId } };
}

const runRef = ({ runId, playbook, incidentId }: Context) => ({
  run: runId, playbook, incident: incidentId,
});

const from = ({ runId, incidentId, cause }: Context) => ({
  source: `run.${runId}`, correlationId: incidentId, cause,
});

const stepEnd = (step: string, record: StepRecord): StepEnd => {
  const { status, attempts, startedAtMs, endedAtMs, result, error, closing } = record;
  return {
    step,
    // What was under way when the run ended was ended with it.
    status: status === 'running' ? 'cancelled' : status,
    attempts,
    ms: endedAtMs - startedAtMs,
    ...(result !== undefined && { result }),
    ...(error !== undefined && { error }),
    ...(closing && { closing }),
  };
};

const withStatus = (status: StepRecord['status']) => ({ steps }: Context) =>
  Object.entries(steps).filter(([, record]) => record.status === status).map(([id]) => id);
const failedSteps = withStatus('failed');
const runningSteps = withStatus('running');
