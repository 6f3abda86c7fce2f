import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import fc from 'fast-check';
import { createActor, type AnyStateMachine } from 'xstate';
import { alarmOn } from '../machines/alarm.ts';
import { incidentDeskMachine, type Context } from '../machines/incident-desk.machine.ts';
import { openIncidentsMax } from '../src/core/governor.ts';
import type { AnyAnnouncement } from '../src/core/events.ts';
import { meshEvent, triggered } from './support/mesh-events.ts';
import { livesIn, modelTest } from './support/model.ts';
import { Script } from './support/script.ts';
import { VirtualClock } from './support/virtual-clock.ts';

const input = { settings: { watchMs: 2_000, remediationMs: 60_000, slos: {}, cooldowns: {}, inputs: {} } };

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
  name: 'incident-desk',
  machine: desk(new Script()),
  live: (script) => desk(script),
  inputs: [input],
  events: [
    first, second, aside, custom,
    { type: 'run.restarting_done', incident: 'inc_a' },
    { type: 'remediation.requested', incident: 'inc_c', taskId: 't', atMs: 5 },
    ...ids.flatMap((id) => [
      { type: `xstate.done.actor.${id}`, actorId: id, output: {} },
      { type: `xstate.error.actor.${id}`, actorId: id, error: new Error('planted') },
    ]),
  ],
  possible: livesIn,
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

describe('what the desk does not open an incident for', () => {
  /** A desk whose incidents end when told, on virtual time, with a cooldown of 5 s. */
  function world() {
    const clock = new VirtualClock();
    const script = new Script();
    const said: AnyAnnouncement[] = [];
    const actor = createActor(incidentDeskMachine.provide({
      actors: { incident: script.spawned() as never, alarm: alarmOn(clock) },
      actions: { publish: (_, announcement) => said.push(announcement) },
    }), { input: { settings: { ...input.settings, cooldowns: { one: 5_000, check: 5_000 } } } }).start();
    const end = (id: string) =>
      script.play({ type: `xstate.done.actor.${id}`, output: { atMs: clock.now() } }, () => undefined);
    const count = (type: string) => said.filter((one) => one.type === type).length;
    return { clock, actor, said, end, count };
  }
  const incidentOf = (event: { id: string }) => event.id.replace('evt', 'inc');

  test('the same cause during its cooldown; it is said, and so is the end of it', async () => {
    const { clock, actor, said, end, count } = world();
    const one = triggered('event.early_warning', ['bus'], 0);
    actor.send(one);
    await end(incidentOf(one));
    actor.send(triggered('event.early_warning', ['bus'], 1_000));
    assert.deepEqual([count('incident.opened'), count('trigger.suppressed')], [1, 1]);
    const { payload } = said.find(({ type }) => type === 'trigger.suppressed')!;
    assert.deepEqual((payload as { reason: string; untilMs: number }).reason, 'cooldown');
    // Another kernel is another cause.
    const other = triggered('event.early_warning', ['agent'], 1_000);
    actor.send(other);
    await end(incidentOf(other));
    await clock.advance(5_000);
    assert.equal(count('cooldown.ended'), 2);
    actor.send(triggered('event.early_warning', ['bus'], 5_001));
    assert.deepEqual([count('incident.opened'), count('trigger.suppressed')], [3, 1]);
  });

  test('an emergency does not wait for a cooldown', async () => {
    const { actor, end, count } = world();
    const one = triggered('event.incident', ['bus'], 0);
    actor.send(one);
    await end(incidentOf(one));
    actor.send(triggered('event.emergency', ['bus', 'agent'], 10));
    assert.deepEqual([count('incident.opened'), count('trigger.suppressed')], [2, 0]);
  });

  test('a host of which more than half is down', () => {
    const { actor, said, count } = world();
    const host = (down: number, of: number) => ({ host: { down, of } });
    actor.send({ ...triggered('event.emergency', ['bus', 'agent']), ...host(11, 20) });
    assert.deepEqual([count('incident.opened'), count('trigger.suppressed')], [0, 1]);
    assert.equal((said[0]!.payload as { reason: string }).reason, 'quorum');
    actor.send({ ...triggered('event.emergency', ['bus', 'agent']), ...host(10, 20) });
    assert.equal(count('incident.opened'), 1, 'half is not more than half');
  });

  test('and of a small host a majority says nothing', () => {
    const { actor, count } = world();
    actor.send({ ...triggered('event.emergency', ['bus', 'agent']), host: { down: 3, of: 4 } } as never);
    assert.equal(count('incident.opened'), 1);
  });
});

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
