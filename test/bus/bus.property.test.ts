import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import fc from 'fast-check';
import { Router } from '../../src/bus/router.ts';
import type { FromBus } from '../../src/core/bus.ts';
import { SimulatedBus, SimulatedKernel, type Behaviour } from '../support/simulated-kernel.ts';
import { settle, VirtualClock } from '../support/virtual-clock.ts';

interface Count { seen: number[] }

/** Notes what it got, and passes it on. */
const passOn = (to: string | null): Behaviour<Count> => ({
  initial: () => ({ seen: [] }),
  handle(state, { payload }, publish) {
    state.seen.push(payload as number);
    if (to) publish(to, payload);
  },
});

const deed = fc.oneof(
  { weight: 8, arbitrary: fc.record({ what: fc.constant('pump' as const), pick: fc.nat(10) }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('save' as const), pick: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('publish' as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('kill' as const), pick: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('restart' as const), pick: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constantFrom('kill_bus' as const, 'start_bus' as const), pick: fc.nat() }) },
);

describe('bus', () => {
  test('property: any deaths lose no message, and none takes effect twice (300 runs)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { minLength: 10, maxLength: 150 }), async (deeds) => {
        const clock = new VirtualClock();
        const bus = new SimulatedBus(clock, { one: ['a'], two: ['b'], three: ['c'] });
        const source = new SimulatedKernel('source', bus, passOn(null));
        const chain = [
          new SimulatedKernel('a', bus, passOn('two')), new SimulatedKernel('b', bus, passOn('three')),
          new SimulatedKernel('c', bus, passOn(null)),
        ];
        let published = 0;
        let settled = 0;
        let busRuns = true;
        for (const { what, pick } of deeds) {
          const kernel = chain[pick % chain.length]!;
          if (what === 'pump') bus.pump(pick);
          if (what === 'save') kernel.save();
          if (what === 'publish') {
            published += 1;
            void source.publish('one', published).then(() => (settled += 1));
          }
          if (what === 'kill' && kernel.alive) kernel.die();
          if (what === 'restart' && !kernel.alive) kernel.start();
          if (what === 'kill_bus' && busRuns) {
            bus.killBus();
            busRuns = false;
          }
          if (what === 'start_bus' && !busRuns) {
            bus.startBus();
            busRuns = true;
          }
          await settle();
        }
        // Then everything runs, and all that is under way arrives.
        if (!busRuns) bus.startBus();
        for (const kernel of chain) if (!kernel.alive) kernel.start();
        for (let quiet = 0; quiet < 3;) {
          const busy = bus.pump(0) || chain.some((kernel) => kernel.save());
          await settle();
          quiet = busy ? 0 : quiet + 1;
        }
        const all = Array.from({ length: published }, (_, n) => n + 1);
        for (const kernel of chain) assert.deepEqual(kernel.state.seen.toSorted((a, b) => a - b), all);
        assert.equal(settled, published);
      }),
      { numRuns: 300 },
    );
  });
});

describe('router', () => {
  const attached = (router: Router, name: string, epoch = 1) => {
    const got: FromBus[] = [];
    router.attach(name, epoch, (message) => got.push(message));
    return got;
  };
  const publish = (router: Router, from: string, id: string, topic = 't', epoch = 1) =>
    router.receive(from, epoch, { type: 'publish', id, topic, payload: 1 });

  test('refuses what an older epoch of a client sends', async () => {
    const router = new Router('bus', () => null);
    router.route({ t: ['b'] }, []);
    attached(router, 'a', 2);
    const got = attached(router, 'b');
    publish(router, 'a', 'x', 't', 1);
    assert.equal(got.length, 0);
    publish(router, 'a', 'x', 't', 2);
    assert.equal(got.length, 1);
  });

  test('holds a message for a subscriber that is down, and delivers it when it is back', () => {
    const router = new Router('bus', () => null);
    router.route({ t: ['b'] }, []);
    attached(router, 'a');
    publish(router, 'a', 'x');
    assert.equal(router.figures().waiting, 1);
    assert.equal(attached(router, 'b').length, 1);
  });

  test('settles a message when all its subscribers have acknowledged it, and not before', async () => {
    const router = new Router('bus', () => null);
    router.route({ t: ['b', 'c'] }, []);
    const [a] = [attached(router, 'a'), attached(router, 'b'), attached(router, 'c')];
    publish(router, 'a', 'x');
    router.receive('b', 1, { type: 'acknowledge', ids: ['x'] });
    await settle();
    assert.equal(a.length, 0);
    router.receive('c', 1, { type: 'acknowledge', ids: ['x'] });
    await settle();
    assert.deepEqual(a, [{ type: 'settled', ids: ['x'] }]);
  });

  test('holds sheddable topics back while it sheds, says how many, and delivers them afterwards', () => {
    const router = new Router('bus', () => null);
    router.route({ t: ['b'], u: ['b'] }, ['t']);
    attached(router, 'a');
    const got = attached(router, 'b');
    router.shed(true);
    publish(router, 'a', 'x', 't');
    publish(router, 'a', 'y', 'u');
    assert.deepEqual(got.map((message) => message.type === 'deliver' && message.id), ['y']);
    assert.deepEqual([router.figures().heldBack, router.figures().heldBackTotal], [1, 1]);
    router.shed(false);
    assert.equal(got.length, 2);
    assert.equal(router.figures().heldBack, 0);
  });

  test('asks a kernel that was replaced again, and brings the reply back', () => {
    const router = new Router('bus', () => null);
    const asker = attached(router, 'a');
    attached(router, 'b', 1);
    router.receive('a', 1, { type: 'request', id: 'q', to: 'b', payload: 'how?' });
    const second = attached(router, 'b', 2);
    assert.equal(second[0]?.type, 'request');
    router.receive('b', 2, { type: 'reply', id: 'q', to: 'a', result: { ok: true, value: 'so' } });
    assert.deepEqual(asker, [{ type: 'reply', id: 'q', result: { ok: true, value: 'so' } }]);
  });
});
