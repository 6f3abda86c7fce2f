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
    // Eleven of the chain, and one that says where it was ended: what that one causes is refused too.
    assert.deepEqual([delivered, mesh.suppressed], [12, 2]);
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

describe('storm guard', () => {
  const warned = (kernel: string) => ({
    type: 'kernel.warned', source: 'test', payload: { kernel, epoch: 1, critical: false, warning: 'much' },
  }) as const;

  test('lets 100 of a type through in a second, and says at once and once more what it refused', async () => {
    const clock = new VirtualClock();
    const mesh = createMesh(clock, random());
    const got: AnyMeshEvent[] = [];
    mesh.subscribe(['kernel.warned', 'mesh.suppressed'], (event) => got.push(event));
    const count = (type: string) => got.filter((event) => event.type === type).length;
    for (let n = 0; n < 250; n += 1) mesh.publish(warned('a'));
    await settle();
    assert.deepEqual([count('kernel.warned'), count('mesh.suppressed')], [100, 1]);
    await clock.advance(1_000);
    const told = got.flatMap((event) => (event.type === 'mesh.suppressed' ? [event.payload] : []));
    assert.deepEqual(told.map((payload) => payload.count), [1, 149]);
    assert.deepEqual([told[0]!.reason, told[0]!.type], ['storm', 'kernel.warned']);
    // The storm is over: events come through again.
    assert.ok(mesh.publish(warned('a')));
  });

  test('limits the guarded types in total, and never the facts of the control plane', () => {
    const mesh = createMesh(new VirtualClock(), random());
    const types = ['kernel.warned', 'kernel.degraded', 'listener.failed', 'event.incident'] as const;
    const passed = types.flatMap((type) => Array.from({ length: 100 }, () =>
      mesh.publish({ ...warned('a'), type } as never))).filter((event) => event !== null);
    assert.equal(passed.length, 300);
    for (let n = 0; n < 1_000; n += 1) assert.ok(mesh.publish(stopping));
  });
});
