// Planted throws: an actor of the control plane that dies comes back with the state it had before the
// event that killed it, and no thread is started twice.
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { createActor, fromCallback, fromPromise, type AnyActorRef } from 'xstate';
import { alarmOn } from '../../machines/alarm.ts';
import { kernelMachine, type ThreadSignal } from '../../machines/kernel.machine.ts';
import { rootMachine } from '../../machines/root.machine.ts';
import { supervisorMachine } from '../../machines/supervisor.machine.ts';
import { parseChildSpec } from '../../src/core/child-specs.ts';
import type { AnyAnnouncement } from '../../src/core/events.ts';
import { defaultPolicy } from '../../src/core/supervision.ts';
import { LastStates, resumable } from '../../src/supervision/resumable.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const ids = ['a', 'b', 'c'];

/** A control plane over a registry that starts a thread only when none lives, and counts. */
async function world(poison: { armed: boolean; where: 'supervisor' | 'kernel' }) {
  const clock = new VirtualClock();
  const lastStates = new LastStates();
  const said: AnyAnnouncement[] = [];
  const starts = new Map<string, number>();
  const alive = new Map<string, { epoch: number; sinks: Set<(signal: ThreadSignal) => void> }>();

  function attach(kernel: string, sink: (signal: ThreadSignal) => void): () => void {
    let thread = alive.get(kernel);
    if (!thread) {
      const epoch = (starts.get(kernel) ?? 0) + 1;
      starts.set(kernel, epoch);
      thread = { epoch, sinks: new Set() };
      alive.set(kernel, thread);
    }
    thread.sinks.add(sink);
    const atMs = clock.now();
    sink({ type: 'thread.started', epoch: thread.epoch, atMs });
    sink({ type: 'thread.ready', startedMs: 0, adoptedStandby: false, atMs });
    return () => thread.sinks.delete(sink);
  }

  const publish = (_: unknown, announcement: AnyAnnouncement): void => {
    said.push(announcement);
    if (!poison.armed || announcement.type !== 'kernel.degraded') return;
    poison.armed = false;
    if (poison.where === 'kernel') throw new Error('planted in the kernel actor');
  };
  const kernel = resumable(kernelMachine.provide({
    actors: {
      alarm: alarmOn(clock),
      thread: fromCallback<ThreadSignal, { kernel: string }>(({ input, sendBack }) => attach(input.kernel, sendBack)),
    },
    actions: { publish, endThread: () => undefined, fence: (_, { kernel: id }) => alive.delete(id) },
  }), lastStates);
  const supervisor = resumable(supervisorMachine.provide({
    actors: { alarm: alarmOn(clock), kernel },
    actions: {
      publish,
      answer: (_, { requestId }) => {
        if (requestId === 'poison') throw new Error('planted in the supervisor');
      },
    },
  }), lastStates);
  const nothing = fromPromise(() => new Promise(() => undefined));
  const root = createActor(rootMachine.provide({
    actors: {
      supervisor: supervisor as never, trigger: nothing, emergency: nothing, incidents: nothing,
      reading: fromPromise(async () => ({ atMs: clock.now() })),
    },
    actions: { publish },
  }), {
    input: {
      atMs: 0,
      parts: [{
        id: 'supervisor.platform',
        src: 'supervisor',
        input: {
          settings: {
            id: 'platform', strategy: 'one_for_one', autoShutdown: 'never', intensity: null,
            policy: defaultPolicy,
          },
          specs: ids.map((id, index) => parseChildSpec({ id, module: 'file:///k.js' }, index)),
        },
      }],
    },
  });
  root.subscribe({ error: assert.ifError });
  root.start();
  await clock.advance(10);
  const part = () => root.getSnapshot().children['supervisor.platform'] as AnyActorRef;
  const statuses = () => ids.map((id) => {
    const { children } = part().getSnapshot() as { children: Record<string, AnyActorRef> };
    return JSON.stringify((children[`kernel.${id}`]!.getSnapshot() as { value: unknown }).value);
  });
  return { clock, root, part, said, starts, alive, statuses };
}

const running = '{"attached":{"running":"healthy"}}';

describe('a control-plane actor that dies', () => {
  test('the supervisor comes back with its children running, and starts no thread twice', async () => {
    const { clock, part, said, starts, statuses } = await world({ armed: false, where: 'supervisor' });
    assert.deepEqual(statuses(), [running, running, running]);
    const before = part();
    // It is refused, and the answer throws in an action of the supervisor.
    before.send({
      type: 'child.restart_requested', id: 'ghost', by: 'x', force: true, emergency: false,
      requestId: 'poison', atMs: clock.now(),
    });
    await clock.advance(10);
    assert.notEqual(part(), before);
    assert.ok(said.some(({ type }) => type === 'actor.restarted'));
    assert.deepEqual(statuses(), [running, running, running]);
    assert.deepEqual([...starts.values()], [1, 1, 1]);
  });

  test('a supervisor that came back still supervises', async () => {
    const { clock, part, starts, alive, statuses } = await world({ armed: false, where: 'supervisor' });
    part().send({
      type: 'child.restart_requested', id: 'ghost', by: 'x', force: true, emergency: false,
      requestId: 'poison', atMs: clock.now(),
    });
    await clock.advance(10);
    const sinks = [...alive.get('b')!.sinks];
    assert.equal(sinks.length, 1, 'the dead supervisor\'s kernel actor is still attached');
    alive.delete('b');
    for (const sink of sinks) {
      sink({ type: 'thread.down', reason: { kind: 'threw', notice: 'last_words' }, atMs: clock.now() });
    }
    await clock.advance(1_000);
    assert.deepEqual(statuses(), [running, running, running]);
    assert.deepEqual([...starts.values()], [1, 2, 1]);
  });

  test('a kernel actor comes back attached to the thread that lives', async () => {
    const { clock, part, starts, alive, statuses } = await world({ armed: true, where: 'kernel' });
    const before = part();
    for (const sink of Array.from(alive.get('a')!.sinks)) sink({ type: 'thread.degraded', why: 'late', atMs: clock.now() });
    await clock.advance(10);
    assert.equal(part(), before, 'the supervisor did not survive its child');
    assert.deepEqual(statuses(), [running, running, running]);
    assert.deepEqual([...starts.values()], [1, 1, 1]);
    assert.equal(alive.get('a')!.sinks.size, 1);
  });

  test('one that keeps dying is given up, and the host is told', async () => {
    const { clock, part, said } = await world({ armed: false, where: 'supervisor' });
    for (let n = 0; n < 6; n += 1) {
      part().send({
        type: 'child.restart_requested', id: 'ghost', by: 'x', force: true, emergency: false,
        requestId: 'poison', atMs: clock.now(),
      });
      await clock.advance(10);
    }
    assert.ok(said.some(({ type }) => type === 'host.unrecoverable'));
  });
});
