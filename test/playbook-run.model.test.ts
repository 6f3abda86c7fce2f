// Every shipped playbook: the shortest path to every state of its chart, replayed on a live run.
import assert from 'node:assert/strict';
import { createPlaybookRunMachine } from '../machines/playbook-run.machine.ts';
import { shippedActions } from '../src/playbooks/actions.ts';
import { evaluate } from '../src/playbooks/expressions.ts';
import { loadPlaybooks } from '../src/playbooks/library.ts';
import { modelTest } from './support/model.ts';

const kernels = ['message_bus', 'self_healing', 'coding_agent'];
const input = (playbook: string) => ({
  runId: 'run_1', playbook, incidentId: 'inc_1', deadlineAtMs: 1e9, nowMs: 0,
  cause: { id: 'evt_1', depth: 1, correlationId: null },
  inputs: { kernels_down: kernels, kernels_degraded: kernels, emergency_protocol: true, kernels_min: 18 },
});
const actions = { publish: () => undefined };
const error = { atMs: 1, error: { name: 'Error', message: 'no' } };

for (const [id, { playbook }] of loadPlaybooks(`${import.meta.dirname}/../playbooks`, shippedActions)) {
  const steps = [...playbook.steps, ...playbook.finally].map((step) => step.id);
  const machine = createPlaybookRunMachine(playbook, evaluate).provide({ actions });
  modelTest({
    name: id,
    machine,
    live: (script) => machine.provide({ actors: { alarm: script.spawned(), perform: script.spawned() } }),
    input: input(id),
    events: [
      ...steps.flatMap((step) => [
        { type: `xstate.done.actor.${step}`, output: { atMs: 1, value: { restarted: kernels, full: kernels } } },
        { type: `xstate.error.actor.${step}`, error },
        { type: `xstate.done.actor.${step}.timeout`, output: { atMs: 1 } },
        { type: `xstate.done.actor.${step}.retry`, output: { atMs: 1 } },
      ]),
      { type: 'run.cancelled', reason: 'test', atMs: 1 },
      { type: 'xstate.done.actor.reserve', output: { atMs: 1 } },
      { type: 'xstate.done.actor.deadline', output: { atMs: 1 } },
    ],
    // Only an actor that lives can end.
    possible: ({ children }, { type }) => {
      const actor = /^xstate\.\w+\.actor\.(.+)$/.exec(type)?.[1];
      return actor === undefined || actor in children;
    },
    // Where the run is, how often it has tried there, and how it will end.
    summary: ({ steps: records, status }) => [
      status, Object.values(records as Record<string, { attempts: number; status: string }>)
        .filter((record) => record.status === 'running').map(({ attempts }) => attempts),
    ],
    reaches: (reached) => {
      const states = [...reached].join(' ');
      for (const step of steps) assert.ok(states.includes(`"${step}":"acting"`), `${step} is never reached`);
      for (const step of playbook.steps) {
        if (step.kind === 'action' && step.retry.attempts > 1) assert.ok(states.includes(`"${step.id}":"waiting"`));
      }
      assert.ok(reached.has('"ended"'));
    },
  });
}
