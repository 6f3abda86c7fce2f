/** The coding agent dies while it diagnoses: the next one is asked, and the incident ends with a cause. */
import type { EventType } from '../../index.ts';
import type { ScenarioReport } from '../report.ts';
import { check, inMs, Stage, type ScenarioOptions } from '../stage.ts';

export const agentDeathSloMs = 120_000;
const first = 'message_bus';
const agent = 'coding_agent';

export function runAgentDeath(options: ScenarioOptions): Promise<ScenarioReport> {
  const stageOptions = { ...options, scenario: 'agent-death', cause: 'kill', victims: [first, agent] } as const;
  return Stage.play(stageOptions, async (stage) => {
    const inWork = await stage.fail([agent], 'throw', 'task_type');
    const earlier = await stage.fail([first]);
    const isOver = () => stage.served() && stage.has('incident.closed', 'incident.escalated');
    await stage.until(isOver, agentDeathSloMs);
    stage.time([...earlier, ...inWork]);
    const at = (type: EventType) => stage.events.find((event) => event.type === type)?.atMs ?? Infinity;
    const diedAtMs = inWork[0]?.effectAtMs ?? Infinity;
    return stage.finish(({ timings, diagnosis }) => [
      check('the agent died after it was asked', at('diagnosis.requested') < diedAtMs && diedAtMs < Infinity,
        inMs(timings.effectMs)),
      check('the next agent named the cause',
        diagnosis?.subcause === 'unk.ended_from_outside' && at('diagnosis.completed') > diedAtMs,
        inMs(timings.diagnosedMs)),
      check('the incident was closed', stage.has('incident.closed'), `${stage.count('incident.closed')}`),
      check('emergency mode was left', stage.count('emergency.entered') === stage.count('emergency.left'),
        `${stage.count('emergency.left')} of ${stage.count('emergency.entered')}`),
    ]);
  });
}
