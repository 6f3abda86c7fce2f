import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import fc from 'fast-check';
import { assign, createActor, fromCallback, fromPromise } from 'xstate';
import { rootMachine, type Context, type PartSpec } from '../machines/root.machine.ts';
import type { AnyAnnouncement } from '../src/core/events.ts';
import { livesIn, modelTest } from './support/model.ts';
import { settle, VirtualClock } from './support/virtual-clock.ts';

const part = (id: string, src: PartSpec['src']): PartSpec => ({ id, src, input: { id } });
const parts = [part('emergency', 'emergency'), part('one', 'supervisor'), part('two', 'supervisor')];

const partIds = parts.map(({ id }) => id);
const silent = { publish: () => undefined };
const done = (id: string, output: object) => ({ type: `xstate.done.actor.${id}`, actorId: id, output });
const dies = (id: string) => ({ type: `xstate.error.actor.${id}`, actorId: id, error: new Error('planted') });
/** Dead more often than five times: it is not started again. */
const isGivenUp = ({ restarts }: Pick<Context, 'restarts'>, id: string) => (restarts[id]?.length ?? 0) > 5;

modelTest({
  name: 'root',
  machine: rootMachine.provide({
    actions: {
      ...silent,
      // The graph has no living children to ask. Those that were given up are dead; see `possible` for others.
      stopNext: assign({ toStop: ({ context }) => context.toStop.filter((id) => !isGivenUp(context, id)) }),
    },
  }),
  live: (script) => {
    const part = script.spawned();
    return rootMachine.provide({
      actions: silent,
      actors: {
        supervisor: part, trigger: part, rule: part, emergency: part, incidents: part,
        reading: script.spawned<{ atMs: number }, void>(),
      },
    });
  },
  inputs: [{ parts, atMs: 0 }],
  events: [
    { type: 'root.stop' },
    ...partIds.flatMap((id) => [dies(id), done(`reading.${id}`, { atMs: 1 })]),
    done('one', { reason: 'stopped', error: null }),
    done('one', { reason: 'start_failed', error: { name: 'Error', message: 'no' } }),
    done('two', { reason: 'stopped', error: null }),
    done('0.root.stopping.reading', { atMs: 2 }),
  ],
  possible: ({ value, context, children }, event) => {
    if (!livesIn({ children }, event)) return false;
    const { restarts, toStop } = context as Context;
    const [, id = ''] = /actor\.(.+)$/.exec(event.type) ?? [];
    // One death at a time; and a supervisor that is dead at the stop is the matter of the property below.
    const dead = partIds.filter((part) => `reading.${part}` in children);
    if (event.type === 'root.stop') return dead.length === 0;
    if (!partIds.includes(id)) return true;
    // The first supervisor dies until it is given up, the others once.
    const deaths = restarts[id]?.length ?? 0;
    if (value === 'running') return dead.length === 0 && (id === 'one' ? !isGivenUp({ restarts }, id) : deaths === 0);
    return id === 'emergency' || (id === toStop[0] && (value as { stopping?: string }).stopping === 'waiting');
  },
  summary: ({ restarts, toStop }, children) => [
    toStop, Object.entries(restarts as Context['restarts']).map(([id, { length }]) => [id, length]).toSorted(),
    children.filter((id) => id.startsWith('reading.')),
  ],
  // An actor that has ended is a child for longer in the graph than in the host.
  shape: ({ value, context }) => [value, (context as Context).toStop, (context as Context).restarts],
});

/** A root over parts that die and end when the test says so. */
function world() {
  const clock = new VirtualClock();
  const said: AnyAnnouncement[] = [];
  const starts: string[] = [];
  const stops: string[] = [];
  const boots: string[] = [];
  const killers = new Map<string, () => void>();

  const logic = fromPromise<unknown, { id: string }>(({ input: { id } }) => {
    starts.push(id);
    return new Promise((_, reject) => {
      killers.set(id, () => reject(new Error('planted')));
    });
  });
  /** Stops when asked to, as a supervisor does. */
  const supervisor = fromCallback<{ type: string }, { id: string }>(({ input: { id }, receive, sendBack }) => {
    starts.push(id);
    killers.set(id, () => sendBack({ type: `xstate.error.actor.${id}`, actorId: id, error: new Error('planted') }));
    receive(({ type }) => {
      if (type === 'supervisor.boot') boots.push(id);
      if (type !== 'supervisor.stop') return;
      stops.push(id);
      sendBack({ type: `xstate.done.actor.${id}`, actorId: id, output: { atMs: clock.now() } });
    });
  });
  const root = createActor(rootMachine.provide({
    actors: {
      emergency: logic as never, incidents: logic as never, trigger: logic as never, supervisor: supervisor as never,
      reading: fromPromise(async () => ({ atMs: clock.now() })),
    },
    actions: { publish: (_, announcement) => said.push(announcement) },
  }), { input: { parts, atMs: 0 } });
  root.subscribe({ error: assert.ifError });
  root.start();
  return { clock, root, said, starts, stops, boots, killers };
}

const deed = fc.record({ waitMs: fc.nat(4_000), id: fc.constantFrom('emergency', 'one', 'two') });

describe('the root', () => {
  test('property: a part that dies lives again, unless it dies too often; all stop in order (500 runs)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { maxLength: 25 }), async (deeds) => {
        const { clock, root, said, starts, stops, boots, killers } = world();
        const deaths = new Map<string, number[]>(parts.map(({ id }) => [id, []]));
        const givenUp = new Set<string>();
        for (const { waitMs, id } of deeds) {
          if (givenUp.has(id)) continue;
          await clock.advance(waitMs);
          const before = starts.filter((started) => started === id).length;
          killers.get(id)!();
          await settle();
          const recent = [...deaths.get(id)!, clock.now()].filter((atMs) => clock.now() - atMs <= 10_000);
          deaths.set(id, recent);
          const tooOften = recent.length > 5;
          if (tooOften) givenUp.add(id);
          assert.equal(starts.filter((started) => started === id).length, before + (tooOften ? 0 : 1));
        }
        const supervisors = starts.filter((id) => id !== 'emergency');
        assert.deepEqual(boots, supervisors, 'each new supervisor is told to boot');
        assert.equal(said.filter(({ type }) => type === 'host.unrecoverable').length, givenUp.size);
        root.send({ type: 'root.stop' });
        await settle();
        assert.equal(root.getSnapshot().value, 'stopped');
        assert.deepEqual(stops, ['two', 'one'].filter((id) => !givenUp.has(id)), 'the last started stops first');
      }),
      { numRuns: 500 },
    );
  });
});
