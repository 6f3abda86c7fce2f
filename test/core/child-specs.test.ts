import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { parseChildSpecs, type KernelInput } from '../../src/core/child-specs.ts';
import type { GraceError } from '../../src/core/errors.ts';

const kernel = (input: Partial<KernelInput>): KernelInput => ({
  id: 'a', module: 'file:///a.js', ...input,
});

function refusal(...inputs: readonly KernelInput[]): GraceError {
  try {
    parseChildSpecs(inputs);
  } catch (error) {
    return error as GraceError;
  }
  return assert.fail('nothing was refused');
}

describe('child specs', () => {
  test('have the defaults of the design', () => {
    const [critical, other] = parseChildSpecs([
      kernel({ id: 'bus', critical: true }), kernel({ id: 'orders' }),
    ]);
    assert.deepEqual(critical!.liveness, { tardyMs: 250, silentMs: 1_000, stalledMs: 30_000 });
    assert.deepEqual(other!.liveness, { tardyMs: 1_000, silentMs: 5_000, stalledMs: 30_000 });
    assert.deepEqual(
      [critical, other].map((spec) => [spec!.supervisor, spec!.standby, spec!.restart, spec!.shutdown]),
      [['critical', 1, 'permanent', 5_000], ['application', 0, 'permanent', 5_000]],
    );
    assert.equal(other!.startDeadlineMs, 10_000);
    assert.equal(other!.saveIntervalMs, 1_000);
  });

  test('come in the order of what depends on what', () => {
    const specs = parseChildSpecs([
      kernel({ id: 'c', dependsOn: ['b'] }), kernel({ id: 'a' }), kernel({ id: 'b', dependsOn: ['a'] }),
    ]);
    assert.deepEqual(specs.map(({ id }) => id), ['a', 'b', 'c']);
  });

  test('refuse duplicate ids', () => {
    const error = refusal(kernel({}), kernel({}));
    assert.equal(error.code, 'GRACE_KERNEL_DUPLICATE');
    assert.match(error.message, /"a"/);
  });

  test('refuse a circle and show it', () => {
    const error = refusal(kernel({ id: 'a', dependsOn: ['b'] }), kernel({ id: 'b', dependsOn: ['a'] }));
    assert.equal(error.code, 'GRACE_DEPENDENCY_CYCLE');
    assert.match(error.message, /a -> b -> a/);
  });

  test('refuse a dependency that does not exist', () => {
    assert.equal(refusal(kernel({ dependsOn: ['ghost'] })).code, 'GRACE_DEPENDENCY_UNKNOWN');
  });

  test('name the field, what was expected and what was found', () => {
    const error = refusal(kernel({ liveness: { silent: '5 minutes' } }));
    assert.equal(error.code, 'GRACE_CONFIG_INVALID');
    assert.match(error.message, /kernels\[0\]\.liveness\.silent: .*duration.*got: "5 minutes"/);
  });

  test('refuse a permanent child that is significant', () => {
    assert.match(refusal(kernel({ significant: true })).message, /permanent and significant/);
  });
});
