import { existsSync } from 'node:fs';
import { openJournalFolder, type JournalEntry } from '../index.ts';
import { dataOf, incidentsIn, kernelsIn, traceOf } from './journal-view.ts';
import { why } from './why.ts';
import { bad, exitCode, faint, good, print, say, table, type Output } from './output.ts';

export type DataOptions = Output & { readonly dataDir: string };

/** The journal, or undefined with a message when there is none. */
function open(dataDir: string) {
  const journal = openJournalFolder(dataDir);
  if (existsSync(journal.dir)) return journal;
  say(`There is no journal in ${journal.dir}. Start a host with: grace run, or give --data-dir.`);
  return undefined;
}

export function ps(options: DataOptions): number {
  const journal = open(options.dataDir);
  if (!journal) return exitCode.usage;
  const view = kernelsIn(journal.entries());
  print(view, options, ({ host, kernels }) => [
    host
      ? `host ${host.pid}: ${host.running ? good('running') : bad('not running')} ${faint(`since ${host.since}`)}`
      : 'no host has started here',
    table([
      ['KERNEL', 'STATUS', 'CRITICAL', 'EPOCH', 'RESTARTS', 'SINCE'],
      ...kernels.map(({ kernel, status, critical, epoch, restarts, since }) => [
        kernel, host?.running ? status : `${status} (last seen)`, critical ? 'yes' : '', `${epoch}`,
        `${restarts}`, since,
      ]),
    ]),
  ].join('\n'));
  return exitCode.ok;
}

export function incidents(options: DataOptions): number {
  const journal = open(options.dataDir);
  if (!journal) return exitCode.usage;
  print(incidentsIn(journal.entries()), options, (list) =>
    list.length === 0
      ? 'no incident'
      : table([
          ['INCIDENT', 'SEVERITY', 'STATE', 'OPENED', 'OPEN MS', 'KERNELS', 'CAUSE'],
          ...list.map((one) => [
            one.incident, one.severity, one.state, one.openedAt, one.openMs?.toFixed(0) ?? '-',
            one.kernels.join(','), one.cause ?? '-',
          ]),
        ]));
  return exitCode.ok;
}

export function trace(incident: string, options: DataOptions): number {
  const journal = open(options.dataDir);
  if (!journal) return exitCode.usage;
  const found = traceOf([...journal.entries()], incident);
  if (found.length === 0) {
    say(`There is no incident "${incident}" in ${journal.dir}. List them with: grace incidents.`);
    return exitCode.usage;
  }
  print(found, options, (entries) => {
    const beganAtMs = entries[0]!.atMs;
    return entries.map((entry) => line(entry, beganAtMs)).join('\n');
  });
  return exitCode.ok;
}

/** Why a trigger fired or did not, or why an incident took its turns. */
export function explain(asked: string, options: DataOptions): number {
  const journal = open(options.dataDir);
  if (!journal) return exitCode.usage;
  const answer = why([...journal.entries()], asked);
  if (!answer) {
    say(`The journal knows no trigger and no incident "${asked}". List them with: grace incidents.`);
    return exitCode.usage;
  }
  print(answer, options, ({ kind, reasons }) => reasons.length === 0
    ? `${kind} ${asked} never had a reason to fire: no kernel went down or was degraded`
    : reasons.map(({ at, signal, fired, because }) =>
        `${faint(at)}  ${signal}\n    ${fired ? good('yes') : bad('no ')}  ${because}`).join('\n'));
  return exitCode.ok;
}

export function verifyJournal(options: DataOptions): number {
  const journal = open(options.dataDir);
  if (!journal) return exitCode.usage;
  const verdict = journal.verify();
  print(verdict, options, ({ ok, entries, segments, problems, tornBytes, root }) => [
    `${ok ? good('verified') : bad('NOT verified')}: ${entries} entries in ${segments} segments, root ${root}`,
    ...(tornBytes > 0 ? [`the last line was never finished: ${tornBytes} bytes`] : []),
    ...problems.map(({ file, line: number, what }) => `${file}:${number}: ${what}`),
  ].join('\n'));
  return verdict.ok ? exitCode.ok : exitCode.verification;
}

export function tailJournal(count: number, options: DataOptions): number {
  const journal = open(options.dataDir);
  if (!journal) return exitCode.usage;
  for (const entry of journal.tail(count)) {
    process.stdout.write(`${options.json ? JSON.stringify(entry) : line(entry, undefined)}\n`);
  }
  return exitCode.ok;
}

function line(entry: JournalEntry, beganAtMs: number | undefined): string {
  const when = beganAtMs === undefined
    ? new Date(entry.wallMs).toISOString()
    : `+${(entry.atMs - beganAtMs).toFixed(1)}ms`.padStart(12);
  const { payload = entry.data, depth = 0 } = (dataOf(entry) ?? {}) as Partial<ReturnType<typeof dataOf>>;
  const text = JSON.stringify(payload);
  const shown = text.length > 160 ? `${text.slice(0, 157)}...` : text;
  const indent = beganAtMs === undefined ? '' : '  '.repeat(Math.min(depth, 6));
  return `${faint(when)}  ${indent}${entry.type}  ${faint(entry.actor)}  ${shown}`;
}
