import { join, resolve } from 'node:path';
import { kernelNames } from '../reference-host/index.ts';
import { causes, detectors, scenarios, type RunOptions, type Scenario } from '../chaos/catalogue.ts';
import type { Cause } from '../chaos/faults.ts';
import type { ScenarioReport } from '../chaos/report.ts';
import type { Detector } from '../chaos/stage.ts';
import { inspectOption, sayInspector, type InspectFlag } from './inspect-flag.ts';
import { bad, exitCode, faint, good, print, say, table, type Output } from './output.ts';

export function listScenarios(output: Output): number {
  const list = scenarios.map(({ id, title, sloMs, takes }) => ({
    id, title, slo: `${sloMs / 1_000}s`, takes,
    command: `grace chaos run ${id}`, control: `grace chaos run ${id} --no-recovery`,
  }));
  print(list, output, () => table([
    ['SCENARIO', 'SLO', 'WHAT HAPPENS', 'TAKES'],
    ...list.map(({ id, slo, title, takes }) => [id, slo, title, takes.map((option) => `--${option}`).join(' ')]),
  ]));
  return exitCode.ok;
}

export interface ChaosFlags {
  readonly cause?: string;
  readonly kernel?: string;
  readonly detector?: string;
}

export async function runScenario(
  id: string, options: Output & ChaosFlags & InspectFlag & { readonly dataDir: string; readonly recovery: boolean },
): Promise<number> {
  const scenario = scenarios.find((one) => one.id === id);
  const wrong = scenario ? wrongFlag(scenario, options) : `There is no scenario "${id}".`;
  if (!scenario || wrong !== undefined) {
    say(`${wrong} Known: ${scenarios.map((one) => one.id).join(', ')}. See grace chaos ls.`);
    return exitCode.usage;
  }
  const beganAtMs = performance.now();
  const { cause, kernel, detector, recovery } = options;
  const given: RunOptions = {
    // The scenario's own data, so that it never meets the journal of a host.
    dataDir: join(resolve(options.dataDir), 'chaos', id),
    recovery,
    inspect: inspectOption(options.inspect),
    onInspector: sayInspector,
    ...(cause !== undefined && { cause: cause as Cause }),
    ...(kernel !== undefined && { kernel }),
    ...(detector !== undefined && { detector: detector as Detector }),
    ...(!options.json && {
      onProgress: (line: string) => {
        const atS = ((performance.now() - beganAtMs) / 1_000).toFixed(3);
        say(`${faint(`T+${atS}s`)}  ${line}`);
      },
    }),
  };
  const report = await scenario.run(given);
  print(report, options, render);
  return report.passed ? exitCode.ok : exitCode.failed;
}

/** What is wrong with the options for this scenario. */
function wrongFlag({ id, takes }: Scenario, flags: ChaosFlags): string | undefined {
  const { cause, kernel, detector } = flags;
  for (const [name, value] of Object.entries({ cause, kernel, detector })) {
    if (value !== undefined && !(takes as readonly string[]).includes(name)) return `${id} takes no --${name}.`;
  }
  if (cause !== undefined && !(causes as readonly string[]).includes(cause)) {
    return `There is no cause "${cause}", but ${causes.join(', ')}.`;
  }
  if (detector !== undefined && !(detectors as readonly string[]).includes(detector)) {
    return `There is no detector "${detector}", but ${detectors.join(' and ')}.`;
  }
  if (kernel !== undefined && !kernelNames().includes(kernel)) {
    return `There is no kernel "${kernel}", but ${kernelNames().join(', ')}.`;
  }
  return undefined;
}

const seconds = (ms: number | null) => (ms === null ? 'never' : `${(ms / 1_000).toFixed(3)} s`);

/** Beside the seed's numbers, where it has some. */
function timeline({ scenario, cause, timings }: ScenarioReport): string {
  const { effectMs, detectedMs, servingMs, diagnosedMs, playbookClosedMs, fixVerifiedMs } = timings;
  const rows: readonly (readonly [string, string, string, number | null])[] = [
    ['proven effect', '-', '-', effectMs],
    ['detected', '-', '5 s', detectedMs],
    ['all serve again', '-', '20 s', servingMs],
    ['cause named', '-', '30 s', diagnosedMs],
    ['playbook closed', '180.2 s', '~40 s', playbookClosedMs],
    ...(fixVerifiedMs === null ? [] : [['caught again', '-', '-', fixVerifiedMs] as const]),
  ];
  const from = cause === 'leak' ? 'the end of the thread' : 'the fault';
  return scenario === 'dirt01'
    ? table([
        [`DIRT01, from ${from} to`, 'SEED BEFORE', 'SEED PROMISED', 'MEASURED'],
        ...rows.map(([what, before, promised, ms]) => [what, before, promised, seconds(ms)]),
      ])
    : table([[`${scenario}, from ${from} to`, 'MEASURED'], ...rows.map(([what, , , ms]) => [what, seconds(ms)])]);
}

function render(report: ScenarioReport): string {
  const { passed, checks, clientRequests, invariants } = report;
  const verdicts = checks.map(({ check, ok, found }) => `${ok ? good('ok  ') : bad('FAIL')}  ${check}: ${found}`);
  return [
    '',
    timeline(report),
    '',
    ...verdicts,
    '',
    `client requests: ${clientRequests.ok} ok, ${clientRequests.failed} failed, longest wait ` +
      `${clientRequests.waitedMaxMs} ms; ${invariants.acknowledged} orders acknowledged, ` +
      `${invariants.handled} handled`,
    ...(report.diagnosis ? [`cause: ${report.diagnosis.rootCause}`] : []),
    ...(report.artefacts ? [`artefacts: ${report.artefacts}`] : []),
    passed ? good('passed') : bad(report.effectProven ? 'failed' : 'invalid: the fault did not take effect'),
  ].join('\n');
}
