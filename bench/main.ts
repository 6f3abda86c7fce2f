/**
 * `npm run bench`: everything; `npm run bench -- --only R1,H1 --rounds 30 --minutes 2`: these rows.
 * Rows that were measured replace those in bench/results.json (`--out FILE`), the others stay. Ends with one
 * table. With `--strict` it exits 1 when a target is missed.
 */
import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { bootBench } from './boot.bench.ts';
import { falseKillsBench } from './false-kills.bench.ts';
import { hangBench, unendableBench } from './hang.bench.ts';
import { idleBench } from './idle.bench.ts';
import { peersBench } from './peers.bench.ts';
import { recoveryBench } from './recovery.bench.ts';
import { mergeResults, type Bench, type Row } from './rows.ts';
import { tableOf } from './table.ts';

const benches: readonly Bench[] = [
  recoveryBench, hangBench, unendableBench, falseKillsBench, bootBench, idleBench, peersBench,
];
const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string', default: '15' },
    minutes: { type: 'string', default: '10' },
    out: { type: 'string', default: 'bench/results.json' },
    strict: { type: 'boolean', default: false },
  },
});
const known = benches.flatMap(({ ids }) => ids);
const wanted = values.only?.split(',') ?? known;
const unknown = wanted.find((id) => !known.includes(id));
if (unknown !== undefined) throw new Error(`There is no row ${unknown}. Known: ${known.join(', ')}.`);

const settings = {
  rounds: Number(values.rounds),
  minutes: Number(values.minutes),
  say: (line: string) => process.stderr.write(`${line}\n`),
};
const rows: Row[] = [];
for (const bench of benches) {
  if (!bench.ids.some((id) => wanted.includes(id))) continue;
  rows.push(...(await bench.run(settings)));
}
const { rows: all } = mergeResults(values.out, {
  date: new Date().toISOString(),
  node: process.version,
  machine: `${cpus().length} x ${cpus()[0]?.model.trim() ?? 'unknown'}, ${process.platform} ${release()}`,
  rows,
});
process.stdout.write(`${tableOf(all)}\n`);
if (values.strict && rows.some(({ target }) => target?.met === false)) process.exitCode = 1;
