// The inspector on real threads: one DIRT01 followed with the receiver of the Stately inspector's own package.
import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'vitest';
import { createWebSocketReceiver, type StatelyInspectionEvent } from '@statelyai/inspect';
import { createGrace, type Grace, type GraceError, type GraceOptions, type KernelInput } from 'grace-runtime';
import { runDirt01 } from '../../dist/src/chaos/scenarios/dirt01.js';
import { Folder } from '../fixtures/kernels.ts';

let folder: Folder;
const running: Grace[] = [];

beforeEach(() => {
  folder = new Folder();
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((grace) => grace.stop()));
  folder.remove();
});

async function boot(kernels: readonly KernelInput[], inspect?: GraceOptions['inspect']): Promise<Grace> {
  const grace = await createGrace({
    kernels, dataDir: `${folder.dataDir}-${running.length}`, logLevel: 'silent',
    ...(inspect !== undefined && { inspect }),
  });
  running.push(grace);
  await grace.start();
  return grace;
}

/** A kernel with an actor of its own: a lamp, and an observer that somebody broke. */
const lampSource = `
import { createMachine, createActor } from '${import.meta.resolve('xstate')}';
const machine = createMachine({
  id: 'lamp', initial: 'off', states: { off: { on: { toggle: 'on' } }, on: { on: { toggle: 'off' } } },
});
export function start(ctx) {
  const lamp = createActor(machine, { id: 'lamp', inspect: ctx.inspect });
  lamp.start();
  return {
    handle({ payload }) {
      if (payload?.do === 'flood') for (let n = 0; n < 10_001; n += 1) lamp.send({ type: 'toggle' });
      else lamp.send({ type: 'toggle', hostile: { toJSON() { throw new Error('no'); } } });
      return { on: lamp.getSnapshot().value, inspected: ctx.inspect !== undefined };
    },
  };
}
`;

const lamp = (): KernelInput => ({ id: 'lamp_kernel', module: folder.module('lamp', lampSource) });

interface Watched {
  readonly messages: StatelyInspectionEvent[];
  actors(named: RegExp): Extract<StatelyInspectionEvent, { type: '@xstate.actor' }>[];
  states(sessionId: string): { readonly status?: string; readonly value?: unknown }[];
}

function watch(url: string): Watched {
  const messages: StatelyInspectionEvent[] = [];
  createWebSocketReceiver({ server: url }).subscribe((message) => {
    messages.push(message);
  });
  return {
    messages,
    actors: (named) => messages.filter((one) => one.type === '@xstate.actor').filter(({ name }) => named.test(name)),
    states: (sessionId) =>
      messages
        .filter((one) => one.type !== '@xstate.event')
        .filter((one) => one.sessionId === sessionId)
        .map(({ snapshot }) => snapshot as { status?: string; value?: unknown }),
  };
}

async function until(holds: () => boolean, what: string): Promise<void> {
  for (const deadline = Date.now() + 20_000; !holds();) {
    assert.ok(Date.now() < deadline, `${what}: not seen within 20 s`);
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
  }
}

describe('DIRT01, seen from the inspector', () => {
  test('shows kernels, the incident, and a run that goes through its steps by name to its end', async () => {
    let viewer: Watched | undefined;
    const report = await runDirt01({
      dataDir: folder.dataDir, recovery: true, inspect: { port: 0 },
      onInspector: (url) => {
        viewer = watch(url);
      },
    });
    assert.ok(report.passed, JSON.stringify(report.checks.filter(({ ok }) => !ok)));
    const { messages, actors, states } = viewer!;
    // The host had started when we came: first of all, every actor with its definition and its state.
    const [root] = messages;
    assert.ok(root?.type === '@xstate.actor' && root.name === 'root' && root.sessionId.startsWith('host/'));
    const kernels = actors(/^kernel\./);
    assert.equal(kernels.length, 20);
    for (const { definition, snapshot, parentId } of kernels) {
      assert.match(definition!, /quarantined/);
      assert.deepEqual([snapshot.status, typeof parentId], ['active', 'string']);
    }
    const [incident] = actors(/^inc_[^.]+$/);
    const run = actors(/^inc_.+\.run\d+$/).at(-1)!;
    assert.equal(run.parentId, incident!.sessionId);
    // The run: the steps of the playbook are states of its chart.
    const { steps } = (JSON.parse(run.definition!) as { states: { steps: { states: object } } }).states;
    assert.deepEqual(Object.keys(steps.states), [
      'assess_damage', 'activate_emergency_mode', 'parallel_kernel_restart', 'verify_message_bus',
      'verify_self_healing', 'verify_coding_agent', 'create_diagnostic_tasks', 'restore_system_health',
      'disable_emergency_mode', 'log_recovery', '~concluding',
    ]);
    const values = states(run.sessionId).map(({ value }) => JSON.stringify(value));
    for (const { id } of report.steps) {
      const isIn = new RegExp(`"${id}":("acting"|\\{"branches")`);
      assert.ok(values.some((value) => isIn.test(value ?? '')), `the run was never seen in ${id}`);
    }
    const last = states(run.sessionId).at(-1)!;
    assert.deepEqual([last.status, last.value], ['done', 'ended']);
    // The three kernels were seen down, and running again before the host stopped.
    for (const kernel of ['message_bus', 'self_healing', 'coding_agent']) {
      const { sessionId } = kernels.find(({ name }) => name === `kernel.${kernel}`)!;
      const seen = states(sessionId).map(({ value }) => JSON.stringify(value));
      const down = seen.findIndex((value) => value?.includes('down'));
      const isBack = seen.slice(down).some((value) => value?.includes('running'));
      assert.ok(down > 0 && isBack, `${kernel}: ${seen.join(' ')}`);
    }
  });
});

describe('an actor inside a kernel thread', () => {
  test('shows up under the kernel and its epoch, and is over with its thread', async () => {
    const grace = await boot([lamp()], true);
    const { actors, states } = watch(grace.inspectorUrl!);
    await until(() => actors(/^lamp$/).length === 1, 'the lamp');
    const [first] = actors(/^lamp$/);
    assert.match(first!.sessionId, /^lamp_kernel\.1\/x:\d+$/);
    assert.deepEqual(Object.keys((JSON.parse(first!.definition!) as { states: object }).states), ['off', 'on']);
    assert.deepEqual(await grace.call('lamp_kernel', {}), { on: 'on', inspected: true });
    await until(() => states(first!.sessionId).at(-1)?.value === 'on', 'its light');
    void grace.unsafeWorker('lamp_kernel')!.terminate();
    await until(() => states(first!.sessionId).at(-1)?.status === 'stopped', 'its end');
    await until(() => actors(/^lamp$/).length === 2, 'the next lamp');
    assert.match(actors(/^lamp$/)[1]!.sessionId, /^lamp_kernel\.2\//);
  });

  test('that does much costs the host a bounded number of messages, and its newest state is shown', async () => {
    const grace = await boot([lamp()], true);
    const { messages, actors, states } = watch(grace.inspectorUrl!);
    await until(() => actors(/^lamp$/).length === 1, 'the lamp');
    assert.deepEqual(await grace.call('lamp_kernel', { do: 'flood' }), { on: 'on', inspected: true });
    const { sessionId } = actors(/^lamp$/)[0]!;
    const ofLamp = () => messages.filter((one) => one.sessionId === sessionId).length;
    await until(() => ofLamp() > 150 && states(sessionId).at(-1)?.value === 'on', 'its newest state');
    await new Promise((resolve) => {
      setTimeout(resolve, 1_200);
    });
    assert.ok(ofLamp() < 1_000, `${ofLamp()} messages`);
    assert.equal(states(sessionId).at(-1)?.value, 'on');
  });
});

describe('the inspector of a runtime', () => {
  test('is off unless it is asked for: nothing listens, and kernels have nothing to pass on', async () => {
    const grace = await boot([lamp()]);
    assert.equal(grace.inspectorUrl, undefined);
    assert.deepEqual(await grace.call('lamp_kernel', {}), { on: 'on', inspected: false });
  });

  test('has a port of its own, also beside a second runtime, and gives it back', async () => {
    const first = await boot([lamp()], true);
    const second = await boot([lamp()], { port: 0 });
    assert.notEqual(first.inspectorUrl, second.inspectorUrl);
    const { port } = new URL(first.inspectorUrl!);
    await first.stop();
    assert.equal(first.inspectorUrl, undefined);
    const third = await boot([lamp()], { port: Number(port) });
    assert.equal(third.inspectorUrl, `ws://127.0.0.1:${port}`);
  });

  test('that cannot have its port stops the start, and nothing half-started stays', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => {
      taken.once('listening', resolve);
    });
    const { port } = taken.address() as AddressInfo;
    await assert.rejects(boot([lamp()], { port }), (error: GraceError) =>
      error.code === 'GRACE_INSPECTOR_UNAVAILABLE' && error.message.includes(String(port)));
    assert.deepEqual(running[0]!.kernels().map(({ status }) => status), ['down']);
    assert.deepEqual(await running[0]!.stop(), { zombies: [] });
    await new Promise((resolve) => {
      taken.close(resolve);
    });
    running.splice(0);
    // The journal of the same data directory is free as well.
    await boot([lamp()], { port });
  });

  test('does not keep the process alive, even while somebody watches', async () => {
    const script = folder.file('host.mjs', `
      import { createGrace } from '${import.meta.resolve('grace-runtime')}';
      const grace = await createGrace({ kernels: [], dataDir: ${JSON.stringify(folder.dataDir)}, inspect: true });
      await grace.start();
      console.log(grace.inspectorUrl);
      setTimeout(() => console.log('nothing more to do'), 700);
    `);
    const host = execFile(process.execPath, [script], { timeout: 20_000 });
    const ended = new Promise<number | null>((resolve) => {
      host.once('exit', resolve);
    });
    let said = '';
    let viewer: Watched | undefined;
    host.stdout!.on('data', (text: string) => {
      const wasSilent = said === '';
      said += text;
      if (wasSilent) viewer = watch(said.trim());
    });
    assert.equal(await ended, 0, 'it had to be killed');
    assert.match(said, /nothing more to do/);
    assert.ok(viewer!.actors(/^root$/).length > 0, 'nobody watched');
  });
});

describe('the command', () => {
  const main = join(import.meta.dirname, '../../dist/src/cli/main.js');

  test('says where the inspector serves', async () => {
    const host = spawn(process.execPath, [main, 'run', '--inspect=0', '--data-dir', folder.dataDir]);
    let said = '';
    host.stderr.on('data', (text: Buffer) => {
      said += text.toString();
    });
    const ended = new Promise((resolve) => {
      host.once('exit', resolve);
    });
    await until(() => said.includes('20 kernels run'), 'the host');
    const [, url] = /^inspector: (ws:\/\/127\.0\.0\.1:\d+)$/m.exec(said)!;
    const { actors } = watch(url!);
    await until(() => actors(/^kernel\./).length === 20, 'its kernels');
    host.kill('SIGINT');
    assert.equal(await ended, 0);
  });

  test('says how to give a port', () => {
    const { status, stderr } = spawnSync(process.execPath, [main, 'chaos', 'run', 'dirt01', '--inspect', 'x'], {
      encoding: 'utf8', cwd: folder.path,
    });
    assert.equal(status, 2);
    assert.match(stderr, /GRACE_CONFIG_INVALID: --inspect: expected a port, got: x\. Write --inspect=PORT/);
  });
});
