import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import fc from 'fast-check';
import { createActor } from 'xstate';
import { incidentOf } from '../machines/incident-desk.machine.ts';
import { ruleTriggerMachine, type RuleMatched } from '../machines/rule-trigger.machine.ts';
import { eventDepthMax, type AnyAnnouncement, type TriggerPayload } from '../src/core/events.ts';
import { alarmOn } from '../machines/alarm.ts';
import { meshEvent } from './support/mesh-events.ts';
import { livesIn, modelTest } from './support/model.ts';
import { settle, VirtualClock } from './support/virtual-clock.ts';

const input = { rule: { id: 'disk_full', playbook: 'page', severity: 'high' as const }, incidentMaxMs: 10_000 };
const silent = { publish: () => undefined };
const payload = (rule: string): TriggerPayload => ({
  trigger_id: rule, playbook: 'page', severity: 'high', kernels_down: [], kernels_degraded: [],
  emergency_protocol: false,
});
const matched = (depth = 0, atMs = 0): RuleMatched => ({
  type: 'rule.matched', cause: { id: 'evt_cause', depth, correlationId: null }, inputs: { text: 'x' }, atMs,
});
const mine = { ...meshEvent('event.custom', payload('disk_full')), id: 'evt_mine' };
const other = { ...meshEvent('event.custom', payload('another')), id: 'evt_other' };
const over = (type: 'incident.closed' | 'incident.escalated', trigger: { readonly id: string }) => {
  const base = { incident: incidentOf(trigger), severity: 'custom' as const, kernels: [] };
  return type === 'incident.closed'
    ? meshEvent(type, { ...base, openMs: 1 }) : meshEvent(type, { ...base, why: 'test' });
};
const held = (trigger: { readonly id: string }) => meshEvent('trigger.suppressed', {
  event: trigger.id, type: 'event.custom', kernels: [], reason: 'cooldown', why: 'test', untilMs: 9,
});
const rings = { type: 'xstate.done.actor.alarm', output: { atMs: 10_000 } };

modelTest({
  name: 'rule-trigger',
  machine: ruleTriggerMachine.provide({ actions: silent }),
  live: (script) => ruleTriggerMachine.provide({ actions: silent, actors: { alarm: script.actor('alarm') } }),
  inputs: [input],
  events: [
    matched(), matched(eventDepthMax), mine, other, rings,
    held(mine), held(other), over('incident.closed', mine), over('incident.escalated', mine), over('incident.closed', other),
  ],
  possible: livesIn,
});

function rule() {
  const clock = new VirtualClock();
  const fired: AnyAnnouncement[] = [];
  const actor = createActor(ruleTriggerMachine.provide({
    actors: { alarm: alarmOn(clock) },
    actions: { publish: (_, announcement: AnyAnnouncement) => fired.push(announcement) },
  }), { input }).start();
  return { clock, actor, fired };
}

describe('a trigger rule', () => {
  test('fires once, with what its playbook needs, until its own incident is over', () => {
    const { actor, fired } = rule();
    actor.send(matched());
    actor.send(mine);
    actor.send(matched());
    actor.send(over('incident.closed', other));
    actor.send(matched());
    assert.equal(fired.length, 1);
    assert.deepEqual(fired[0]!.payload, { ...payload('disk_full'), inputs: { text: 'x' } });
    actor.send(over('incident.escalated', mine));
    actor.send(matched());
    assert.equal(fired.length, 2);
  });

  test('is armed again when its incident got lost', async () => {
    const { clock, actor, fired } = rule();
    actor.send(matched());
    await clock.advance(9_999);
    actor.send(matched(0, clock.now()));
    assert.equal(fired.length, 1);
    await clock.advance(1);
    actor.send(matched(0, clock.now()));
    assert.equal(fired.length, 2);
  });

  test('does not fire for what it caused itself over and over', () => {
    const { actor, fired } = rule();
    actor.send(matched(eventDepthMax));
    assert.equal(fired.length, 0);
    actor.send(matched(eventDepthMax - 1));
    assert.equal(fired.length, 1);
  });

  test('property: it never has two incidents, and is never silent for ever (1,000 runs)', async () => {
    const deed = fc.constantFrom('match', 'met', 'close', 'other', 'wait');
    await fc.assert(fc.asyncProperty(fc.array(deed, { maxLength: 30 }), async (deeds) => {
      const { clock, actor, fired } = rule();
      let open = false;
      let firedAtMs = 0;
      for (const what of deeds) {
        const before = fired.length;
        if (what === 'match') {
          actor.send(matched(0, clock.now()));
          assert.equal(fired.length, before + (open ? 0 : 1));
          if (!open) firedAtMs = clock.now();
          open = true;
        } else if (what === 'met') {
          if (open) actor.send(mine);
        } else if (what === 'close') {
          const isMet = actor.getSnapshot().context.incident !== null;
          actor.send(over('incident.closed', mine));
          if (isMet) open = false;
        } else if (what === 'other') {
          actor.send(over('incident.closed', other));
        } else {
          await clock.advance(4_000);
          if (clock.now() - firedAtMs >= 10_000) open = false;
        }
        await settle();
        assert.equal(actor.getSnapshot().value, open ? 'open' : 'armed');
      }
    }), { numRuns: 1_000 });
  });
});
