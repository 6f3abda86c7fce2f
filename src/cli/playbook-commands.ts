import { existsSync, readFileSync } from 'node:fs';
import {
  checkPlaybooks, GraceError, planPlaybook, shippedPlaybooks, type PlannedStep, type PlaybookCheck, type PlaybookPlan,
  type WorstCase,
} from '../index.ts';
import { bad, exitCode, faint, good, print, table, type Output } from './output.ts';

/** Default: the folder `playbooks` here, or the ones that ship. */
const sourceOf = (files: readonly string[]): string | readonly string[] => {
  if (files.length === 1) return files[0]!;
  return files.length > 1 ? files : existsSync('playbooks') ? 'playbooks' : shippedPlaybooks();
};

export function checkCommand(files: readonly string[], output: Output): number {
  const checks = checkPlaybooks(sourceOf(files));
  print(checks, output, (list) => list.map(describe).join('\n\n'));
  return checks.every(({ ok }) => ok) ? exitCode.ok : exitCode.usage;
}

export function listCommand(output: Output): number {
  const checks = checkPlaybooks(sourceOf([]));
  const rows = checks.flatMap((check) => (check.ok ? [check] : []));
  print(rows, output, (list) => table([
    ['PLAYBOOK', 'SLO', 'WORST CASE', 'TITLE'],
    ...list.map(({ playbook, sloMs, worstCase, title }) => [
      playbook, seconds(sloMs), seconds(worstCase.totalMs), title,
    ]),
  ]));
  return checks.every(({ ok }) => ok) ? exitCode.ok : exitCode.usage;
}

export interface PlanFlags {
  readonly event: string;
  readonly playbooks?: string;
}

export function planCommand(id: string, { event, playbooks, ...output }: Output & PlanFlags): number {
  const source = sourceOf(playbooks === undefined ? [] : [playbooks]);
  print(planPlaybook(source, id, { text: read(event), file: event }), output, describePlan);
  return exitCode.ok;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const why = (error as Error).message;
    throw new GraceError(
      'GRACE_CONFIG_INVALID', `--event: ${file} cannot be read: ${why}. Give the path of a JSON file.`,
      { details: { file }, cause: error },
    );
  }
}

function describe(check: PlaybookCheck): string {
  if (check.ok) {
    const { file, playbook, sloMs, worstCase } = check;
    return `${good('ok')}  ${file}: ${playbook}, worst case ${seconds(worstCase.totalMs)} of ${seconds(sloMs)}, ` +
      `${seconds(worstCase.slackMs)} to spare\n${criticalPath(worstCase)}`;
  }
  const said = `${bad('refused')}  ${check.code}\n${check.message}`;
  return isWorstCase(check.details) ? `${said}\n${criticalPath(check.details)}` : said;
}

const isWorstCase = (details: object): details is WorstCase => 'legs' in details;

/** The longest path, each stretch with what it takes and the sum up to its end. */
function criticalPath({ legs, totalMs, reserveMs, sloMs, slackMs }: WorstCase): string {
  let sumMs = 0;
  const rows = legs.map(({ step, attempts, timeoutMs, waitMs, ms, ends, branches, how }) => {
    sumMs += ms;
    const note = branches ? how : ends === 'cancelled' ? 'cancelled at its end' : '';
    const waits = waitMs > 0 ? seconds(waitMs) : '-';
    return [step, `${attempts} x ${seconds(timeoutMs)}`, waits, seconds(ms), seconds(sumMs), note];
  });
  const over = slackMs < 0 ? bad(`${seconds(-slackMs)} over`) : `${seconds(slackMs)} to spare`;
  return indent([
    table([['CRITICAL PATH', 'TRIES', 'WAITS', 'TAKES', 'SUM', ''], ...rows]),
    `${seconds(totalMs)} of ${seconds(sloMs)}, ${over}; reserve for undoing and finally ${seconds(reserveMs)}`,
  ].join('\n'));
}

function describePlan(plan: PlaybookPlan): string {
  const { playbook, title, event, inputs, givenByHost, steps, worstCase, deadlineAtMs, deadlineAt } = plan;
  const closing = plan.finally;
  const { sloMs, totalMs, reserveMs, slackMs } = worstCase;
  const host = givenByHost.length > 0 ? `; the host gives ${givenByHost.join(', ')}` : '';
  const at = deadlineAt ?? `${seconds(deadlineAtMs)} on the clock of the event`;
  return [
    `${playbook}: ${title}`,
    `on ${event} with ${JSON.stringify(inputs)}${host}`,
    `over at ${at}, ${seconds(sloMs)} after the event; at the latest after ${seconds(totalMs)}, ` +
      `${seconds(slackMs)} to spare; reserve for undoing and finally ${seconds(reserveMs)}`,
    '',
    table([['STEP', 'RUNS', 'STARTS', 'ENDS BY', 'TRIES', 'WAITS', 'ACTION'], ...steps.map(row)]),
    ...(closing.length > 0
      ? ['', table([['FINALLY', 'RUNS', 'STARTS', 'ENDS BY', 'TRIES', 'WAITS', 'ACTION'], ...closing.map(row)])]
      : []),
    '',
    ...[...steps, ...closing].flatMap(notes),
  ].join('\n').trimEnd();
}

const row = (one: PlannedStep): readonly string[] => {
  const { step, of, runs, earliestStartMs, latestStartMs, latestEndMs, attempts, timeoutMs, waitMs, action } = one;
  const isTimed = earliestStartMs !== null && latestStartMs !== null && latestEndMs !== null;
  return [
    of === null ? step : `  ${step}`,
    runs,
    isTimed ? `${seconds(earliestStartMs)}..${seconds(latestStartMs)}` : '-',
    isTimed ? seconds(latestEndMs) : '-',
    attempts > 0 ? `${attempts} x ${seconds(timeoutMs)}` : '-',
    waitMs > 0 ? seconds(waitMs) : '-',
    action ?? 'parallel',
  ];
};

/** What does not fit in the table: why, and with which values. */
function notes({ step, why, calls, items, dependsOn, problem }: PlannedStep): string[] {
  const about = [
    ...(why === null ? [] : [why]),
    ...(items === null ? [] : [`${items} item${items === 1 ? '' : 's'}`]),
    ...calls.map((values) => JSON.stringify(values)).filter((values) => values !== '{}'),
    ...(dependsOn.length > 0 ? [`depends on ${dependsOn.join(', ')}`] : []),
    ...(problem === null ? [] : [bad(problem)]),
  ];
  return about.length > 0 ? [`${faint(step)}: ${about.join('; ')}`] : [];
}

const seconds = (ms: number) => `${ms / 1_000}s`;
const indent = (text: string) => text.split('\n').map((line) => `    ${line}`).join('\n');
