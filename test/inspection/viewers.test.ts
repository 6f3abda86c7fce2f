// Who may watch, what one who comes late is told first, and that nobody who watches harms the host.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, test } from 'vitest';
import { WebSocket } from 'ws';
import { assign, createActor, fromCallback, setup } from 'xstate';
import type { GraceError } from '../../src/core/errors.ts';
import { InspectionFeed } from '../../src/core/inspection-feed.ts';
import type { WireActor, WireMessage } from '../../src/core/inspection-wire.ts';
import { ActorBook } from '../../src/inspection/actor-book.ts';
import { inspectorPort } from '../../src/inspection/inspect-option.ts';
import { Inspector } from '../../src/inspection/inspector.ts';
import { systemClock } from '../../src/system/clock.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const log = { debug() {}, info() {}, warn() {}, error() {} };
const opened: Inspector[] = [];

async function open(port = 0): Promise<Inspector> {
  const inspector = await Inspector.open(port, systemClock, log);
  opened.push(inspector);
  return inspector;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((inspector) => inspector.close()));
});

const machine = setup({
  types: { context: {} as { count: number }, events: {} as { type: 'up' } | { type: 'stop' } },
  actors: { child: fromCallback(() => undefined) },
}).createMachine({
  id: 'counter',
  context: { count: 0 },
  initial: 'counting',
  states: { counting: { invoke: { id: 'child', src: 'child' }, on: { stop: 'over' } }, over: { type: 'final' } },
  on: { up: { actions: assign({ count: ({ context }) => context.count + 1 }) } },
});

/** The status line that a raw upgrade request is answered with. */
async function upgrade(inspector: Inspector, headers: Readonly<Record<string, string>>): Promise<string> {
  const { port } = new URL(inspector.url);
  const lines = {
    Host: `127.0.0.1:${port}`, Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', ...headers,
  };
  const socket = connect(Number(port), '127.0.0.1');
  const text = Object.entries(lines).map(([name, value]) => `${name}: ${value.replace('PORT', port)}\r\n`).join('');
  socket.write(`GET / HTTP/1.1\r\n${text}\r\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return answer.toString('latin1').split('\r\n')[0]!.replace('HTTP/1.1 ', '');
}

/** Everything a viewer was told, as it comes. */
async function watch(inspector: Inspector) {
  const viewer = new WebSocket(inspector.url);
  const messages: WireMessage[] = [];
  viewer.on('message', (data: Buffer) => messages.push(JSON.parse(data.toString()) as WireMessage));
  await once(viewer, 'open');
  return { viewer, messages };
}

const until = async (holds: () => boolean) => {
  for (const deadline = Date.now() + 5_000; !holds();) {
    assert.ok(Date.now() < deadline, 'it did not happen within 5 s');
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
};

describe('the door', () => {
  const refused = [
    { what: 'a name that was made to point here', headers: { Host: 'evil.example:PORT' } },
    { what: 'our name with another port', headers: { Host: '127.0.0.1:1' } },
    { what: 'our name without a port', headers: { Host: 'localhost' } },
    { what: 'a page of another site', headers: { Origin: 'https://evil.example' } },
    { what: 'a page whose name begins like ours', headers: { Origin: 'http://localhost.evil.example' } },
    { what: 'a page whose name ends like the inspector', headers: { Origin: 'https://evilstately.ai' } },
    { what: 'the page of the inspector without TLS', headers: { Origin: 'http://stately.ai' } },
    { what: 'a page without an origin of its own', headers: { Origin: 'null' } },
  ];
  for (const { what, headers } of refused) {
    test(`refuses ${what}`, async () => {
      assert.equal(await upgrade(await open(), headers as unknown as Record<string, string>), '403 Forbidden');
    });
  }

  const welcome = [
    {}, { Host: 'LOCALHOST:PORT' }, { Host: '[::1]:PORT' }, { Origin: 'https://stately.ai' },
    { Origin: 'http://localhost:5173' }, { Origin: 'http://127.0.0.1' }, { Origin: 'http://[::1]:80' },
  ];
  for (const headers of welcome) {
    test(`lets ${JSON.stringify(headers)} in`, async () => {
      const answer = await upgrade(await open(), headers as unknown as Record<string, string>);
      assert.equal(answer, '101 Switching Protocols');
    });
  }

  test('says what it is to those who only ask for a page', async () => {
    const inspector = await open();
    const answer = await fetch(inspector.url.replace('ws:', 'http:'));
    assert.equal(answer.status, 426);
    assert.match(await answer.text(), /WebSocket/);
  });

  test('is on the loopback interface, on one address of it', async () => {
    const { port } = new URL((await open()).url);
    await assert.rejects(once(connect(Number(port), '127.0.0.2'), 'connect'));
  });

  test('has room for sixteen', async () => {
    const inspector = await open();
    for (let n = 0; n < 16; n += 1) await watch(inspector);
    assert.equal(await upgrade(inspector, {}), '503 Service Unavailable');
  });

  test('is not opened twice: a port that is taken is said, with what to do', async () => {
    const inspector = await open();
    const port = Number(new URL(inspector.url).port);
    await assert.rejects(open(port), (error: GraceError) =>
      error.code === 'GRACE_INSPECTOR_UNAVAILABLE' && /inspect: \{ port \}/.test(error.message));
  });

  test('has a port, or is refused before anything starts', () => {
    assert.deepEqual([undefined, false, true, {}, { port: 8_787 }].map(inspectorPort), [
      undefined, undefined, 0, 0, 8_787,
    ]);
    for (const port of [-1, 1.5, 65_536, Number.NaN]) {
      assert.throws(() => inspectorPort({ port }), (error: GraceError) => error.code === 'GRACE_CONFIG_INVALID');
    }
  });
});

describe('a viewer', () => {
  test('that comes late is told first of every actor, with its definition and its present state', async () => {
    const inspector = await open();
    const actor = createActor(machine, { id: 'the counter', inspect: inspector.inspect });
    actor.start();
    for (let n = 0; n < 300; n += 1) actor.send({ type: 'up' });
    const { messages } = await watch(inspector);
    actor.send({ type: 'up' });
    await until(() => messages.length === 4);
    const [root, child, ...live] = messages as [WireActor, WireActor, ...WireMessage[]];
    assert.deepEqual([root.type, root.name, root.parentId], ['@xstate.actor', 'the counter', undefined]);
    assert.deepEqual(root.snapshot['context'], { count: 300 });
    assert.deepEqual(Object.keys((JSON.parse(root.definition) as { states: object }).states), ['counting', 'over']);
    assert.deepEqual([child.type, child.name, child.parentId], ['@xstate.actor', 'child', root.sessionId]);
    assert.match(root.sessionId, /^host\/x:\d+$/);
    assert.deepEqual(live.map(({ type }) => type), ['@xstate.event', '@xstate.snapshot']);
  });

  test('sees the actors of a kernel thread, and that they are over when the thread is', async () => {
    const inspector = await open();
    const feed = new InspectionFeed({
      clock: systemClock, messagesPerSecond: 1_000,
      send: (message, dropped) => inspector.fromThread('mail', 2, message, dropped),
    });
    createActor(machine, { inspect: feed.inspect }).start();
    const first = await watch(inspector);
    await until(() => first.messages.length === 2);
    assert.match(first.messages[0]!.sessionId, /^mail\.2\/x:\d+$/);
    inspector.threadOver('mail', 1);
    inspector.threadOver('mail', 2);
    await until(() => first.messages.length === 4);
    const ends = first.messages.slice(2);
    assert.deepEqual(ends.map((one) => one.type === '@xstate.snapshot' && one.snapshot['status']), [
      'stopped', 'stopped',
    ]);
    const second = await watch(inspector);
    createActor(machine, { id: 'next', inspect: inspector.inspect }).start();
    await until(() => second.messages.length > 0);
    assert.equal((second.messages[0] as WireActor).name, 'next');
  });

  test('cannot say anything: a message is ignored, one too long ends the connection', async () => {
    const inspector = await open();
    const { viewer, messages } = await watch(inspector);
    viewer.send(JSON.stringify({ type: '@xstate.event', sessionId: 'host/x:0', event: { type: 'up' } }));
    createActor(machine, { inspect: inspector.inspect }).start();
    await until(() => messages.length > 3);
    assert.equal(viewer.readyState, WebSocket.OPEN);
    viewer.send('x'.repeat(100_000));
    const [code] = (await once(viewer, 'close')) as [number];
    assert.equal(code, 1_009);
  });

  test('that does not keep up is dropped, and the host never waits', async () => {
    const inspector = await open();
    const { viewer } = await watch(inspector);
    viewer.pause();
    const text = 'x'.repeat(1_000);
    const message: WireMessage = {
      type: '@xstate.event', sourceId: undefined, event: Array.from({ length: 1_000 }, () => text), _version: '',
      createdAt: '', id: null, rootId: 'x', sessionId: 'x',
    };
    for (let n = 0; n < 60; n += 1) {
      inspector.fromThread('mail', 1, message, 0);
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    viewer.resume();
    const [code] = (await once(viewer, 'close')) as [number];
    assert.equal(code, 1_006);
  });

  test('is told when the runtime stops', async () => {
    const inspector = await open();
    const { viewer } = await watch(inspector);
    const closed = once(viewer, 'close') as Promise<[number]>;
    const { url } = inspector;
    const over = inspector.close();
    assert.equal(inspector.url, url);
    await over;
    assert.equal((await closed)[0], 1_001);
  });

  test('that does not say goodbye is not waited for', async () => {
    const inspector = await open();
    const { viewer } = await watch(inspector);
    viewer.pause();
    const beganAtMs = performance.now();
    await inspector.close();
    assert.ok(performance.now() - beganAtMs < 2_000);
    viewer.terminate();
  });
});

describe('what cannot be shown', () => {
  test('harms neither the actors nor those who watch', async () => {
    const inspector = await open();
    const { messages } = await watch(inspector);
    inspector.fromThread('mail', 1, undefined as unknown as WireMessage, 0);
    const loop: Record<string, unknown> = { type: 'up' };
    loop['loop'] = loop;
    const actor = createActor(machine, { inspect: inspector.inspect });
    actor.start();
    actor.send(loop as { type: 'up' });
    assert.deepEqual(actor.getSnapshot().context, { count: 1 });
    const isShown = (one: WireMessage) => one.type === '@xstate.event' && JSON.stringify(one.event).includes('[cycle]');
    await until(() => messages.some(isShown));
  });
});

describe('the book of actors', () => {
  const actor = (sessionId: string, status = 'active'): WireActor => ({
    type: '@xstate.actor', name: sessionId, definition: '{}', parentId: undefined, snapshot: { status },
    _version: '', createdAt: '', id: null, rootId: 'x', sessionId,
  });
  const ids = (book: ActorBook) => book.actors().map(({ sessionId }) => sessionId);

  test('forgets an actor some time after its end', async () => {
    const clock = new VirtualClock();
    const book = new ActorBook(clock);
    book.note(actor('a'));
    book.note(actor('b', 'done'));
    await clock.advance(9_000);
    assert.deepEqual(ids(book), ['a', 'b']);
    await clock.advance(2_000);
    assert.deepEqual(ids(book), ['a']);
  });

  test('holds no more than 500, and keeps the living over the dead', () => {
    const book = new ActorBook(new VirtualClock());
    for (let n = 0; n < 400; n += 1) book.note(actor(`dead${n}`, 'stopped'));
    for (let n = 0; n < 600; n += 1) book.note(actor(`alive${n}`));
    assert.equal(ids(book).length, 500);
    assert.ok(ids(book).every((id) => id.startsWith('alive')));
    assert.equal(ids(book)[0], 'alive0');
  });
});
