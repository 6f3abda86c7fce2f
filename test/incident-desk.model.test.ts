import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import fc from 'fast-check';
import { createActor, type AnyStateMachine } from 'xstate';
import { incidentDeskMachine, type Context } from '../machines/incident-desk.machine.ts';
import { openIncidentsMax } from '../src/core/governor.ts';
import type { AnyAnnouncement } from '../src/core/events.ts';
import { meshEvent, triggered } from './support/mesh-events.ts';
import { modelTest } from './support/model.ts';
import { Script } from './support/script.ts';

const input = { settings: { watchMs: 2_000, remediationMs: 60_000, slos: {}, inputs: {} } };

const quarantined = (kernel: string) =>
  meshEvent('kernel.quarantined', { kernel, epoch: 1, critical: false, untilMs: 9 });

const desk = (script: Script, said: AnyAnnouncement[] = []): AnyStateMachine =>
  incidentDeskMachine.provide({
    actors: { incident: script.spawned() as never },
    actions: { publish: (_, announcement) => said.push(announcement) },
  });

const first = { ...triggered('event.incident', ['bus']), id: 'evt_a' };
const second = { ...triggered('event.emergency', ['bus', 'agent']), id: 'evt_b' };
const aside = { ...quarantined('mail'), id: 'evt_c' };
const custom = { ...meshEvent('event.custom', { ...first.payload, trigger_id: 'rule', kernels_down: [] }), id: 'evt_d' };
const ids = ['inc_a', 'inc_b', 'inc_c', 'inc_d'];

modelTest({
  name: 'incidentDesk',
  machine: desk(new Script()),
  live: (script) => desk(script),
  input,
  events: [
    first, second, aside, custom,
    ...ids.flatMap((id) => [
      { type: `xstate.done.actor.${id}`, actorId: id, output: {} },
      { type: `xstate.error.actor.${id}`, actorId: id, error: new Error('planted') },
    ]),
  ],
  possible: ({ children }, { type }) => {
    const [, id] = /^xstate\.\w+\.actor\.(.+)$/.exec(type) ?? [];
    return id === undefined || id in children;
  },
  reaches: ['"open"'],
  check: ({ context }) => {
    const { critical, open, governor, triggers } = context as Context;
    assert.ok(critical === null || open.includes(critical), 'the critical incident is an open one');
    assert.notEqual(critical, 'inc_d', 'what a rule saw is not the incident of the critical kernels');
    assert.deepEqual(Object.keys(triggers).toSorted(), open.toSorted(), 'an open incident can be revived');
    assert.ok(Object.values(governor.owners).every((owner) => open.includes(owner)), 'nobody dead owns a kernel');
  },
});

const kernel = fc.constantFrom(...'abcdefghijkl');
const deed = fc.oneof(
  kernel.map((name) => ({ do: 'crash', name }) as const),
  kernel.map((name) => ({ do: 'quarantine', name }) as const),
  fc.nat(9).map((nth) => ({ do: 'end', nth }) as const),
);

describe('the incident desk', () => {
  test('property: a kernel has one incident at most, and critical ones share theirs (1,000 runs)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { maxLength: 40 }), async (deeds) => {
        const script = new Script();
        const said: AnyAnnouncement[] = [];
        const actor = createActor(desk(script, said), { input }).start();
        const context = () => actor.getSnapshot().context as unknown as Context;
        for (const one of deeds) {
          const before = context();
          if (one.do === 'crash') {
            actor.send(triggered('event.incident', [one.name]));
            assert.notEqual(context().critical, null, 'a critical kernel is never left alone');
            if (before.critical) assert.equal(context().critical, before.critical);
          } else if (one.do === 'quarantine') {
            actor.send(quarantined(one.name));
            const owned = before.governor.owners[one.name] !== undefined;
            if (owned) assert.deepEqual(context().open, before.open, 'it is owned already');
          } else {
            const id = before.open[one.nth % Math.max(1, before.open.length)];
            if (id === undefined) continue;
            await script.play({ type: `xstate.done.actor.${id}`, output: {} }, () => undefined);
            assert.ok(!context().open.includes(id));
            assert.ok(!Object.values(context().governor.owners).includes(id));
          }
          // Of the critical kernels' incident there is one beside the bounded rest.
          assert.ok(context().open.length <= openIncidentsMax + 1);
        }
        const opened = said.filter(({ type }) => type === 'incident.opened');
        assert.equal(new Set(opened.map(({ correlationId }) => correlationId)).size, opened.length);
        actor.stop();
      }),
      { numRuns: 1_000 },
    );
  });
});
