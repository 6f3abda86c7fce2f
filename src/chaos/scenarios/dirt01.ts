/**
 * DIRT01: the three critical kernels fail at the same instant while the application works. The detector
 * is not told. After a leak the same leak comes once more: its mitigation must catch it.
 */
import { criticalKernels } from '../../reference-host/index.ts';
import type { Cause, Injected } from '../faults.ts';
import type { ScenarioReport } from '../report.ts';
import { check, inMs, Stage, type Detector, type Facts, type ScenarioOptions } from '../stage.ts';

/** Objective of the emergency playbook, ms. */
export const dirt01SloMs = 120_000;

export interface Dirt01Options extends ScenarioOptions {
  readonly cause?: Cause;
  readonly detector?: Detector;
}

/** What the diagnosis of each cause must say. */
export const subcauseOf: Readonly<Record<Cause, string>> = {
  kill: 'unk.ended_from_outside', throw: 'unk.logic_bug', exit: 'unk.unclear_exit',
  hang: 'res.event_loop_blocked', leak: 'res.heap_leak', tardy: '',
};

export function runDirt01(options: Dirt01Options): Promise<ScenarioReport> {
  const { cause = 'kill', detector = 'heartbeat', recovery } = options;
  const stageOptions = { ...options, scenario: 'dirt01', cause, detector, victims: criticalKernels };
  return Stage.play(stageOptions, async (stage) => {
    const injected = await stage.fail(criticalKernels);
    const isOver = () =>
      stage.served() && (detector === 'watchdog' || stage.has('incident.closed', 'incident.escalated'));
    await stage.until(isOver, dirt01SloMs);
    stage.time(injected);
    if (detector === 'watchdog') return stage.finish(() => []);
    if (cause === 'leak' && recovery) stage.time(injected, await caughtAgain(stage, criticalKernels[0]));
    return stage.finish((facts) => [...pipelineChecks(facts), ...causeChecks(facts, cause)]);
  });
}

/** The same leak again: ms until a successor serves that no limit had to bring in. */
export async function caughtAgain(stage: Stage, kernel: string): Promise<number | null> {
  stage.say('the same leak once more');
  const [again]: readonly Injected[] = await stage.fail([kernel], 'leak');
  const since = (type: string) => stage.events.find((event) =>
    event.type === type && event.atMs > again!.atMs
    && (event.payload as { kernel?: string }).kernel === kernel);
  await stage.until(() => since('kernel.ready') !== undefined, 30_000);
  const [degraded, ready, down] = [since('kernel.degraded'), since('kernel.ready'), since('kernel.down')];
  if (!degraded || !ready || down) return null;
  return Number((ready.atMs - again!.atMs).toFixed(2));
}

function pipelineChecks({ timings, steps }: Facts) {
  const done = steps.filter(({ status }) => status === 'done').length;
  return [
    check('the trigger fired', timings.detectedMs !== null, inMs(timings.detectedMs)),
    check(
      'the emergency playbook completed within its SLO',
      timings.playbookClosedMs !== null && timings.playbookClosedMs <= dirt01SloMs, inMs(timings.playbookClosedMs),
    ),
    check('its ten steps are done', steps.length === 10 && done === 10, `${done} of 10`),
  ];
}

export function causeChecks({ diagnosis, mitigations, timings }: Facts, cause: Cause) {
  const expected = subcauseOf[cause];
  const checks = [
    check('the cause was named', diagnosis?.subcause === expected, diagnosis?.subcause ?? 'no'),
  ];
  if (cause === 'hang') {
    const cited = diagnosis?.evidence.filter((id) => id.endsWith('.stack')) ?? [];
    const named = /hangForEver/.test(diagnosis?.rootCause ?? '');
    checks.push(check('the stack of the hung thread is in the evidence', cited.length > 0 && named, cited.join(', ')));
  }
  if (cause === 'leak') {
    checks.push(
      check('mitigations were applied', mitigations.length > 0, mitigations.join(', ') || 'none'),
      check('the same leak again was caught before the limit', timings.fixVerifiedMs !== null,
        inMs(timings.fixVerifiedMs)),
    );
  } else {
    checks.push(check('nothing was touched', mitigations.length === 0, mitigations.join(', ') || 'nothing'));
  }
  return checks;
}
