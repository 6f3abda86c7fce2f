// Rules about the code itself. A rule that is not checked here is only a wish.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, test } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const feature = ['src/core', 'machines'];
const publicEntries = ['src/index.ts', 'src/kernel.ts'];

/** Which layer may import which. Every layer may import itself; one that is missing, nothing else. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  'src/core': [],
  machines: ['src/core'],
  'src/worker': ['src/core'],
  'src/kernels': feature,
  'src/supervision': feature,
  'src/triggers': feature,
  'src/incidents': feature,
  'src/playbooks': feature,
  'src/inspection': feature,
  'src/remediation': [...feature, 'src/kernel.ts'],
  'src/journal': [...feature, 'src/kernel.ts'],
  'src/bus': [...feature, 'src/kernel.ts'],
  'src/system': ['src/core'],
  'src/wiring': [
    ...feature, 'src/kernels', 'src/supervision', 'src/triggers', 'src/incidents',
    'src/playbooks', 'src/remediation', 'src/journal', 'src/bus', 'src/system',
  ],
  'src/grace.ts': [
    ...feature, 'src/wiring', 'src/kernels', 'src/triggers', 'src/incidents', 'src/playbooks',
    'src/remediation', 'src/journal', 'src/bus', 'src/inspection', 'src/system',
  ],
  'src/simulation': [
    ...feature, 'src/worker', 'src/kernels', 'src/bus', 'src/journal', 'src/remediation', 'src/wiring', 'src/grace.ts',
  ],
  'src/kernel.ts': ['src/core'],
  'src/index.ts': ['src/core', 'src/grace.ts', 'src/kernel.ts', 'src/journal', 'src/playbooks', 'src/kernel-modules.ts'],
  'src/reference-host': publicEntries,
  'src/chaos': [...publicEntries, 'src/reference-host'],
  'src/cli': [...publicEntries, 'src/chaos', 'src/reference-host'],
  bench: [...publicEntries, 'src/reference-host'],
};

/** Files that stand for the outside world, and so may touch it. */
const outsideWorld = /^(bench|src\/(cli|chaos|reference-host|worker|system)\/|src\/[\w-]+\/system-[\w-]+\.ts)/;

const banned = [
  { text: /\bDate\.now\(|new Date\(\)|performance\.now\(/, use: 'the injected Clock', inner: true },
  { text: /\bMath\.random\(|randomUUID\(/, use: 'the injected Random', inner: true },
  { text: /\bafter: \{/, use: 'an invoked alarm: `after` does not survive a restore', inner: false },
  { text: /\bFIXME\b|\bTODO\b/, use: 'nothing: finish it', inner: false },
  { text: /\bas any\b|@ts-ignore|@ts-expect-error/, use: 'a type', inner: false },
];

const layerOf = (path: string) =>
  path.split('/').slice(0, path.startsWith('src/') ? 2 : 1).join('/');

function* sourceFiles() {
  for (const top of ['src', 'machines', 'bench']) {
    for (const entry of readdirSync(join(root, top), { recursive: true, withFileTypes: true })) {
      if (entry.isFile() && entry.name.endsWith('.ts') && !entry.parentPath.includes('node_modules')) {
        const path = relative(root, join(entry.parentPath, entry.name));
        yield { path, text: readFileSync(join(root, path), 'utf8') };
      }
    }
  }
}

/** The relative imports of a file, static or dynamic, over several lines too. */
const importsOf = (text: string) =>
  [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map((match) => match[1]!);

export function problemsIn(path: string, text: string): string[] {
  const problems: string[] = [];
  const layer = layerOf(path);
  for (const [index, line] of text.split('\n').entries()) {
    for (const { text: pattern, use, inner } of banned) {
      const found = pattern.exec(line)?.[0];
      if (!found || (inner && outsideWorld.test(path))) continue;
      problems.push(`${path}:${index + 1}: ${found} is banned, use ${use}`);
    }
    if (line.length > 120) problems.push(`${path}:${index + 1}: ${line.length} columns, 120 at most`);
  }
  for (const imported of importsOf(text)) {
    const target = layerOf(relative(root, resolve(root, dirname(path), imported)));
    if (target !== layer && !mayImport[layer]?.includes(target)) {
      problems.push(`${path}: ${layer} may not import ${target} (${imported})`);
    }
  }
  return problems;
}

describe('tidy', () => {
  test('every file keeps the rules of the house', () => {
    const problems = [...sourceFiles()].flatMap(({ path, text }) => problemsIn(path, text));
    assert.equal(problems.length, 0, `\n${problems.join('\n')}`);
  });

  test('the check sees a forbidden import, a clock and a forced type', () => {
    const bad = "import { x } from '../journal/writer.ts';\nconst t = Date.now() as any;\n";
    assert.equal(problemsIn('src/bus/example.ts', bad).length, 3);
  });
});
