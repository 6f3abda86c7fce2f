import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import fc from 'fast-check';
import type { GraceError } from '../../src/core/errors.ts';
import type { JournalEntry } from '../../src/core/journal.ts';
import { MerkleTree, leafHash } from '../../src/core/merkle.ts';
import { entryLine, recordTail } from '../../src/journal/format.ts';
import { readJournal } from '../../src/journal/read.ts';
import { verifyJournal } from '../../src/journal/verify.ts';
import { JournalWriter } from '../../src/journal/writer.ts';
import { MemoryFiles } from '../support/memory-files.ts';

const dir = '/journal';
const file = `${dir}/000000000001.jsonl`;
const now = { atMs: 1, wallMs: 2 };
const tail = (data: unknown) =>
  recordTail({ type: 'test.happened', actor: 'test', incident: null, data, ...now });

/** A journal of `count` entries, written in groups of three. */
function written(count: number): MemoryFiles {
  const files = new MemoryFiles();
  const { writer } = JournalWriter.open(files, dir, now);
  for (let n = 0; n < count; n += 3) {
    writer.write(Array.from({ length: Math.min(3, count - n) }, (_, at) => tail({ n: n + at, text: 'ä"\n' })));
  }
  return files;
}

const dataOf = (files: MemoryFiles) => [...readJournal(dir, files)].map((entry) => entry.type);

describe('journal writer', () => {
  test('writes one line per entry, chained from zeros, and verifies', () => {
    const files = written(7);
    const entries = [...readJournal(dir, files)];
    assert.deepEqual(entries.map(({ sequence }) => sequence), [1, 2, 3, 4, 5, 6, 7]);
    assert.equal(entries[0]!.previous, '0'.repeat(64));
    const lines = files.contents.get(file)!.toString().trim().split('\n');
    assert.equal(entries[1]!.previous, leafHash(lines[0]!));
    const verdict = verifyJournal(dir, files);
    assert.deepEqual([verdict.ok, verdict.entries, verdict.tornBytes], [true, 7, 0]);
  });

  test('syncs once for each group', () => {
    const files = new MemoryFiles();
    const { writer } = JournalWriter.open(files, dir, now);
    writer.write([tail(1), tail(2), tail(3)]);
    assert.equal(files.syncs, 1);
  });

  test('loops over short writes', () => {
    const files = new MemoryFiles();
    const { writer } = JournalWriter.open(files, dir, now);
    files.writeMax = 7;
    writer.write([tail('a long enough record'), tail(2)]);
    assert.ok(verifyJournal(dir, files).ok);
    assert.equal(dataOf(files).length, 2);
  });

  test('property: for every cut of the file it opens, keeps whole entries, and goes on', () => {
    const whole = written(6).contents.get(file)!;
    for (let cut = 0; cut <= whole.length; cut += 1) {
      const files = new MemoryFiles();
      files.contents.set(file, Buffer.from(whole.subarray(0, cut)));
      const kept = whole.subarray(0, cut).toString().split('\n').length - 1;
      const { writer, found, tornBytes } = JournalWriter.open(files, dir, now);
      assert.equal(found, kept);
      writer.write([tail('after')]);
      const verdict = verifyJournal(dir, files);
      assert.ok(verdict.ok, `cut at ${cut}: ${JSON.stringify(verdict.problems)}`);
      assert.equal(verdict.entries, kept + (tornBytes > 0 ? 2 : 1));
      assert.equal(dataOf(files).includes('journal.tail_cut'), tornBytes > 0);
    }
  });

  test('property: a write that fails at any operation leaves what was synced, and the next one works', () => {
    for (let failing = 1; failing <= 6; failing += 1) {
      const files = written(3);
      const { writer } = JournalWriter.open(files, dir, now);
      let operations = 0;
      files.writeMax = 100;
      files.beforeEach = () => {
        operations += 1;
        if (operations === failing) throw new Error('ENOSPC');
      };
      const attempt = () => writer.write([tail('x'.repeat(150)), tail('y')]);
      if (failing <= 5) assert.throws(attempt, (error: GraceError) => error.code === 'GRACE_JOURNAL_WRITE_FAILED');
      files.beforeEach = () => undefined;
      if (failing <= 5) {
        assert.equal(verifyJournal(dir, files).entries, 3);
        assert.equal(verifyJournal(dir, files).tornBytes, 0);
        attempt();
      }
      assert.ok(verifyJournal(dir, files).ok);
    }
  });

  test('refuses to write to a journal with a corrupt line, and names file and line', () => {
    const files = written(3);
    const text = files.contents.get(file)!.toString().split('\n');
    text[1] = 'garbage';
    files.contents.set(file, Buffer.from(text.join('\n')));
    assert.throws(() => JournalWriter.open(files, dir, now), (error: GraceError) =>
      error.code === 'GRACE_JOURNAL_CORRUPT' && error.message.includes(`${file}:2:`));
  });
});

describe('journal verify', () => {
  test('property: finds a flipped bit at every position', () => {
    const whole = written(4).contents.get(file)!;
    for (let at = 0; at < whole.length; at += 1) {
      const files = new MemoryFiles();
      const bytes = Buffer.from(whole);
      bytes[at] = bytes[at]! ^ 1;
      files.contents.set(file, bytes);
      const verdict = verifyJournal(dir, files);
      // The last newline: the entry is whole, and its line is not finished.
      assert.ok(!verdict.ok || verdict.tornBytes > 0, `bit 0 of byte ${at} was flipped unseen`);
    }
  });

  test('finds an entry that was removed, repeated, moved or put in', () => {
    const lines = written(6).contents.get(file)!.toString().trim().split('\n');
    const changed: Record<string, string[]> = {
      removed: lines.toSpliced(2, 1),
      repeated: lines.toSpliced(2, 0, lines[2]!),
      moved: [lines[0]!, lines[2]!, lines[1]!, ...lines.slice(3)],
      forged: lines.toSpliced(3, 1, entryLine(4, (JSON.parse(lines[3]!) as JournalEntry).previous, tail('x'))),
    };
    for (const [what, text] of Object.entries(changed)) {
      const files = new MemoryFiles();
      files.contents.set(file, Buffer.from(`${text.join('\n')}\n`));
      assert.ok(!verifyJournal(dir, files).ok, what);
    }
  });

  test('property: the root of a growing tree is that of RFC 6962 (100 sizes)', () => {
    const naive = (leaves: string[]): string => {
      if (leaves.length === 1) return leaves[0]!;
      let split = 1;
      while (split * 2 < leaves.length) split *= 2;
      const tree = new MerkleTree();
      for (const half of [leaves.slice(0, split), leaves.slice(split)]) tree.add(naive(half));
      return tree.root();
    };
    fc.assert(fc.property(fc.integer({ min: 1, max: 100 }), (size) => {
      const leaves = Array.from({ length: size }, (_, n) => leafHash(String(n)));
      const tree = new MerkleTree();
      for (const leaf of leaves) tree.add(leaf);
      assert.equal(tree.root(), naive(leaves));
    }), { numRuns: 100 });
    // RFC 6962 test vectors of the Certificate Transparency project: no leaf, and the empty leaf.
    assert.equal(new MerkleTree().root(), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    assert.equal(leafHash(''), '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d');
  });
});

describe('journal records', () => {
  test('never throw, and say what could not be written', () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    const getter = { get bad() { throw new Error('no'); } };
    for (const data of [circle, getter, { big: 1n }, undefined, () => 1]) {
      assert.ok(JSON.parse(`{${tail(data)}}`));
    }
    assert.match(tail(circle), /notWritten/);
  });

  test('hold no secrets, at any depth', () => {
    const text = tail({ a: [{ password: 'canary' }], Authorization: 'canary', nested: { apiKey: 'canary' } });
    assert.ok(!text.includes('canary'), text);
  });
});
