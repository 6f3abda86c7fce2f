import { join, resolve } from 'node:path';
import { runDirt01 } from '../chaos/dirt01.ts';
import type { ScenarioReport } from '../chaos/report.ts';
import { bad, exitCode, faint, good, print, say, table, type Output } from './output.ts';

export const scenarios = [
  {
    id: 'dirt01',
    title: 'Three critical kernels are ended at the same instant',
    slo: '120s',
    command: 'grace chaos run dirt01',
    control: 'grace chaos run dirt01 --no-recovery',
  },
] as const;

export function listScenarios(output: Output): number {
  print(scenarios, output, (list) => table([
    ['SCENARIO', 'SLO', 'WHAT HAPPENS', 'NEGATIVE CONTROL'],
    ...list.map(({ id, slo, title, control }) => [id, slo, title, control]),
  ]));
  return exitCode.ok;
}

export async function runScenario(
  id: string, options: Output & { readonly dataDir: string; readonly recovery: boolean },
): Promise<number> {
  if (id !== 'dirt01') {
    say(`There is no scenario "${id}". Known: ${scenarios.map((scenario) => scenario.id).join(', ')}.`);
    return exitCode.usage;
  }
  // The scenario's own data, so that it never meets the journal of a host.
  const dataDir = join(resolve(options.dataDir), 'chaos', 'dirt01');
  const beganAtMs = performance.now();
  const onProgress = options.json
    ? () => undefined
    : (line: string) => say(`${faint(`T+${((performance.now() - beganAtMs) / 1_000).toFixed(3)}s`)}  ${line}`);
  const report = await runDirt01({ dataDir, recovery: options.recovery, onProgress });
  print(report, options, render);
  return report.passed ? exitCode.ok : exitCode.failed;
}

const seconds = (ms: number | null) => (ms === null ? 'never' : `${(ms / 1_000).toFixed(3)} s`);

function render(report: ScenarioReport): string {
  const { timings, passed, checks, clientRequests, invariants } = report;
  const timeline = table([
    ['DIRT01, from the kill to', 'SEED BEFORE', 'SEED PROMISED', 'MEASURED'],
    ['proven effect', '-', '-', seconds(timings.effectMs)],
    ['detected', '-', '5 s', seconds(timings.detectedMs)],
    ['all three serve again', '-', '20 s', seconds(timings.servingMs)],
    ['cause named', '-', '30 s', seconds(timings.diagnosedMs)],
    ['playbook closed', '180.2 s', '~40 s', seconds(timings.playbookClosedMs)],
  ]);
  const verdicts = checks.map(({ check, ok, found }) => `${ok ? good('ok  ') : bad('FAIL')}  ${check}: ${found}`);
  return [
    '',
    timeline,
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
