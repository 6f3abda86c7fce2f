/**
 * More than half of the kernels fail at once: that is the host, not the kernels. No emergency is made of
 * it; the supervisors bring all of them back.
 */
import { criticalKernels, kernelNames } from '../../reference-host/index.ts';
import type { ScenarioReport } from '../report.ts';
import { check, none, Stage, type ScenarioOptions } from '../stage.ts';

export const quorumSloMs = 60_000;

const victims: readonly string[] = [
  ...kernelNames().filter((kernel) => !criticalKernels.some((one) => one === kernel)).slice(0, 12), ...criticalKernels,
];

export function runQuorum(options: ScenarioOptions): Promise<ScenarioReport> {
  return Stage.play({ ...options, scenario: 'quorum', cause: 'kill', victims }, async (stage) => {
    const injected = await stage.fail(victims);
    await stage.until(() => stage.served(), quorumSloMs);
    stage.time(injected);
    const reasons = stage.events.filter(({ type }) => type === 'trigger.suppressed')
      .map(({ payload }) => (payload as { reason: string }).reason);
    return stage.finish(({ restarts }) => [
      check('the trigger was suppressed for want of a quorum', reasons.includes('quorum'), reasons.join(', ') || 'no'),
      none('no emergency was made of it', stage.count('emergency.entered')),
      check('each was started again once', Object.values(restarts).every((times) => times === 1),
        JSON.stringify(restarts)),
    ]);
  });
}
