import { livesIn, modelTest } from './support/model.ts';
import { emergencyModeMachine } from '../machines/emergency-mode.machine.ts';

const actions = { publish: () => undefined };
const enter = (owner: string, deadlineAtMs: number) => ({
  type: 'emergency.enter_requested', reason: 'test', owner, incident: 'inc_1', deadlineAtMs, atMs: 0,
});

modelTest({
  name: 'emergency-mode',
  machine: emergencyModeMachine.provide({ actions }),
  live: (script) => emergencyModeMachine.provide({ actions, actors: { alarm: script.actor('alarm') } }),
  events: [
    enter('run1', 1_000), enter('run2', 2_000),
    { type: 'emergency.leave_requested', owner: 'run1', atMs: 10 },
    { type: 'emergency.leave_requested', owner: 'run2', atMs: 10 },
    { type: 'xstate.done.actor.alarm', output: { atMs: 2_000 } },
  ],
  possible: livesIn,
});
