/**
 * One kernel, through all its threads. A thread is one epoch of it; the threads themselves belong to
 * the registry, and the invoked `thread` actor only attaches to the one that lives, or starts it.
 *
 * | state                | what is true while it lasts                  | leaves on                    |
 * | -------------------- | -------------------------------------------- | ---------------------------- |
 * | down                 | there is no thread we answer for             | kernel.start, .quarantine    |
 * | attached.starting    | a thread loads, or runs `start()`            | ready, failed, the deadline  |
 * | attached.running     | it said ready: healthy, or degraded          | thread.down, kernel.stop     |
 * | attached.stopping    | it was asked to end                          | thread.down, the deadline    |
 * | quarantined          | it failed too often; a timed retry comes     | kernel.start                 |
 *
 * Every way out of `attached` fences the thread off, so its successor never waits for it.
 */
import { assign, sendParent, setup } from 'xstate';
import type { ErrorRecord } from '../src/core/errors.ts';
import type { AnyAnnouncement, KernelRef } from '../src/core/events.ts';
import type { ChildSpec, DownReason, KernelStatus } from '../src/core/kernel.ts';
import { requiredAction, requiredAlarm, requiredSource } from './required.ts';

export interface KernelInput {
  readonly spec: ChildSpec;
}

export type KernelCommand =
  | { readonly type: 'kernel.start'; readonly atMs: number }
  | { readonly type: 'kernel.stop'; readonly how: number | 'brutal_kill'; readonly atMs: number }
  | { readonly type: 'kernel.quarantine'; readonly untilMs: number; readonly atMs: number };

/** What the thread registry reports about the thread an actor is attached to. */
export type ThreadSignal =
  | { readonly type: 'thread.started'; readonly epoch: number; readonly atMs: number }
  | {
      readonly type: 'thread.ready';
      readonly atMs: number;
      readonly startedMs: number;
      readonly adoptedStandby: boolean;
    }
  | { readonly type: 'thread.start_failed'; readonly atMs: number; readonly error: ErrorRecord }
  | { readonly type: 'thread.down'; readonly atMs: number; readonly reason: DownReason }
  | { readonly type: 'thread.degraded'; readonly atMs: number; readonly why: string }
  | { readonly type: 'thread.healthy'; readonly atMs: number };

/** What a kernel actor tells its supervisor. */
export type ChildReport =
  | { readonly type: 'child.started'; readonly id: string; readonly epoch: number; readonly atMs: number }
  | {
      readonly type: 'child.start_failed';
      readonly id: string;
      readonly error: ErrorRecord;
      readonly atMs: number;
    }
  | {
      readonly type: 'child.down';
      readonly id: string;
      readonly reason: DownReason;
      readonly atMs: number;
    };

export interface Context extends KernelInput {
  /** Epoch of the newest thread; 0 before the first. */
  readonly epoch: number;
  /** When the present phase has to be over, ms. */
  readonly deadlineAtMs: number;
}

/** After the stop deadline a thread gets this long for its last words, ms. */
const graceMs = 50;

const down = (kind: DownReason['kind']): DownReason => ({ kind, notice: 'supervisor' });

export const kernelMachine = setup({
  types: {
    input: {} as KernelInput,
    context: {} as Context,
    events: {} as KernelCommand | ThreadSignal,
    tags: {} as KernelStatus,
  },
  actors: {
    alarm: requiredAlarm(),
    /** Attaches to the kernel's living thread, or starts one. Sends `ThreadSignal`s. */
    thread: requiredSource<ThreadSignal, { kernel: string }>('thread'),
  },
  guards: { isBrutalKill: ({ event }) => event.type === 'kernel.stop' && event.how === 'brutal_kill' },
  actions: {
    publish: requiredAction<AnyAnnouncement>('publish'),
    /** Tells the supervisor. By name, so that the graph can be walked without one. */
    report: sendParent((_, report: ChildReport) => report),
    /** Asks the thread to stop, and ends it at the deadline. */
    endThread: requiredAction<{ kernel: string; deadlineAtMs: number }>('endThread'),
    /** Refuses from now on whatever the thread says, and ends it without waiting. */
    fence: requiredAction<{ kernel: string; reason: DownReason }>('fence'),
  },
}).createMachine({
  id: 'kernel',
  // A loop of eventless transitions is an error, not a host that hangs.
  options: { maxIterations: 1_000 },
  context: ({ input }) => ({ ...input, epoch: 0, deadlineAtMs: 0 }),
  initial: 'down',
  states: {
    down: {
      tags: 'down',
      on: {
        'kernel.start': { target: 'attached', actions: assign({ deadlineAtMs: startDeadline }) },
        'kernel.quarantine': 'quarantined',
        // Nothing to stop: the supervisor gets its answer all the same.
        'kernel.stop': {
          actions: {
            type: 'report',
            params: ({ context, event }) => reportDown(context, down('shutdown'), event),
          },
        },
      },
    },
    quarantined: {
      tags: 'quarantined',
      on: {
        'kernel.start': { target: 'attached', actions: assign({ deadlineAtMs: startDeadline }) },
        'kernel.stop': {
          target: 'down',
          actions: {
            type: 'report',
            params: ({ context, event }) => reportDown(context, down('shutdown'), event),
          },
        },
      },
    },
    attached: {
      invoke: {
        id: 'thread',
        src: 'thread',
        input: ({ context }) => ({ kernel: context.spec.id }),
        onError: {
          target: 'down',
          actions: { type: 'report', params: ({ context, event }) => ({
            type: 'child.start_failed',
            id: context.spec.id,
            error: event.error as ErrorRecord,
            atMs: context.deadlineAtMs - context.spec.startDeadlineMs,
          }) },
        },
      },
      on: {
        'thread.started': { actions: assign({ epoch: ({ event }) => event.epoch }) },
        'thread.down': {
          target: 'down',
          actions: [
            { type: 'report', params: ({ context, event }) => reportDown(context, event.reason, event) },
            { type: 'publish', params: ({ context, event }) => saidDown(context, event.reason) },
          ],
        },
        'kernel.stop': [
          {
            guard: 'isBrutalKill',
            target: 'down',
            actions: [
              { type: 'fence', params: ({ context }) => fenceOf(context, down('killed')) },
              { type: 'report', params: ({ context, event }) => reportDown(context, down('killed'), event) },
              { type: 'publish', params: ({ context }) => said('kernel.stopped', context) },
            ],
          },
          {
            target: '.stopping',
            actions: assign({
              deadlineAtMs: ({ event }) =>
                event.atMs + (event.how === 'brutal_kill' ? 0 : event.how) + graceMs,
            }),
          },
        ],
      },
      initial: 'starting',
      states: {
        starting: {
          tags: 'starting',
          invoke: {
            id: 'startAlarm',
            src: 'alarm',
            input: ({ context }) => ({ atMs: context.deadlineAtMs }),
            onDone: {
              target: '#kernel.down',
              actions: [
                { type: 'fence', params: ({ context }) => fenceOf(context, down('start_timeout')) },
                { type: 'report', params: ({ context, event }) => ({
                  type: 'child.start_failed',
                  id: context.spec.id,
                  error: startTimeout(context.spec),
                  atMs: event.output.atMs,
                }) },
              ],
            },
          },
          on: {
            'thread.ready': {
              target: 'running',
              actions: [
                { type: 'report', params: ({ context, event }) => ({
                  type: 'child.started',
                  id: context.spec.id,
                  epoch: context.epoch,
                  atMs: event.atMs,
                }) },
                {
                  type: 'publish',
                  params: ({ context, event: { startedMs, adoptedStandby } }) => ({
                    type: 'kernel.ready',
                    source: `kernel.${context.spec.id}`,
                    payload: { ...refOf(context), startedMs, adoptedStandby },
                  }),
                },
              ],
            },
            'thread.start_failed': {
              target: '#kernel.down',
              actions: { type: 'report', params: ({ context, event }) => ({
                type: 'child.start_failed',
                id: context.spec.id,
                error: event.error,
                atMs: event.atMs,
              }) },
            },
            // It ended before it was ready: for the supervisor that is a failed start.
            'thread.down': {
              target: '#kernel.down',
              actions: [
                { type: 'report', params: ({ context, event }) => ({
                  type: 'child.start_failed',
                  id: context.spec.id,
                  error: event.reason.error ?? endedWhileStarting(context.spec, event.reason),
                  atMs: event.atMs,
                }) },
                { type: 'publish', params: ({ context, event }) => saidDown(context, event.reason) },
              ],
            },
          },
        },
        running: {
          initial: 'healthy',
          states: {
            healthy: {
              tags: 'running',
              on: {
                'thread.degraded': {
                  target: 'degraded',
                  actions: {
                    type: 'publish',
                    params: ({ context, event }) => ({
                      type: 'kernel.degraded',
                      source: `kernel.${context.spec.id}`,
                      payload: { ...refOf(context), why: event.why },
                    }),
                  },
                },
              },
            },
            degraded: {
              tags: 'degraded',
              on: {
                'thread.healthy': {
                  target: 'healthy',
                  actions: {
                    type: 'publish',
                    params: ({ context }) => said('kernel.healthy', context),
                  },
                },
              },
            },
          },
        },
        stopping: {
          tags: 'stopping',
          entry: {
            type: 'endThread',
            params: ({ context }) => ({
              kernel: context.spec.id,
              deadlineAtMs: context.deadlineAtMs - graceMs,
            }),
          },
          invoke: {
            id: 'stopAlarm',
            src: 'alarm',
            input: ({ context }) => ({ atMs: context.deadlineAtMs }),
            onDone: {
              target: '#kernel.down',
              actions: [
                { type: 'fence', params: ({ context }) => fenceOf(context, down('killed')) },
                { type: 'report', params: ({ context, event }) =>
                  reportDown(context, down('killed'), event.output) },
                { type: 'publish', params: ({ context }) => said('kernel.stopped', context) },
              ],
            },
          },
          on: {
            'thread.down': {
              target: '#kernel.down',
              actions: [
                { type: 'report', params: ({ context, event }) => reportDown(context, event.reason, event) },
                { type: 'publish', params: ({ context }) => said('kernel.stopped', context) },
              ],
            },
          },
        },
      },
    },
  },
});

function startDeadline({ context, event }: { context: Context; event: { atMs: number } }) {
  return event.atMs + context.spec.startDeadlineMs;
}

const refOf = ({ spec, epoch }: Context): KernelRef => ({
  kernel: spec.id, epoch, critical: spec.critical,
});

const fenceOf = ({ spec }: Context, reason: DownReason) => ({ kernel: spec.id, reason });

const reportDown = (
  { spec }: Context, reason: DownReason, { atMs }: { readonly atMs: number },
): ChildReport => ({ type: 'child.down', id: spec.id, reason, atMs });

const said = (type: 'kernel.stopped' | 'kernel.healthy', context: Context): AnyAnnouncement => ({
  type, source: `kernel.${context.spec.id}`, payload: refOf(context),
});

const saidDown = (context: Context, reason: DownReason): AnyAnnouncement => ({
  type: 'kernel.down',
  source: `kernel.${context.spec.id}`,
  payload: { ...refOf(context), reason },
});

const startTimeout = (spec: ChildSpec): ErrorRecord => ({
  name: 'GraceError',
  code: 'GRACE_KERNEL_START_TIMEOUT',
  message:
    `Kernel "${spec.id}" was not ready ${spec.startDeadlineMs} ms after it was started. ` +
    `Let start() resolve sooner, or raise startDeadline. Module: ${spec.module}.`,
});

const endedWhileStarting = (spec: ChildSpec, reason: DownReason): ErrorRecord => ({
  name: 'GraceError',
  code: 'GRACE_KERNEL_START_FAILED',
  message:
    `Kernel "${spec.id}" ended before it was ready (${reason.kind}` +
    `${reason.exitCode === undefined ? '' : `, exit code ${reason.exitCode}`}). Module: ${spec.module}.`,
});
