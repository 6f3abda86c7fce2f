import { existsSync } from 'node:fs';
import { checkPlaybooks, shippedPlaybooks, type PlaybookCheck } from '../index.ts';
import { bad, exitCode, good, print, table, type Output } from './output.ts';

/** Default: the folder `playbooks` here, or the ones that ship. */
const sourceOf = (files: readonly string[]): string | readonly string[] => {
  if (files.length === 1) return files[0]!;
  return files.length > 1 ? files : existsSync('playbooks') ? 'playbooks' : shippedPlaybooks();
};

export function checkCommand(files: readonly string[], output: Output): number {
  const checks = checkPlaybooks(sourceOf(files));
  print(checks, output, (list) => list.map(describe).join('\n'));
  return checks.every(({ ok }) => ok) ? exitCode.ok : exitCode.usage;
}

export function listCommand(output: Output): number {
  const checks = checkPlaybooks(sourceOf([]));
  const rows = checks.flatMap((check) => (check.ok ? [check] : []));
  print(rows, output, (list) => table([
    ['PLAYBOOK', 'SLO', 'WORST CASE', 'TITLE'],
    ...list.map(({ playbook, sloMs, worstCase, title }) => [
      playbook, `${sloMs / 1_000}s`, `${worstCase.totalMs / 1_000}s`, title,
    ]),
  ]));
  return checks.every(({ ok }) => ok) ? exitCode.ok : exitCode.usage;
}

function describe(check: PlaybookCheck): string {
  if (!check.ok) return `${bad('refused')}  ${check.code}\n${check.message}`;
  const slackMs = check.sloMs - check.worstCase.totalMs;
  return `${good('ok')}  ${check.file}: ${check.playbook}, worst case ${check.worstCase.totalMs / 1_000}s of ` +
    `${check.sloMs / 1_000}s, ${slackMs / 1_000}s to spare\n    ${check.path}`;
}
