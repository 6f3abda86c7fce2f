// Every shipped playbook, and one that has all that a playbook can have: generated paths on live runs.
import { join } from 'node:path';
import { createPlaybookRunMachine } from '../machines/playbook-run.machine.ts';
import type { ActionStep, Playbook } from '../src/core/playbook.ts';
import { shippedActions } from '../src/playbooks/actions.ts';
import { evaluate } from '../src/playbooks/expressions.ts';
import { loadPlaybooks } from '../src/playbooks/library.ts';
import { livesIn, modelTest } from './support/model.ts';

const chart = join(import.meta.dirname, '../machines/playbook-run.machine.ts');
const actions = { publish: () => undefined };
const error = { atMs: 1, error: { name: 'Error', message: 'no' } };

interface Variety {
  readonly name: string;
  readonly playbook: Playbook;
  readonly sources: readonly string[];
  readonly inputs: readonly Readonly<Record<string, unknown>>[];
  /** What becomes of the inputs while it runs. */
  readonly changed: Readonly<Record<string, unknown>>;
  /** What an action may answer. */
  readonly values: readonly unknown[];
  readonly unreachable?: Readonly<Record<string, string>>;
}

function runTest({ name, playbook, sources, inputs, changed, values, unreachable = {} }: Variety): void {
  const machine = createPlaybookRunMachine(playbook, evaluate).provide({ actions });
  const steps = [...playbook.steps, ...playbook.finally]
    .flatMap((step) => (step.kind === 'action' ? [step] : step.branches)).map(({ id }) => id);
  const performed = [...steps, 'compensate'];
  modelTest({
    name, machine, sources, unreachable,
    live: (script) => machine.provide({ actors: { alarm: script.spawned(), perform: script.spawned() } }),
    inputs: inputs.map((given) => ({
      runId: 'run_1', playbook: playbook.id, incidentId: 'inc_1', deadlineAtMs: 1e9, nowMs: 0,
      cause: { id: 'evt_1', depth: 1, correlationId: null }, inputs: given,
    })),
    events: [
      ...performed.flatMap((step) => [
        ...values.map((value) => ({ type: `xstate.done.actor.${step}`, output: { atMs: 1, value } })),
        { type: `xstate.error.actor.${step}`, error },
        { type: `xstate.done.actor.${step}.timeout`, output: { atMs: 1 } },
      ]),
      ...steps.map((step) => ({ type: `xstate.done.actor.${step}.retry`, output: { atMs: 1 } })),
      { type: 'run.inputs_changed', inputs: changed, atMs: 1 },
      { type: 'run.cancelled', reason: 'test', atMs: 1 },
      // Before the reserve begins, and when it has.
      ...[1, 1e9].map((atMs) => ({ type: 'xstate.done.actor.reserve', output: { atMs } })),
      { type: 'xstate.done.actor.deadline', output: { atMs: 1 } },
    ],
    possible: livesIn,
    // What it is given, how often the steps under way were tried, how many are to be undone, and how the run will end.
    summary: ({ steps: records, status, undo, inputs: now }) => [
      status, now, (undo as readonly unknown[]).length,
      Object.values(records as Record<string, { attempts: number; status: string }>)
        .filter((record) => record.status === 'running').map(({ attempts }) => attempts),
    ],
    simpleMax: 100,
  });
}

const kernels = ['message_bus', 'self_healing', 'coding_agent'];
const given = { kernels_down: kernels, kernels_degraded: kernels, emergency_protocol: true, kernels_min: 18 };

/** By playbook: what its chart has, as any playbook's, and its own steps rule out. */
const unbreakable: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  critical_kernel_restart: {
    'steps.~concluding --always if isPromiseBroken--> compensating [1 of 2]':
      'verify_restart is never skipped, and ends the run when it fails: what comes to its end has verified.',
  },
  proactive_kernel_health_check: {
    'steps.restart_unhealthy.deciding --always if isBroken--> compensating [1 of 3]':
      'Its condition reads the status of probe_degraded, which every run has by then.',
  },
};

for (const [id, { playbook, file }] of loadPlaybooks(join(import.meta.dirname, '../playbooks'), shippedActions)) {
  runTest({
    name: `playbook.${id}`,
    playbook,
    sources: [chart, file],
    // All kernels, or none; then something that is no list: a condition about it cannot be evaluated.
    inputs: [given, { ...given, kernels_down: [] }],
    changed: { kernels_down: 1 },
    values: [{ restarted: kernels, full: kernels }, { restarted: [], full: [] }, {}],
    ...(unbreakable[id] && { unreachable: unbreakable[id] }),
  });
}

const anAction = (id: string, over: Partial<ActionStep> = {}): ActionStep => ({
  kind: 'action', id, action: 'any', with: {}, when: null, timeoutMs: 10, onFailure: 'abort', forEach: null,
  retry: { attempts: 1, delayMs: 0, backoff: 'constant', maxDelayMs: null, jitter: 0 }, compensate: null, saveAs: null, ...over,
});
const twice = {
  retry: { attempts: 2, delayMs: 5, backoff: 'exponential', maxDelayMs: null, jitter: 0 },
} as const;
const undo = { action: 'undo', with: {}, timeoutMs: 5 };
const when = 'inputs.wanted == true';

runTest({
  name: 'playbook-run',
  sources: [chart],
  playbook: {
    id: 'all_forms', version: 1, title: 'All that a playbook can have', hash: '', on: null, sloMs: 1_000,
    cooldownMs: 0, inputs: {},
    steps: [
      anAction('first', { ...twice, when, saveAs: 'first', compensate: undo }),
      anAction('second', { onFailure: { goto: 'last' } }),
      {
        kind: 'parallel', id: 'both', when, join: 2, onFailure: 'abort',
        branches: [anAction('left', { ...twice, compensate: undo }), anAction('right')],
      },
      {
        kind: 'parallel', id: 'either', when: null, join: 1, onFailure: 'continue',
        branches: [anAction('only', { when: 'inputs.also' })],
      },
      anAction('last', { onFailure: 'continue' }),
    ],
    finally: [anAction('tidy', { ...twice, when }), anAction('say')],
    success: ['saved.first == 1'],
  },
  inputs: [{ wanted: true, also: true }, { wanted: false }, {}],
  changed: { also: false },
  values: [1, 2],
});
