import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import fc from 'fast-check';
import { createActor } from 'xstate';
import { alarmOn } from '../machines/alarm.ts';
import { emergencyModeMachine } from '../machines/emergency-mode.machine.ts';
import type { AnyAnnouncement } from '../src/core/events.ts';
import { VirtualClock } from './support/virtual-clock.ts';

const deed = fc.record({
  waitMs: fc.nat(5_000),
  owner: fc.constantFrom('run1', 'run2', 'run3'),
  what: fc.constantFrom('enter', 'enter', 'leave'),
  forMs: fc.nat(20_000),
});

describe('emergency mode on virtual time', () => {
  test('property: it is never on beyond the deadlines of its owners (1,000 runs)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { maxLength: 20 }), async (deeds) => {
        const clock = new VirtualClock();
        const said: AnyAnnouncement[] = [];
        const actor = createActor(emergencyModeMachine.provide({
          actors: { alarm: alarmOn(clock) },
          actions: { publish: (_, announcement) => said.push(announcement) },
        })).start();
        const owners = new Map<string, number>();
        for (const { waitMs, owner, what, forMs } of deeds) {
          await clock.advance(waitMs);
          const atMs = clock.now();
          if (Math.max(0, ...owners.values()) <= atMs) owners.clear();
          if (what === 'enter') {
            const deadlineAtMs = atMs + 1 + forMs;
            owners.set(owner, deadlineAtMs);
            actor.send({ type: 'emergency.enter_requested', reason: 'r', owner, incident: 'i', deadlineAtMs, atMs });
          } else {
            owners.delete(owner);
            actor.send({ type: 'emergency.leave_requested', owner, atMs });
          }
          assert.equal(actor.getSnapshot().value, owners.size > 0 ? 'emergency' : 'normal');
        }
        await clock.advance(Math.max(0, ...owners.values()));
        assert.equal(actor.getSnapshot().value, 'normal');
        const types = said.map(({ type }) => type);
        // Entered and left take turns, and it ends left.
        assert.ok(types.every((type, n) => type === (n % 2 ? 'emergency.left' : 'emergency.entered')));
        assert.equal(types.length % 2, 0);
        actor.stop();
      }),
      { numRuns: 1_000 },
    );
  });
});
