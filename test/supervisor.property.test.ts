// The supervisor chart with its policy, on virtual time, over children that live and die at random.
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import fc from 'fast-check';
import { createActor, fromTransition } from 'xstate';
import { alarmOn } from '../machines/alarm.ts';
import { supervisorMachine } from '../machines/supervisor.machine.ts';
import { parseChildSpec } from '../src/core/child-specs.ts';
import type { EventType } from '../src/core/events.ts';
import type { DownReason } from '../src/core/kernel.ts';
import { defaultPolicy } from '../src/core/supervision.ts';
import { VirtualClock } from './support/virtual-clock.ts';

const crash: DownReason = { kind: 'threw', notice: 'last_words' };
const ids = ['a', 'b', 'c'] as const;

/** A supervisor over simulated kernels: starting takes 5 ms, or fails as often as it is told. */
function world(clock: VirtualClock) {
  const alive = new Set<string>();
  const starting = new Set<string>();
  const startsAtMs: { readonly id: string; readonly atMs: number }[] = [];
  const failures = new Map<string, number>();
  const published: EventType[] = [];
  const answers = new Map<string, string | null>();
  let overlapping = 0;
  const kernel = fromTransition(
    (id: string, event: { type: string }, { self }) => {
      const parent = self._parent!;
      if (event.type === 'kernel.start') {
        if (starting.has(id) || alive.has(id)) overlapping += 1;
        starting.add(id);
        startsAtMs.push({ id, atMs: clock.now() });
        clock.setTimeout(() => {
          if (!starting.delete(id)) return;
          const left = failures.get(id) ?? 0;
          failures.set(id, left - 1);
          if (left > 0) {
            const error = { name: 'Error', message: 'no' };
            parent.send({ type: 'child.start_failed', id, error, atMs: clock.now() });
          } else {
            alive.add(id);
            parent.send({ type: 'child.started', id, epoch: 1, atMs: clock.now() });
          }
        }, 5);
      }
      if (event.type === 'kernel.stop') {
        starting.delete(id);
        alive.delete(id);
        const reason: DownReason = { kind: 'killed', notice: 'supervisor' };
        parent.send({ type: 'child.down', id, reason, atMs: clock.now() });
      }
      return id;
    },
    ({ input }: { input: { spec: { id: string } } }) => input.spec.id,
  );
  const machine = supervisorMachine.provide({
    actors: { alarm: alarmOn(clock), kernel: kernel as never },
    actions: {
      publish: (_, { type }) => published.push(type),
      answer: (_, { requestId, refused }) => answers.set(requestId, refused),
    },
  });
  const specs = ids.map((id, index) =>
    parseChildSpec({ id, module: 'file:///k.js', critical: id !== 'c' }, index));
  const actor = createActor(machine, {
    input: {
      settings: {
        id: 'critical', strategy: 'one_for_one', autoShutdown: 'never', intensity: null,
        policy: defaultPolicy,
      },
      specs,
    },
    clock,
  });
  actor.subscribe({ error: assert.ifError });
  actor.start();
  actor.send({ type: 'supervisor.boot', atMs: 0 });
  const die = (id: string) => {
    if (alive.delete(id)) actor.send({ type: 'child.down', id, reason: crash, atMs: clock.now() });
  };
  return { actor, alive, startsAtMs, failures, published, answers, die, overlapping: () => overlapping };
}

const deed = fc.record({
  waitMs: fc.nat(3_000),
  id: fc.constantFrom(...ids),
  what: fc.constantFrom('die', 'die', 'die', 'claim', 'release', 'restart', 'fail'),
});

describe('supervisor on virtual time', () => {
  test('property: in the end every permanent child runs, whoever claimed it (500 runs)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { maxLength: 25 }), async (deeds) => {
        const clock = new VirtualClock();
        const { actor, alive, failures, die, overlapping } = world(clock);
        await clock.advance(100);
        for (const { waitMs, id, what } of deeds) {
          await clock.advance(waitMs);
          const atMs = clock.now();
          if (what === 'die') die(id);
          if (what === 'claim') actor.send({ type: 'child.claimed', id, by: 'inc', untilMs: atMs + 5_000, atMs });
          if (what === 'release') actor.send({ type: 'claims.released', by: 'inc', atMs });
          if (what === 'fail') failures.set(id, 2);
          if (what === 'restart') {
            actor.send({ type: 'child.restart_requested', id, by: 'inc', force: true, emergency: true, atMs });
          }
        }
        // The longest wait: a claim, then quarantine over and over while starts fail.
        await clock.advance(5_000 + 4 * defaultPolicy.quarantineMs);
        assert.deepEqual([...alive].toSorted(), [...ids]);
        assert.equal(overlapping(), 0, 'two starts of one child at a time');
        actor.stop();
      }),
      { numRuns: 500 },
    );
  });

  test('restarts three critical children beside each other when an incident asks', async () => {
    const clock = new VirtualClock();
    const { actor, die, startsAtMs } = world(clock);
    await clock.advance(1_000);
    for (const id of ['a', 'b']) {
      actor.send({ type: 'child.claimed', id, by: 'inc', untilMs: 60_000, atMs: clock.now() });
      die(id);
    }
    startsAtMs.length = 0;
    for (const id of ['a', 'b']) {
      actor.send({
        type: 'child.restart_requested', id, by: 'inc', force: true, emergency: true, atMs: clock.now(),
      });
    }
    assert.deepEqual(startsAtMs, [{ id: 'a', atMs: 1_000 }, { id: 'b', atMs: 1_000 }]);
    actor.stop();
  });

  test('waits 100 ms for a claim, and restarts a critical child that nobody claims', async () => {
    const clock = new VirtualClock();
    const { actor, die, startsAtMs } = world(clock);
    await clock.advance(1_000);
    startsAtMs.length = 0;
    die('a');
    await clock.advance(99);
    assert.deepEqual(startsAtMs, []);
    await clock.advance(1);
    assert.deepEqual(startsAtMs, [{ id: 'a', atMs: 1_100 }]);
    actor.stop();
  });

  test('puts a child that flaps every six seconds in quarantine, and tries it again later', async () => {
    const clock = new VirtualClock();
    const { actor, die, published, alive } = world(clock);
    await clock.advance(100);
    for (let n = 0; n < 95; n += 1) {
      await clock.advance(6_000);
      die('c');
    }
    assert.ok(published.includes('kernel.quarantined'), 'the long window was never exceeded');
    await clock.advance(defaultPolicy.quarantineMs);
    assert.ok(alive.has('c'));
    actor.stop();
  });

  test('refuses the fourth emergency restart of one owner', async () => {
    const clock = new VirtualClock();
    const { actor, answers } = world(clock);
    await clock.advance(1_000);
    for (let n = 1; n <= 4; n += 1) {
      actor.send({
        type: 'child.restart_requested', id: 'a', by: 'inc', force: true, emergency: true,
        requestId: `r${n}`, atMs: clock.now(),
      });
      await clock.advance(50);
    }
    assert.deepEqual(Object.fromEntries(answers), { r1: null, r2: null, r3: null, r4: 'budget_exhausted' });
    actor.stop();
  });
});
