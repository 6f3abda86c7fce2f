// The coverage of the charts by their model tests, as one table: `npm run coverage:models`, after the tests.
// Ends with 1 when a chart or a shipped playbook has no part, an old one, or something that no path takes.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const names = (folder, ending, prefix = '') => readdirSync(join(root, folder))
  .filter((file) => file.endsWith(ending)).map((file) => prefix + file.slice(0, -ending.length)).toSorted();
const required = [...names('machines', '.machine.ts'), ...names('playbooks', '.yaml', 'playbook.')];

const isReached = ({ taken }) => taken > 0;
const hashOf = (file) => createHash('sha256').update(readFileSync(join(root, file))).digest('hex');

/** What is wrong with a part; nothing, when it is complete. */
function problemsOf({ sources, states, transitions, unreachable }) {
  const changed = sources.filter(({ file, sha256 }) => !existsSync(join(root, file)) || hashOf(file) !== sha256);
  return [
    ...changed.map(({ file }) => `${file} has changed since: run the tests again`),
    ...states.filter((state) => !isReached(state)).map(({ name }) => `state ${name} is not reached`),
    ...transitions.filter(({ taken, name }) => taken === 0 && !(name in unreachable))
      .map(({ name }) => `${name} is not taken`),
    ...transitions.filter(({ taken, name }) => taken > 0 && name in unreachable)
      .map(({ name }) => `${name} is taken, and is said to be unreachable`),
  ];
}

const parts = required.map((name) => {
  const file = join(root, 'coverage/models', `${name}.json`);
  if (!existsSync(file)) return { name, problems: ['there is no model test, or it has not been run'] };
  const part = JSON.parse(readFileSync(file, 'utf8'));
  return { ...part, name, problems: problemsOf(part) };
});

for (const { name, states = [], transitions = [], unreachable = {} } of parts) {
  console.log(`\n${name}`);
  for (const { name: state, taken } of states) console.log(`  ${String(taken).padStart(7)}  ${state}`);
  for (const { name: transition, taken } of transitions) {
    const why = unreachable[transition];
    console.log(`  ${String(taken).padStart(7)}  ${transition}${why ? `\n           cannot be taken: ${why}` : ''}`);
  }
}

const countsOf = (paths) =>
  paths ? [`${paths.shortest}`, `${paths.longer}`, `${paths.simple}${paths.allSimple ? '' : ' drawn'}`] : ['', '', ''];
const of = (list = []) => `${list.filter(isReached).length} of ${list.length}`;
const rows = parts.map(({ name, states, transitions, unreachable = {}, paths, problems }) => [
  name, of(states), of(transitions), String(Object.keys(unreachable).length),
  ...countsOf(paths),
  problems.length === 0 ? 'complete' : 'INCOMPLETE',
]);
const head = ['machine', 'states', 'transitions', 'unreachable', 'shortest', 'longer', 'simple', ''];
const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)));
console.log();
for (const row of [head, ...rows]) {
  console.log(row.map((cell, column) => cell.padEnd(widths[column])).join('  ').trimEnd());
}

const problems = parts.flatMap(({ name, problems: some }) => some.map((problem) => `${name}: ${problem}`));
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
