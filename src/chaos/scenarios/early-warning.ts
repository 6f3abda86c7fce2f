/**
 * A critical kernel is late, but not down: an early warning, a health check, and no restart of what can
 * still work.
 */
import type { ScenarioReport } from '../report.ts';
import { check, inMs, none, pause, Stage, type ScenarioOptions } from '../stage.ts';

export const earlyWarningSloMs = 60_000;
const kernel = 'self_healing';

/** The late work is over by then, ms. */
const settledMs = 1_500;

export function runEarlyWarning(options: ScenarioOptions): Promise<ScenarioReport> {
  const stageOptions = { ...options, scenario: 'early-warning', cause: 'tardy', victims: [kernel] } as const;
  return Stage.play(stageOptions, async (stage) => {
    const injected = await stage.fail([kernel]);
    await stage.until(() => stage.served() && stage.has('incident.closed', 'incident.escalated'), earlyWarningSloMs);
    await pause(settledMs);
    stage.time(injected);
    const has = (type: 'kernel.degraded' | 'kernel.healthy') => stage.events.some((event) =>
      event.type === type && (event.payload as { kernel: string }).kernel === kernel);
    return stage.finish(({ steps, restarts, timings }) => [
      check('it was noticed as degraded', has('kernel.degraded'), inMs(timings.detectedMs)),
      check('the trigger warned', stage.has('event.early_warning'), inMs(timings.detectedMs)),
      check('proactive_kernel_health_check completed',
        steps.some(({ id, status }) => id === 'probe_degraded' && status === 'done'), inMs(timings.playbookClosedMs)),
      check('a kernel that can work was not restarted', restarts[kernel] === 0, `${restarts[kernel]}`),
      check('it is healthy again', has('kernel.healthy'), has('kernel.healthy') ? 'yes' : 'no'),
      none('no incident was made of it', stage.count('event.incident', 'event.emergency')),
    ]);
  });
}
