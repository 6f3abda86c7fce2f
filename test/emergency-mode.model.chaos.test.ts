// Paths of the emergency chart in a host whose critical kernels are killed: entered and left as the chart says.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'vitest';
import { createWebSocketReceiver, type StatelyInspectionEvent } from '@statelyai/inspect';
import type { AnyMachineSnapshot } from 'xstate';
import { createGrace, type EventPayloads, type Grace } from 'grace-runtime';
import { emergencyModeMachine, type Context } from '../machines/emergency-mode.machine.ts';
import { counterSource, Folder } from './fixtures/kernels.ts';
import { livesIn } from './support/model.ts';
import { extended, pathsThrough, type Path, type Walkable } from './support/model-paths.ts';
import { until, within } from './support/real-threads.ts';
import type { PathEvent } from './support/script.ts';

const enter = (owner: string) => ({
  type: 'emergency.enter_requested', reason: 'test', owner, incident: 'inc_1', deadlineAtMs: 1_000, atMs: 0,
});
const leave = (owner: string) => ({ type: 'emergency.leave_requested', owner, atMs: 0 });
/** Where the chart is, and how many own the mode. */
const shape = ({ value, context }: { readonly value: unknown; readonly context: unknown }) =>
  [value, Object.keys((context as Context).owners).length];

const chart: Walkable = {
  machine: emergencyModeMachine.provide({ actions: { publish: () => undefined } }),
  input: undefined,
  events: [
    enter('1'), enter('2'), leave('1'), leave('2'), { type: 'xstate.done.actor.alarm', output: { atMs: 1_000 } },
  ],
  possible: livesIn, limit: 1_000, stop: undefined, shape,
  summary: ({ context }: AnyMachineSnapshot) => context.owners,
};
const { shortest, simple } = pathsThrough(chart, 200);
// Two steps more than to come to a new state: a host may go back to normal, and be asked to leave once more.
const oneMore = extended(chart, [...shortest, ...simple]);
const paths = new Map([...oneMore, ...extended(chart, oneMore)].map((path) => [said(path), path]));

/** A path as it can be compared: owners are told apart by the order in which they come. */
function said(steps: readonly { readonly event: object }[]): string {
  const owners: string[] = [];
  return steps.map(({ event }) => {
    const { type, owner } = event as { readonly type: string; readonly owner?: string };
    if (owner === undefined) return 'the alarm rings';
    if (!owners.includes(owner)) owners.push(owner);
    return `${type === 'emergency.enter_requested' ? 'enter' : 'leave'} ${owners.indexOf(owner) + 1}`;
  }).join(', ');
}

let folder: Folder;
let grace: Grace | undefined;
/** What the emergency actor of the host was told, and where it was after that. */
let seen: { readonly event: PathEvent; readonly shape: unknown }[];

beforeEach(() => {
  folder = new Folder();
  mkdirSync(playbooks());
  seen = [];
});
afterEach(async () => {
  await grace?.stop();
  grace = undefined;
  folder.remove();
});

const playbooks = () => join(folder.path, 'playbooks');
const kernels = ['one', 'two', 'three'];

async function boot(playbook?: string): Promise<Grace> {
  if (playbook) writeFileSync(join(playbooks(), 'own.yaml'), playbook);
  grace = await createGrace({
    dataDir: folder.dataDir, logLevel: 'silent', inspect: { port: 0 }, playbooks: playbooks(),
    actions: { hold: {
      module: folder.module('hold', 'export const hold = () => new Promise((over) => { setTimeout(over, 1_000); });'),
    } },
    kernels: kernels.map((id) => ({ id, critical: true, module: folder.module(id, counterSource) })),
  });
  await grace.start();
  await within(watch(grace.inspectorUrl!), 'the inspector does not tell of the emergency actor');
  return grace;
}

/** Resolves when the emergency actor is known; from then on what it does is kept. */
function watch(url: string): Promise<void> {
  let sessionId: string | undefined;
  return new Promise((resolve) => {
    createWebSocketReceiver({ server: url }).subscribe((message: StatelyInspectionEvent) => {
      if (message.type === '@xstate.actor' && message.name === 'emergency') {
        sessionId = message.sessionId;
        resolve();
      }
      if (message.type !== '@xstate.snapshot' || message.sessionId !== sessionId) return;
      const event = message.event as unknown as PathEvent;
      if (!/^emergency\.|\.alarm$/.test(event.type)) return;
      seen.push({ event, shape: shape(message.snapshot as never) });
    });
  });
}

/** Ends the Workers of these kernels, and resolves when they have exited. */
async function kill(host: Grace, ...ids: string[]): Promise<void> {
  const workers = ids.map((id) => host.unsafeWorker(id)!);
  const exits = workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve)));
  for (const worker of workers) void worker.terminate();
  await within(Promise.all(exits), `${ids.join(', ')} did not exit`);
}

/** The payload of the first such event that is meant. */
function next<T extends 'emergency.entered' | 'emergency.left' | 'run.step_started'>(
  host: Grace, type: T, isMeant: (payload: EventPayloads[T]) => boolean = () => true,
): Promise<EventPayloads[T]> {
  return within(new Promise((resolve) => {
    const stop = host.on(type, (payload) => {
      if (!isMeant(payload)) return;
      stop();
      resolve(payload);
    });
  }), `no ${type}`);
}

/** The host went the way that the graph has found, and was after each step where the chart is. */
async function wentAlong(way: string): Promise<void> {
  const path: Path | undefined = paths.get(way);
  assert.ok(path, `"${way}" is not among the ways of the chart: ${[...paths.keys()].join('; ')}`);
  // The inspector tells a moment later than the mesh.
  await until(() => seen.length >= path.length || undefined, `the host does not go "${way}" to its end`);
  assert.equal(said(seen), way);
  assert.deepEqual(seen.map((step) => step.shape), path.map((step) => step.shape));
}

/** Enters, restarts, and goes on for a while. */
const begins = (slo: string) => `playbook: own
version: 1
title: Enters emergency mode
on: event.emergency
slo: ${slo}
inputs:
  kernels_down: { type: list, required: true }
steps:
  - { id: enter, action: enter_emergency_mode, with: { reason: test }, timeout: 200ms }
  - { id: restart, action: restart_kernels, with: { kernels: "\${inputs.kernels_down}", emergency: true }, timeout: 2s }
`;

describe('emergency mode, when critical kernels are killed', () => {
  test('is left by the shipped run', async () => {
    const host = await boot();
    const left = next(host, 'emergency.left');
    await kill(host, 'one', 'two');
    assert.equal((await left).why, 'asked');
    // Once by a step and once by `finally`: the second one finds the mode left.
    await wentAlong('enter 1, leave 1, leave 1');
  });

  test('is left at its deadline, when the run does not leave it', async () => {
    const host = await boot(begins('3s'));
    const [entered, left] = [next(host, 'emergency.entered'), next(host, 'emergency.left')];
    await kill(host, 'one', 'two');
    const { owner } = await entered;
    assert.deepEqual([(await left).why, (await left).owner], ['deadline', owner]);
    await wentAlong('enter 1, the alarm rings');
  });

  test('is kept while one of its runs needs it', async () => {
    const holds = `${begins('12s')}  - { id: hold, action: hold, timeout: 3s }
finally:
  - { id: hold_on, action: hold, timeout: 3s }
  - { id: leave, action: leave_emergency_mode, timeout: 200ms }
`;
    const host = await boot(holds);
    const left = next(host, 'emergency.left');
    const isHolding = next(host, 'run.step_started', ({ step }) => step === 'hold');
    await kill(host, 'one', 'two');
    await isHolding;
    // Its restarts are done: another run takes over, and enters before the first one has left.
    await kill(host, 'three');
    assert.equal((await left).why, 'asked');
    await wentAlong('enter 1, enter 2, leave 1, leave 2');
  });
});
