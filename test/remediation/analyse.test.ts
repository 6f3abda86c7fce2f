import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import fc from 'fast-check';
import type { KernelEvidence } from '../../src/core/diagnosis.ts';
import type { ErrorRecord } from '../../src/core/errors.ts';
import type { DownReason } from '../../src/core/kernel.ts';
import { analyse } from '../../src/remediation/analyse.ts';
import { collectEvidence } from '../../src/remediation/evidence.ts';
import { MitigationBook } from '../../src/remediation/mitigations.ts';

const failed = (reason: DownReason, over: Partial<KernelEvidence> = {}): KernelEvidence => ({
  kernel: 'bus', epoch: 1, module: 'file:///bus.js', reason, diedAtMs: 1_000, ranMs: 900, heapLimitMb: 64,
  memory: [], deathsRecently: 1, ...over,
});
const threw = (name: string, message: string, code?: string) =>
  failed({ kind: 'threw', notice: 'last_words', exitCode: 1, error: { name, message, ...(code && { code }) } });
const diagnose = (...kernels: KernelEvidence[]) => analyse(collectEvidence('inc_1', 2_000, kernels));
const leak = Array.from({ length: 20 }, (_, n) => ({ atMs: n * 500, heapUsedKb: 20_000 + n * 2_000, externalKb: 0 }));

const labelled: readonly (readonly [what: string, kernel: KernelEvidence, category: string, subcause: string])[] = [
  ['a missing package', threw('Error', "Cannot find package 'left-pad' imported from /app/a.js", 'ERR_MODULE_NOT_FOUND'),
    'dependency', 'dep.package_missing'],
  ['a missing local file', threw('Error', "Cannot find module '/app/lib/store.js' imported from /app/a.js", 'ERR_MODULE_NOT_FOUND'),
    'dependency', 'dep.local_file_missing'],
  ['a missing export', threw('SyntaxError', "The requested module './bus.js' does not provide an export named 'publish'"),
    'dependency', 'dep.named_export_missing'],
  ['a taken port', threw('Error', 'listen EADDRINUSE: address already in use :::8080', 'EADDRINUSE'),
    'configuration', 'cfg.port_in_use'],
  ['a wrong path', threw('Error', "ENOENT: no such file or directory, open '/etc/app/import.json'", 'ENOENT'),
    'configuration', 'cfg.path_missing'],
  ['a broken JSON file', threw('SyntaxError', 'Unexpected token } in JSON at position 10'), 'configuration', 'cfg.invalid_json'],
  ['a full disk', threw('Error', 'ENOSPC: no space left on device, write', 'ENOSPC'), 'resource', 'res.disk_full'],
  ['a leak', failed({ kind: 'out_of_memory', notice: 'worker_exit', exitCode: 1 }, { memory: leak }), 'resource', 'res.heap_leak'],
  ['a blocked loop', failed({ kind: 'silent', notice: 'monitor' }), 'resource', 'res.event_loop_blocked'],
  ['a bug', threw('TypeError', "Cannot read properties of undefined (reading 'import')"), 'unknown', 'unk.logic_bug'],
  ['an assertion', threw('AssertionError', 'the ledger does not balance', 'ERR_ASSERTION'), 'unknown', 'unk.assertion'],
  ['an exit without words', failed({ kind: 'exited', notice: 'last_words', exitCode: 3 }), 'unknown', 'unk.unclear_exit'],
  ['a thread ended from outside', failed({ kind: 'ended_from_outside', notice: 'port_close', exitCode: 1 }),
    'unknown', 'unk.ended_from_outside'],
];

describe('the analyser', () => {
  for (const [what, kernel, category, subcause] of labelled) {
    test(`names ${what}`, () => {
      const diagnosis = diagnose(kernel);
      assert.deepEqual([diagnosis.category, diagnosis.subcause], [category, subcause]);
      assert.ok(diagnosis.evidence.length > 0 && diagnosis.rootCause !== '');
      // Only a resource cause may be acted upon without review, and only where there is something to do.
      assert.equal(diagnosis.mitigations.length > 0, subcause === 'res.heap_leak');
    });
  }

  test('is surer when several threads were ended from outside at the same instant', () => {
    const gone = (kernel: string, diedAtMs: number) =>
      failed({ kind: 'ended_from_outside', notice: 'port_close' }, { kernel, diedAtMs });
    const one = diagnose(gone('a', 1_000));
    const three = diagnose(gone('a', 1_000), gone('b', 1_001), gone('c', 1_002));
    assert.ok(three.confidence > one.confidence);
    assert.ok(three.evidence.includes('together'));
  });

  test('does not say "ended from outside" of a thread whose heap was nearly full', () => {
    const full = failed({ kind: 'ended_from_outside', notice: 'port_close' }, {
      memory: [{ atMs: 1, heapUsedKb: 63_000, externalKb: 0 }],
    });
    assert.equal(diagnose(full).subcause, 'unk.unclear_exit');
  });

  test('property: it never throws, and cites only lines that exist (1,000 runs)', () => {
    const text = fc.string({ maxLength: 60 });
    const error: fc.Arbitrary<ErrorRecord> = fc.record({ name: text, message: text, code: text });
    const kind = fc.constantFrom<DownReason['kind']>('threw', 'exited', 'ended_from_outside', 'out_of_memory', 'silent',
      'start_failed', 'start_timeout');
    const kernel = fc.record({ kernel: fc.constantFrom('a', 'b', 'c'), kind, error, exitCode: fc.integer(), atMs: fc.nat(5_000) });
    fc.assert(fc.property(fc.uniqueArray(kernel, { selector: (one) => one.kernel, maxLength: 3 }), (kernels) => {
      const bundle = collectEvidence('i', 0, kernels.map((one) => failed(
        { kind: one.kind, notice: 'last_words', error: one.error, exitCode: one.exitCode },
        { kernel: one.kernel, diedAtMs: one.atMs },
      )));
      const { evidence, confidence } = analyse(bundle);
      const known = new Set(bundle.lines.map(({ id }) => id));
      assert.ok(evidence.every((id) => known.has(id)));
      assert.ok(confidence > 0 && confidence < 1);
    }), { numRuns: 1_000 });
  });

  const corpus = join(import.meta.dirname, '../../../shared/corpus/open.jsonl');
  test.runIf(existsSync(corpus))('agrees on the category of most recorded failures, where they are at hand', () => {
    interface Recorded { error: ErrorRecord; category: string; exit: { code: number | null } | null }
    const cases = readFileSync(corpus, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Recorded);
    const right = cases.filter(({ error, category, exit }) => diagnose(failed({
      kind: 'threw', notice: 'last_words', error, ...(typeof exit?.code === 'number' && { exitCode: exit.code }),
    })).category === category).length;
    console.log(`recorded failures: the category of ${right} of ${cases.length} is right`);
    assert.ok(right > cases.length / 3);
  });
});

describe('mitigations', () => {
  test('are put in force, and can be taken back', () => {
    const book = new MitigationBook();
    const { mitigations } = diagnose(failed({ kind: 'out_of_memory', notice: 'worker_exit' }, { memory: leak }));
    assert.deepEqual(mitigations.map(({ kind }) => kind), ['monitor', 'limit', 'breaker']);
    const [monitor] = mitigations.map((request) => book.apply('inc_1', request, 1).mitigation);
    assert.deepEqual(book.revert(monitor!.id), monitor);
    assert.ok(!book.active().includes(monitor!));
    assert.equal(book.revert(monitor!.id), undefined);
  });

  test('replace those of the same kind for the same kernel', () => {
    const book = new MitigationBook();
    book.apply('inc_1', { kind: 'limit', kernel: 'bus', heapMb: 64 }, 1);
    const { replaced } = book.apply('inc_2', { kind: 'limit', kernel: 'bus', heapMb: 128 }, 2);
    assert.deepEqual(replaced.map(({ incident }) => incident), ['inc_1']);
    assert.deepEqual(book.active().map((one) => one.kind === 'limit' && one.heapMb), [128]);
  });
});
