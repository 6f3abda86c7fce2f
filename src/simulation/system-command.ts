/**
 * `npm run simulate -- --seed N --runs 10000`: runs from this seed on, in as many processes as there are cores.
 *
 * A run that violates something prints its seed, the commit, its faults (as few as will do) and the command that
 * plays it again; `--save DIR` keeps it as a file that the tests replay. `--replay FILE` plays such a file. Exits
 * 1 when a checker complained, or when something that happens sometimes never did (`--runs` 500 or more).
 */
import { fork, execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runBatch, sumOf, type Batch, type BatchResult } from './batch.ts';
import { shrink } from './shrink.ts';
import { simulate, type Scenario, type SimulatedRun } from './simulate.ts';

/** With so many runs, all that happens sometimes has to have happened. */
const runsForAll = 500;
const shownMax = 5;
const say = (line: string) => process.stderr.write(`${line}\n`);

if (process.send) await work();
else process.exitCode = await main();

/** One of the processes: gets a batch, answers with what came of it. */
async function work(): Promise<void> {
  const batch = await new Promise<Batch>((resolve) => {
    process.once('message', (message) => resolve(message as Batch));
  });
  process.send!(await runBatch(batch));
  process.disconnect();
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' }, runs: { type: 'string', default: '100' }, replay: { type: 'string' },
      save: { type: 'string' }, json: { type: 'boolean', default: false },
    },
  });
  if (values.replay !== undefined) return replay(values.replay);
  const runs = Number(values.runs);
  const seed = values.seed === undefined ? Math.floor(Math.random() * 1e9) : Number(values.seed);
  if (!Number.isInteger(runs) || runs < 1 || !Number.isInteger(seed) || seed < 0) {
    say(`expected whole numbers, got: --seed ${values.seed ?? ''} --runs ${values.runs}`);
    return 2;
  }
  say(`simulating ${runs} runs from seed ${seed}`);
  const beganAtMs = performance.now();
  const result = sumOf(await Promise.all(shares({ seed, runs }).map(inProcess)));
  const tookS = (performance.now() - beganAtMs) / 1_000;
  const wanted = runs >= runsForAll ? Object.entries(result.seen) : [];
  const never = wanted.flatMap(([name, times]) => (times === 0 ? [name] : []));
  const failed: SimulatedRun[] = [];
  for (const run of result.failed.slice(0, shownMax)) failed.push(await shrink(run));
  for (const run of failed) report(run, values.save);
  const summary = {
    seed, runs, clean: result.failed.length === 0, failed: result.failed.map(({ scenario }) => scenario.seed), never,
    seconds: Number(tookS.toFixed(1)), virtualHours: Number((result.virtualMs / 3_600_000).toFixed(2)),
    virtualHoursPerMinute: Number((result.virtualMs / 3_600_000 / (tookS / 60)).toFixed(2)),
    incidents: result.incidents, seen: result.seen,
  };
  if (values.json) process.stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
  else process.stdout.write(`${textOf(summary)}\n`);
  return summary.clean && never.length === 0 ? 0 : 1;
}

async function replay(file: string): Promise<number> {
  const { scenario } = JSON.parse(readFileSync(file, 'utf8')) as { readonly scenario: Scenario };
  const run = await simulate(scenario);
  if (run.violations.length > 0) report(run, undefined);
  else process.stdout.write(`${file}: clean\n`);
  return run.violations.length > 0 ? 1 : 0;
}

function shares({ seed, runs }: Batch): Batch[] {
  const processes = Math.min(availableParallelism(), runs);
  const each = Math.ceil(runs / processes);
  return Array.from({ length: processes }, (_, index) => ({
    seed: seed + index * each, runs: Math.max(0, Math.min(each, runs - index * each)),
  }));
}

function inProcess(batch: Batch): Promise<BatchResult> {
  const child = fork(fileURLToPath(import.meta.url), { serialization: 'advanced' });
  child.send(batch);
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(message as BatchResult));
    child.once('exit', (code) => reject(new Error(`a simulating process ended with exit code ${code}`)));
  });
}

function report({ scenario, violations }: SimulatedRun, save: string | undefined): void {
  say('');
  say(`seed ${scenario.seed}, commit ${commit()}, violates:`);
  for (const { checker, what } of violations.slice(0, shownMax)) say(`  ${checker}: ${what}`);
  say(`  of ${JSON.stringify(scenario.topology)} with`);
  for (const fault of scenario.faults) say(`  ${JSON.stringify(fault)}`);
  say(`  again: npm run simulate -- --seed ${scenario.seed} --runs 1`);
  if (save === undefined) return;
  mkdirSync(save, { recursive: true });
  const file = join(save, `seed-${scenario.seed}.json`);
  writeFileSync(file, `${JSON.stringify({ note: violations[0]?.what ?? '', scenario }, null, 2)}\n`);
  say(`  kept:  npm run simulate -- --replay ${file}`);
}

function commit(): string {
  try {
    const said = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { stdio: ['ignore', 'pipe', 'ignore'] });
    return said.toString('utf8').trim();
  } catch {
    return 'unknown';
  }
}

function textOf(summary: {
  runs: number; clean: boolean; failed: readonly number[]; never: readonly string[]; seconds: number;
  virtualHours: number; virtualHoursPerMinute: number; incidents: number; seen: Readonly<Record<string, number>>;
}): string {
  const { runs, clean, failed, never, seconds, virtualHours, virtualHoursPerMinute, incidents, seen } = summary;
  return [
    ...Object.entries(seen).map(([name, times]) => `${String(times).padStart(6)}  ${name}`),
    ...never.map((name) => ` never  ${name}`),
    `${runs} runs, ${incidents} incidents, ${virtualHours} virtual hours in ${seconds} s ` +
      `(${virtualHoursPerMinute} h/min)`,
    clean ? 'clean' : `violated by seeds ${failed.join(', ')}`,
  ].join('\n');
}
