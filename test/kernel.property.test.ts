// The kernel chart on virtual time, against a simulated registry.
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import fc from 'fast-check';
import { createActor, fromCallback, setup } from 'xstate';
import { alarmOn } from '../machines/alarm.ts';
import { kernelMachine, type ChildReport, type ThreadSignal } from '../machines/kernel.machine.ts';
import { parseChildSpec } from '../src/core/child-specs.ts';
import { VirtualClock } from './support/virtual-clock.ts';

const spec = parseChildSpec({ id: 'bus', module: 'file:///bus.js', startDeadline: '10s' }, 0);

/** What a thread does after it was started, and after it was asked to stop. */
const threadLife = fc.record({
  readyAfterMs: fc.oneof(fc.nat(20_000), fc.constant(Infinity)),
  diesAfterMs: fc.oneof(fc.nat(30_000), fc.constant(Infinity)),
  stopsAfterMs: fc.oneof(fc.nat(10_000), fc.constant(Infinity)),
});
const command = fc.record({
  waitMs: fc.nat(15_000),
  what: fc.constantFrom('start', 'stop', 'kill'),
});

const nothing = () => undefined;

describe('kernel on virtual time', () => {
  test('property: every start and every stop is answered by its deadline (1,000 runs)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(threadLife, { minLength: 1, maxLength: 5 }),
        fc.array(command, { maxLength: 8 }),
        async (lives, commands) => {
          const clock = new VirtualClock();
          const reports: (ChildReport & { readonly toldAtMs: number })[] = [];
          let living = 0;
          let starts = 0;
          let askStop: () => void = nothing;
          const kernel = kernelMachine.provide({
            actors: {
              alarm: alarmOn(clock),
              thread: fromCallback<ThreadSignal, { kernel: string }>(({ sendBack }) => {
                const life = lives[starts % lives.length]!;
                starts += 1;
                living += 1;
                let attached = true;
                const later = (ms: number, signal: () => ThreadSignal) => {
                  if (ms !== Infinity) clock.setTimeout(() => attached && sendBack(signal()), ms);
                };
                sendBack({ type: 'thread.started', epoch: starts, atMs: clock.now() });
                later(life.readyAfterMs, () => ({
                  type: 'thread.ready', startedMs: 0, adoptedStandby: false, atMs: clock.now(),
                }));
                const gone = (kind: 'threw' | 'shutdown') => () => ({
                  type: 'thread.down' as const,
                  reason: { kind, notice: 'last_words' as const },
                  atMs: clock.now(),
                });
                later(life.diesAfterMs, gone('threw'));
                askStop = () => later(life.stopsAfterMs, gone('shutdown'));
                return () => {
                  attached = false;
                  living -= 1;
                };
              }),
            },
            actions: {
              publish: nothing,
              endThread: () => askStop(),
              fence: nothing,
            },
          });
          const parent = setup({
            types: { events: {} as ChildReport }, actors: { kernel },
          }).createMachine({
            invoke: { id: 'kernel', src: 'kernel', input: { spec } },
            on: {
              '*': { actions: ({ event }) => reports.push({ ...event, toldAtMs: clock.now() }) },
            },
          });
          const actor = createActor(parent, { clock }).start();
          const child = actor.getSnapshot().children['kernel']!;
          for (const { waitMs, what } of commands) {
            await clock.advance(waitMs);
            const wasDown = child.getSnapshot().value === 'down';
            const told = reports.length;
            const atMs = clock.now();
            if (what === 'start') child.send({ type: 'kernel.start', atMs });
            else child.send({ type: 'kernel.stop', how: what === 'kill' ? 'brutal_kill' : 5_000, atMs });
            if (what === 'start' && !wasDown) continue;
            await clock.advance(what === 'start' ? spec.startDeadlineMs : 5_050);
            assert.ok(reports.length > told, `${what} at ${atMs} was not answered`);
            assert.ok(living <= 1, 'two attachments at a time');
          }
          assert.equal(living, child.getSnapshot().matches('attached') ? 1 : 0);
          actor.stop();
          assert.equal(living, 0);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
