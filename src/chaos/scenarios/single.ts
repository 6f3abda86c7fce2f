/**
 * One kernel fails. A critical one is recovered by its playbook, any other by the standard watchdog:
 * its supervisor, without an incident.
 */
import { criticalKernels } from '../../reference-host/index.ts';
import type { Cause } from '../faults.ts';
import type { ScenarioReport } from '../report.ts';
import { check, inMs, none, pause, Stage, type ScenarioOptions } from '../stage.ts';
import { caughtAgain, causeChecks } from './dirt01.ts';

export const singleSloMs = 60_000;

/** Nothing more comes of a kernel that is not critical: long enough to see that, ms. */
const quietMs = 500;

export interface SingleOptions extends ScenarioOptions {
  readonly kernel?: string;
  readonly cause?: Cause;
}

export function runSingle(options: SingleOptions): Promise<ScenarioReport> {
  const { kernel = 'self_healing', cause = 'kill' } = options;
  const isCritical = criticalKernels.some((critical) => critical === kernel);
  return Stage.play({ ...options, scenario: 'single', cause, victims: [kernel] }, async (stage) => {
    const injected = await stage.fail([kernel]);
    const isOver = () => stage.served()
      && (!isCritical || stage.has('incident.closed', 'incident.escalated'));
    await stage.until(isOver, singleSloMs);
    stage.time(injected);
    if (!isCritical) {
      await pause(quietMs);
      return stage.finish(() => [
        none('no trigger fired: that is for the watchdog', stage.count('event.incident', 'event.emergency')),
        none('no incident was opened', stage.count('incident.opened')),
      ]);
    }
    if (cause === 'leak' && options.recovery) stage.time(injected, await caughtAgain(stage, kernel));
    return stage.finish((facts) => [
      check('critical_kernel_restart completed', facts.steps.some(({ id }) => id === 'immediate_restart'),
        inMs(facts.timings.playbookClosedMs)),
      none('no emergency was made of it', stage.count('event.emergency')),
      ...causeChecks(facts, cause),
    ]);
  });
}
