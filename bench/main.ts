/** `npm run bench`: everything, or `npm run bench -- --rounds 30`. Writes bench/results.json. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { recoveryBench } from './recovery.bench.ts';

const at = process.argv.indexOf('--rounds');
const rounds = at > 0 ? Number(process.argv[at + 1]) : 15;
const rows = await recoveryBench(rounds, (line) => process.stderr.write(`${line}\n`));
const results = {
  date: new Date().toISOString(),
  node: process.version,
  machine: `${cpus().length} x ${cpus()[0]?.model.trim() ?? 'unknown'}, ${process.platform} ${release()}`,
  rows,
};
mkdirSync('bench', { recursive: true });
writeFileSync('bench/results.json', `${JSON.stringify(results, null, 2)}\n`);
for (const { id, what, figures, ratios } of rows) {
  process.stdout.write(`${id}  ${what}\n`);
  for (const [name, { p50, p99 }] of Object.entries(figures)) {
    process.stdout.write(`    ${name.padEnd(8)} p50 ${p50} ms, p99 ${p99} ms\n`);
  }
  for (const [name, ratio] of Object.entries(ratios)) process.stdout.write(`    ${name}: ${ratio}\n`);
}
