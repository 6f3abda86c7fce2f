/**
 * A second critical kernel dies while the first one is being recovered: the incident is upgraded in
 * place, and its run is superseded.
 */
import type { ScenarioReport } from '../report.ts';
import { check, inMs, Stage, type ScenarioOptions } from '../stage.ts';

export const secondDeathSloMs = 120_000;
const first = 'self_healing';
const second = 'coding_agent';

export function runSecondDeath(options: ScenarioOptions): Promise<ScenarioReport> {
  const stageOptions = { ...options, scenario: 'second-death', cause: 'kill', victims: [first, second] } as const;
  return Stage.play(stageOptions, async (stage) => {
    let later: ReturnType<Stage['fail']> | undefined;
    // In the turn in which the run begins: before its restart can be through.
    const stop = stage.grace.on('run.started', () => {
      later ??= stage.fail([second]);
    });
    const earlier = await stage.fail([first]);
    const isOver = () => stage.served() && stage.has('incident.closed', 'incident.escalated');
    await stage.until(isOver, secondDeathSloMs);
    stop();
    stage.time([...earlier, ...(await later ?? [])]);
    const count = stage.count.bind(stage);
    const runs = stage.events.filter(({ type }) => type === 'run.ended')
      .map(({ payload }) => payload as { playbook: string; status: string });
    return stage.finish(({ restarts, timings }) => [
      check('the second one died during the recovery', later !== undefined && timings.effectMs !== null,
        inMs(timings.effectMs)),
      check('one incident took both', count('incident.opened') === 1, `${count('incident.opened')}`),
      check('it was upgraded in place', stage.has('incident.upgraded'), `${count('incident.upgraded')}`),
      check('the first run was superseded', runs.some(({ status }) => status === 'cancelled'),
        runs.map(({ playbook, status }) => `${playbook}: ${status}`).join(', ')),
      check('the emergency playbook completed', runs.some(({ playbook, status }) =>
        playbook === 'emergency_critical_kernel_recovery' && status === 'completed'), inMs(timings.playbookClosedMs)),
      check('each was started again once', Object.values(restarts).every((times) => times === 1),
        JSON.stringify(restarts)),
      check('emergency mode was left', count('emergency.entered') === count('emergency.left'),
        `${count('emergency.left')} of ${count('emergency.entered')}`),
    ]);
  });
}
