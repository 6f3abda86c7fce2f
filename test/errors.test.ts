import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'vitest';
import { errorCodes, GraceError, toErrorRecord } from '../src/core/errors.ts';

const root = `${import.meta.dirname}/..`;

describe('errors', () => {
  test('the catalogue and the README list the same codes, in the same words', () => {
    const readme = readFileSync(`${root}/README.md`, 'utf8');
    const rows = Object.fromEntries(
      [...readme.matchAll(/^\| `(GRACE_\w+)` \| (.+) \|$/gm)].map(([, code, text]) => [code, text]),
    );
    assert.deepEqual(rows, { ...errorCodes });
  });

  test('the catalogue is sorted', () => {
    const codes = Object.keys(errorCodes);
    assert.deepEqual(codes, codes.toSorted());
  });

  test('anything that was thrown becomes a record', () => {
    assert.equal(toErrorRecord(null).message, 'null was thrown');
    assert.equal(toErrorRecord(new GraceError('GRACE_BUS_TIMEOUT', 'late')).code, 'GRACE_BUS_TIMEOUT');
    const hostile = { get message() { throw new Error('no'); }, name: 'x' };
    assert.match(toErrorRecord(hostile).message, /cannot be described/);
  });
});
