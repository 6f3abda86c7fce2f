import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import type { AnyMeshEvent } from '../../src/core/events.ts';
import { createMesh } from '../../src/triggers/mesh.ts';
import { settle, VirtualClock } from '../support/virtual-clock.ts';

const random = () => {
  let count = 0;
  return { next: () => 0, id: (prefix: string) => `${prefix}_${(count += 1)}` };
};
const stopping = { type: 'host.stopping', source: 'test', payload: { zombies: 0 } } as const;

describe('mesh', () => {
  test('delivers in the order of publishing, also what is published meanwhile', async () => {
    const mesh = createMesh(new VirtualClock(), random());
    const got: string[] = [];
    mesh.subscribe(['host.stopping'], (event) => {
      got.push(event.id);
      if (got.length === 1) mesh.publish({ ...stopping, cause: event });
    });
    mesh.publish(stopping);
    mesh.publish(stopping);
    assert.deepEqual(got, [], 'a publish returns before anything is delivered');
    await settle();
    assert.deepEqual(got, ['evt_1', 'evt_2', 'evt_3']);
  });

  test('stamps cause, depth and correlation', async () => {
    const mesh = createMesh(new VirtualClock(), random());
    const first = mesh.publish({ ...stopping, correlationId: 'inc_1' })!;
    const second = mesh.publish({ ...stopping, cause: first })!;
    assert.deepEqual(
      [second.causationId, second.depth, second.correlationId], [first.id, 1, 'inc_1'],
    );
  });

  test('ends a chain of causes after ten links', async () => {
    const mesh = createMesh(new VirtualClock(), random());
    let delivered = 0;
    mesh.subscribe('*', (event) => {
      delivered += 1;
      mesh.publish({ ...stopping, cause: event });
    });
    mesh.publish(stopping);
    await settle();
    assert.deepEqual([delivered, mesh.suppressed], [11, 1]);
  });

  test('survives a listener that throws, and says so once', async () => {
    const mesh = createMesh(new VirtualClock(), random());
    const got: AnyMeshEvent[] = [];
    mesh.subscribe('*', () => {
      throw new Error('no');
    });
    mesh.subscribe('*', (event) => got.push(event));
    mesh.publish(stopping);
    await settle();
    assert.deepEqual(got.map(({ type }) => type), ['host.stopping', 'listener.failed']);
  });
});
