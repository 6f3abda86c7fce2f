import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import fc from 'fast-check';
import { createActor } from 'xstate';
import { heartbeatTriggerMachine } from '../machines/heartbeat-trigger.machine.ts';
import type { AnyAnnouncement, TriggerPayload } from '../src/core/events.ts';
import { down, meshEvent } from './support/mesh-events.ts';
import { modelTest } from './support/model.ts';

const input = { playbooks: { incident: 'one', emergency: 'many', earlyWarning: 'check' } };
const incident = { incident: 'inc_1', severity: 'incident' as const, kernels: ['a'] };
const silent = { publish: () => undefined };
const ref = (kernel: string) => ({ kernel, epoch: 1, critical: true });

const events = [
  down('a'), down('b'), down('c'),
  meshEvent('kernel.down', { ...ref('x'), critical: false, reason: { kind: 'threw', notice: 'last_words' } }),
  meshEvent('kernel.down', { ...ref('a'), reason: { kind: 'shutdown', notice: 'supervisor' } }),
  meshEvent('kernel.degraded', { ...ref('a'), why: 'late' }),
  meshEvent('kernel.healthy', ref('a')),
  meshEvent('kernel.ready', { ...ref('a'), startedMs: 1, adoptedStandby: false }),
  meshEvent('kernel.stopped', ref('a')),
  meshEvent('incident.watching', { ...incident, untilMs: 0 }),
  meshEvent('incident.reopened', incident),
  meshEvent('incident.closed', { ...incident, openMs: 0 }),
  meshEvent('incident.closed', { ...incident, severity: 'early_warning', openMs: 0 }),
  meshEvent('incident.escalated', { ...incident, why: 'test' }),
  meshEvent('trigger.suppressed', {
    event: 'evt_0', type: 'event.incident', kernels: ['a'], reason: 'cooldown', why: 'test', untilMs: 9,
  }),
  meshEvent('cooldown.ended', { cause: 'test' }),
];

modelTest({
  name: 'heartbeat-trigger',
  machine: heartbeatTriggerMachine.provide({ actions: silent }),
  live: () => heartbeatTriggerMachine.provide({ actions: silent }),
  inputs: [input],
  events,
});

function trigger() {
  const fired: { readonly type: string; readonly down: readonly string[] }[] = [];
  const actor = createActor(heartbeatTriggerMachine.provide({
    actions: {
      publish: (_, { type, payload }: AnyAnnouncement) =>
        fired.push({ type, down: (payload as TriggerPayload).kernels_down }),
    },
  }), { input }).start();
  return { actor, fired };
}

describe('heartbeat trigger', () => {
  test('acts on the first death at once, and upgrades at the second and third kernel', () => {
    const { actor, fired } = trigger();
    for (const kernel of ['a', 'b', 'c']) actor.send(down(kernel));
    assert.deepEqual(fired, [
      { type: 'event.incident', down: ['a'] },
      { type: 'event.emergency', down: ['a', 'b'] },
      { type: 'event.emergency', down: ['a', 'b', 'c'] },
    ]);
  });

  test('does not take the same kernel twice for two kernels', () => {
    const { actor, fired } = trigger();
    actor.send(down('a'));
    actor.send(down('a'));
    assert.equal(fired.length, 1);
  });

  test('takes any death while the incident is watched for an emergency', () => {
    const { actor, fired } = trigger();
    actor.send(down('a'));
    actor.send(meshEvent('incident.watching', { ...incident, untilMs: 0 }));
    actor.send(down('a'));
    assert.deepEqual(fired.map(({ type }) => type), ['event.incident', 'event.emergency']);
  });

  test('warns once while a kernel is degraded, and again in the next episode', () => {
    const { actor, fired } = trigger();
    for (let n = 0; n < 2; n += 1) {
      actor.send(meshEvent('kernel.degraded', { ...ref('a'), why: 'late' }));
      actor.send(meshEvent('kernel.degraded', { ...ref('a'), why: 'later' }));
      actor.send(meshEvent('kernel.healthy', ref('a')));
    }
    assert.deepEqual(fired.map(({ type }) => type), ['event.early_warning', 'event.early_warning']);
  });

  test('property: it fires only when the set of kernels grows, or while it watches (1,000 runs)', () => {
    fc.assert(fc.property(fc.array(fc.nat(events.length - 1), { maxLength: 40 }), (indexes) => {
      const { actor, fired } = trigger();
      for (const index of indexes) {
        const before = actor.getSnapshot().context;
        const count = fired.length;
        actor.send(events[index]! as never);
        const last = fired.at(-1);
        if (fired.length === count || last?.type === 'event.early_warning') continue;
        assert.equal(fired.length, count + 1);
        assert.ok(before.watching || last!.down.length > before.down.length);
        assert.equal(new Set(last!.down).size, last!.down.length);
        assert.equal(last!.type, actor.getSnapshot().value === 'incident' ? 'event.incident' : 'event.emergency');
      }
    }), { numRuns: 1_000 });
  });
});
