// What XState tells an inspector, in the words of the Stately inspector, bounded and harmless.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createInspector, type StatelyInspectionEvent } from '@statelyai/inspect';
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { assign, createActor, fromPromise, setup, waitFor, type InspectionEvent } from 'xstate';
import { InspectionFeed } from '../../src/core/inspection-feed.ts';
import { prefixed, type Inspected, type WireMessage } from '../../src/core/inspection-wire.ts';
import { jsonSafe } from '../../src/core/json-safe.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** A chart with what is hard to show: a function in place, an actor in its state, a child that fails. */
const machine = setup({
  types: { context: {} as { count: number; tags: Set<string> }, events: {} as { type: 'count'; by: number } },
  actors: { work: fromPromise<string, { what: string }>(async ({ input }) => `${input.what} done`) },
}).createMachine({
  id: 'counter',
  context: () => ({ count: 0, tags: new Set(['a']) }),
  initial: 'counting',
  states: {
    counting: {
      invoke: { id: 'worker', src: 'work', input: { what: 'it' }, onDone: 'idle' },
      on: { count: { actions: assign({ count: ({ context, event }) => context.count + event.by }) } },
    },
    idle: { type: 'final' },
  },
});

/** Its timers are late by what it is ahead. */
class LateClock extends VirtualClock {
  aheadMs = 0;

  override now(): number {
    return super.now() + this.aheadMs;
  }
}

function feedWith(messagesPerSecond = 1_000) {
  const clock = new LateClock();
  const messages: WireMessage[] = [];
  const figures = { dropped: 0 };
  const feed = new InspectionFeed({
    clock, messagesPerSecond,
    send: (message, dropped) => {
      messages.push(message);
      figures.dropped += dropped;
    },
  });
  return { clock, messages, feed, figures };
}

const ofType = <T extends WireMessage['type']>(messages: readonly WireMessage[], type: T) =>
  messages.filter((message): message is Extract<WireMessage, { type: T }> => message.type === type);

describe('the wire', () => {
  test('carries what the package of the Stately inspector sends itself', async () => {
    const { feed, messages } = feedWith();
    const expected: StatelyInspectionEvent[] = [];
    const stately = createInspector({ send: (event) => expected.push(event) });
    const inspect = (event: InspectionEvent) => {
      feed.inspect(event as Inspected);
      stately.inspect.next?.(event);
    };
    const actor = createActor(machine, { id: 'the counter', inspect });
    actor.start();
    actor.send({ type: 'count', by: 2 });
    await waitFor(actor, ({ status }) => status === 'done');
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
    // As text, as both travel. Times differ, and so do sets: `[]` here, `{}` there.
    const comparable = (list: readonly object[], type: string) =>
      list
        .filter((one) => (one as { type: string }).type === type)
        .map((one) => JSON.parse(JSON.stringify({ ...one, createdAt: 'then' }).replace('["a"]', '{}')) as object);
    for (const type of ['@xstate.event', '@xstate.snapshot']) {
      assert.ok(comparable(expected, type).length > 3);
      assert.deepEqual(comparable(messages, type), comparable(expected, type));
    }
    // An actor carries its state: ours the first one, theirs the one it had when it was converted.
    const [ours, theirs] = [messages, expected].map((list) =>
      comparable(list, '@xstate.actor').map((one) => ({
        ...one, snapshot: 'some', definition: JSON.parse((one as { definition: string }).definition) as unknown,
      })));
    assert.deepEqual(ours, theirs);
    assert.deepEqual(ofType(messages, '@xstate.actor').map(({ snapshot }) => snapshot['status']), ['active', 'active']);
  });

  test('names the version of the schema that the installed package has', () => {
    const manifest = fileURLToPath(new URL('../package.json', import.meta.resolve('@statelyai/inspect')));
    const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
    const { feed, messages } = feedWith();
    createActor(machine, { inspect: feed.inspect }).start();
    assert.equal(messages[0]!._version, version);
  });

  test('tells the end of an actor that threw, which XState does not', () => {
    const { feed, messages } = feedWith();
    const parent = setup({
      actors: {
        bad: setup({}).createMachine({
          on: { go: { actions: () => { throw new Error('bad action'); } } },
        }),
      },
    }).createMachine({
      invoke: { id: 'bad', src: 'bad' },
      on: { go: { actions: ({ self }) => self.getSnapshot().children['bad']!.send({ type: 'go' }) }, '*': {} },
    });
    const actor = createActor(parent, { inspect: feed.inspect });
    actor.start();
    actor.send({ type: 'go' });
    const bad = ofType(messages, '@xstate.actor').find(({ name }) => name === 'bad')!;
    const states = ofType(messages, '@xstate.snapshot').filter(({ sessionId }) => sessionId === bad.sessionId);
    assert.deepEqual(states.map(({ snapshot }) => snapshot['status']), ['active', 'error']);
    assert.deepEqual(states.at(-1)!.snapshot['error'], { name: 'Error', message: 'bad action' });
  });

  test('prefixes every id of a session', () => {
    const { feed, messages } = feedWith();
    createActor(machine, { inspect: feed.inspect }).start();
    const ids = messages.map((message) => prefixed(message, 'mail.2/')).flatMap((message) => [
      message.sessionId, message.rootId,
      ...('parentId' in message && message.parentId ? [message.parentId] : []),
      ...('sourceId' in message && message.sourceId ? [message.sourceId] : []),
    ]);
    assert.ok(ids.length > 8);
    for (const id of ids) assert.match(id, /^mail\.2\/x:\d+$/);
  });
});

describe('the feed', () => {
  const counting = setup({ types: { context: {} as { count: number }, events: {} as { type: 'up' } } }).createMachine({
    context: { count: 0 }, on: { up: { actions: assign({ count: ({ context }) => context.count + 1 }) } },
  });

  test('sends so many messages a second, and the newest state when the next one begins', async () => {
    const { feed, messages, clock, figures } = feedWith(10);
    const actor = createActor(counting, { inspect: feed.inspect });
    actor.start();
    for (let n = 0; n < 1_000; n += 1) actor.send({ type: 'up' });
    assert.ok(messages.length <= 11, `${messages.length} messages`);
    await clock.advance(1_100);
    const newest = ofType(messages, '@xstate.snapshot').at(-1)!;
    assert.deepEqual(newest.snapshot['context'], { count: 1_000 });
    assert.ok(messages.length <= 13, `${messages.length} messages`);
    assert.ok(figures.dropped > 900, `${figures.dropped} counted`);
  });

  test('does not send a state that waited after a newer one', async () => {
    const { feed, messages, clock } = feedWith(10);
    const actor = createActor(counting, { inspect: feed.inspect });
    actor.start();
    for (let n = 0; n < 100; n += 1) actor.send({ type: 'up' });
    clock.aheadMs = 1_000;
    actor.send({ type: 'up' });
    await clock.advance(2_000);
    const counts = ofType(messages, '@xstate.snapshot').map(({ snapshot }) =>
      (snapshot['context'] as { count: number }).count);
    assert.deepEqual(counts, counts.toSorted((a, b) => a - b));
    assert.equal(counts.at(-1), 101);
  });

  test('never throws, whatever it is given and wherever it sends', () => {
    const hostile = new Proxy({}, {
      get() {
        throw new Error('no');
      },
    });
    const clock = new VirtualClock();
    const feed = new InspectionFeed({
      clock, messagesPerSecond: 10,
      send() {
        throw new Error('cannot send');
      },
    });
    feed.inspect(hostile as Inspected);
    const actor = createActor(counting, { inspect: feed.inspect });
    actor.start();
    actor.send({ type: 'up' });
    assert.deepEqual(actor.getSnapshot().context, { count: 1 });
  });
});

describe('a copy for JSON', () => {
  test('shows what JSON cannot carry', () => {
    const cycle: Record<string, unknown> = { big: 10n, nan: NaN, bytes: new Uint8Array(3), map: new Map([['k', 1]]) };
    cycle['self'] = cycle;
    cycle['act'] = function act() {};
    cycle['error'] = new TypeError('wrong');
    cycle['actor'] = createActor(machine, { id: 'child' });
    cycle['password'] = 'hunter2';
    const thrower = () => {
      throw new Error('no');
    };
    Object.defineProperty(cycle, 'broken', { enumerable: true, get: thrower });
    cycle['worse'] = { toJSON: thrower };
    assert.deepEqual(jsonSafe(cycle, 1_000), {
      big: '10', nan: 'NaN', bytes: '[Uint8Array of 3 bytes]', map: [['k', 1]], self: '[cycle]', act: { type: 'act' },
      error: { name: 'TypeError', message: 'wrong' }, actor: { xstate$$type: 1, id: 'child' }, password: '[redacted]',
      broken: '[unreadable]', worse: '[unreadable]',
    });
  });

  test('is about as long as it may be, whatever is copied', () => {
    const large = [
      'x'.repeat(1_000_000), Array.from({ length: 100_000 }, (_, n) => ({ n })), new Map([[1, 'y'.repeat(9_000)]]),
      Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`key${n}`, n])),
    ];
    for (const value of [...large, large]) assert.ok(JSON.stringify(jsonSafe(value, 5_000)).length < 6_000);
    fc.assert(fc.property(fc.anything({ withBigInt: true, withMap: true, withSet: true, withDate: true }), (value) => {
      const text = JSON.stringify(jsonSafe(value, 500)) ?? '';
      assert.ok(text.length < 2_000, `${text.length} characters`);
    }));
  });

  test('leaves plain data as it is', () => {
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      const plain = JSON.parse(JSON.stringify(value)) as unknown;
      assert.deepEqual(jsonSafe(plain, 1_000_000), plain);
    }));
  });
});
