#!/usr/bin/env node
/** The `grace` command. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { GraceError, toErrorRecord } from '../index.ts';
import { listScenarios, runScenario, type ChaosFlags } from './chaos-commands.ts';
import { explain, incidents, ps, tailJournal, trace, verifyJournal, type DataOptions } from './journal-commands.ts';
import { exitCode, say } from './output.ts';
import { checkCommand, listCommand, planCommand, type PlanFlags } from './playbook-commands.ts';
import type { InspectFlag } from './inspect-flag.ts';
import { runHost } from './run-command.ts';

const { version } = JSON.parse(
  readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
) as { version: string };

let code: number = exitCode.ok;
const program = new Command('grace')
  .description('A resilient runtime inside a Node.js process')
  .version(version)
  .exitOverride()
  .showSuggestionAfterError()
  .configureHelp({ showGlobalOptions: true });

/** A command with the options that every command has. */
const command = (parent: Command, signature: string, description: string) =>
  parent
    .command(signature)
    .description(description)
    .exitOverride()
    .option('--json', 'print one JSON document', false)
    .option('--data-dir <dir>', 'where the journal and the artefacts are', '.grace');

const inspectFlag = ['--inspect [port]', 'serve the Stately inspector on the loopback interface (8787)'] as const;

const does = <T extends unknown[]>(work: (...args: T) => number | Promise<number>) =>
  async (...args: T): Promise<void> => {
    code = await work(...args);
  };

command(program, 'run', 'run the reference host until Ctrl-C')
  .option(...inspectFlag)
  .action(does((options: DataOptions & InspectFlag) => runHost(options)));
command(program, 'ps', 'list kernels').action(does((options: DataOptions) => ps(options)));
command(program, 'incidents', 'list incidents').action(does((options: DataOptions) => incidents(options)));
command(program, 'trace <incident>', 'show what led to an incident, and all that followed')
  .action(does((incident: string, options: DataOptions) => trace(incident, options)));
command(program, 'why <trigger-or-incident>', 'say why it fired, or which condition kept it from firing')
  .action(does((asked: string, options: DataOptions) => explain(asked, options)));

const playbook = program.command('playbook').description('check, plan and list playbooks').exitOverride();
command(playbook, 'check [files...]', 'check playbooks and prove their SLOs')
  .action(does((files: string[], options: DataOptions) => checkCommand(files, options)));
command(playbook, 'plan <playbook>', 'show the schedule of a run for an event, without running it')
  .requiredOption('--event <file>', 'JSON: an event that fires triggers, or its payload')
  .option('--playbooks <dir>', 'where playbooks are (./playbooks, or the ones that ship)')
  .action(does((id: string, options: DataOptions & PlanFlags) => planCommand(id, options)));
command(playbook, 'ls', 'list playbooks').action(does((options: DataOptions) => listCommand(options)));

const journal = program.command('journal').description('read and verify the journal').exitOverride();
command(journal, 'verify', 'check every byte of the journal; exit 4 when it fails')
  .action(does((options: DataOptions) => verifyJournal(options)));
command(journal, 'tail', 'show the newest entries')
  .option('-n, --lines <count>', 'how many', '20')
  .action(does((options: DataOptions & { lines: string }) => tailJournal(Number(options.lines), options)));

const chaos = program.command('chaos').description('prove that recovery works').exitOverride();
command(chaos, 'ls', 'list scenarios').action(does((options: DataOptions) => listScenarios(options)));
command(chaos, 'run <scenario>', 'run a scenario; exit 1 when it fails')
  .option('--cause <cause>', 'how the kernels fail: kill, throw, exit, hang or leak')
  .option('--kernel <name>', 'which kernel fails, where a scenario takes one')
  .option('--detector <name>', 'heartbeat, or watchdog: liveness and supervisors alone')
  .option('--no-recovery', 'negative control: supervisors and playbooks off')
  .option(...inspectFlag)
  .action(does((id: string, options: DataOptions & ChaosFlags & InspectFlag & { recovery: boolean }) =>
    runScenario(id, options)));

try {
  await program.parseAsync();
} catch (error) {
  code = failure(error);
}
// What is left would only be a thread that cannot be ended.
process.exitCode = code;

function failure(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.usage;
  if (error instanceof GraceError) {
    say(`${error.code}: ${error.message}`);
    return /PLAYBOOK|CONFIG|DEPENDENCY|DUPLICATE/.test(error.code) ? exitCode.usage : exitCode.failed;
  }
  say(toErrorRecord(error).stack ?? String(error));
  return exitCode.failed;
}
