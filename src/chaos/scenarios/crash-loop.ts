/**
 * A kernel dies again and again: backoff, then quarantine instead of a dead tree, then a timed retry
 * that works.
 */
import type { ScenarioReport } from '../report.ts';
import { check, none, Stage, type ScenarioOptions } from '../stage.ts';

export const crashLoopSloMs = 60_000;
const kernel = 'reports';
/** Three restarts in ten seconds are allowed: with the first death, the fourth puts it in quarantine. */
const crashes = { times: 3, afterMs: 60 };
const quarantine = '1500ms';

export function runCrashLoop(options: ScenarioOptions): Promise<ScenarioReport> {
  const stageOptions = {
    ...options, scenario: 'crash-loop', cause: 'throw', victims: [kernel], crashes, host: { quarantine },
  } as const;
  return Stage.play(stageOptions, async (stage) => {
    const of = (type: string) => stage.events.filter((event) =>
      event.type === type && (event.payload as { kernel?: string }).kernel === kernel);
    const endsAtMs = () =>
      (of('kernel.quarantined')[0]?.payload as { untilMs?: number } | undefined)?.untilMs ?? Infinity;
    const injected = await stage.fail([kernel]);
    await stage.until(() => of('kernel.ready').some(({ atMs }) => atMs >= endsAtMs()), crashLoopSloMs);
    stage.time(injected);
    const [quarantined] = of('kernel.quarantined');
    const until = endsAtMs();
    const startsMeanwhile = of('kernel.ready').filter(({ atMs }) => atMs > (quarantined?.atMs ?? 0) && atMs < until);
    return stage.finish(({ restarts }) => [
      check('it was put in quarantine', quarantined !== undefined, quarantined ? 'yes' : 'no'),
      check('nobody started it meanwhile', startsMeanwhile.length === 0, `${startsMeanwhile.length}`),
      check('the timed retry brought it back', of('kernel.ready').some(({ atMs }) => atMs >= until),
        `${restarts[kernel]} restarts`),
      check('somebody was told', stage.has('incident.escalated'), stage.has('incident.opened') ? 'an incident' : 'no'),
      none('no trigger fired', stage.count('event.incident', 'event.emergency')),
    ]);
  });
}
