import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { HostJournal, type WriterThread } from '../../src/journal/host-journal.ts';
import type { ToWriter } from '../../src/journal/writer-protocol.ts';
import { VirtualClock } from '../../src/simulation/virtual-clock.ts';

class FakeWriter extends EventEmitter implements WriterThread {
  readonly received: ToWriter[] = [];

  postMessage(message: ToWriter): void {
    this.received.push(message);
  }

  ref(): void {
    // Nothing keeps this test alive.
  }

  unref(): void {
    // Nothing keeps this test alive.
  }

  get records(): number {
    return this.received.reduce((sum, message) => sum + (message.type === 'write' ? message.tails.length : 0), 0);
  }
}

test('sends a writer that is starting nothing twice', async () => {
  const writers: FakeWriter[] = [];
  const silent = { debug() {}, info() {}, warn() {}, error() {} };
  const journal = HostJournal.lock('/journal', {
    clock: new VirtualClock(), log: silent, lock: () => () => undefined, later: (work) => work(),
    startWriter: () => {
      writers.push(new FakeWriter());
      return writers.at(-1)!;
    },
  });
  const append = () =>
    journal.append({ type: 'host.started', actor: 'host', incident: null, data: null, atMs: 0, wallMs: 0 });

  const opening = journal.open();
  writers[0]!.emit('message', { type: 'opened', found: 0, tornBytes: 0 });
  await opening;
  append();
  // It has written the record, and dies before it has said so.
  writers[0]!.emit('exit');
  append();
  expect(writers[1]!.records).toBe(0);
  writers[1]!.emit('message', { type: 'opened', found: 1, tornBytes: 0 });
  expect(writers[1]!.records).toBe(1);
});
