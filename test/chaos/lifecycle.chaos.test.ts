// Real threads, built code: what a host sees when its kernels are wrong, die, hang or flood.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'vitest';
import { createGrace, graceKernels, openJournalFolder, type Grace, type GraceError, type KernelInput } from 'grace-runtime';
import { counterSource, Folder } from '../fixtures/kernels.ts';

let folder: Folder;
let running: Grace | undefined;

beforeEach(() => {
  folder = new Folder();
});
afterEach(async () => {
  await running?.stop();
  running = undefined;
  folder.remove();
});

async function boot(kernels: readonly KernelInput[], options: { recovery?: boolean } = {}): Promise<Grace> {
  running = await createGrace({ kernels, dataDir: folder.dataDir, logLevel: 'silent', ...options });
  await running.start();
  return running;
}

const counter = (over: Partial<KernelInput> = {}): KernelInput => ({
  id: 'counter', module: folder.module('counter', counterSource), saveInterval: '1ms', ...over,
});

/** Resolves with the payload of the next event of a type. */
const next = (grace: Grace, type: Parameters<Grace['on']>[0], kernel?: string) =>
  new Promise<Record<string, unknown>>((resolve) => {
    const stop = grace.on(type, (payload) => {
      if (kernel !== undefined && (payload as { kernel?: string }).kernel !== kernel) return;
      stop();
      resolve(payload as unknown as Record<string, unknown>);
    });
  });

const refused = async (kernels: readonly KernelInput[], code: string, ...words: RegExp[]) => {
  const failure = await boot(kernels).then(() => undefined, (error: unknown) => error as GraceError);
  assert.equal(failure?.code, code, String(failure));
  for (const word of words) assert.match(failure.message, word);
  assert.deepEqual(running?.kernels().filter(({ status }) => status === 'running') ?? [], []);
};

describe('bad kernels', () => {
  test('a module that does not exist is refused before anything starts', () =>
    refused([{ id: 'ghost', module: `file://${folder.path}/ghost.mjs` }], 'GRACE_KERNEL_MODULE_UNKNOWN', /ghost\.mjs/));

  test('a module without start is refused, and nothing half-started stays', () =>
    refused(
      [counter(), { id: 'empty', module: folder.module('empty', 'export const x = 1;'), dependsOn: ['counter'] }],
      'GRACE_KERNEL_MODULE_INVALID', /empty\.mjs/, /start/,
    ));

  test('a kernel that never becomes ready is given up at its start deadline', () =>
    refused(
      [{
        id: 'slow', startDeadline: '300ms',
        module: folder.module('slow', 'export const start = () => new Promise(() => {});'),
      }],
      'GRACE_KERNEL_START_TIMEOUT', /300 ms/, /slow\.mjs/,
    ));

  test('a kernel that throws while it starts stops the boot with its own error', () =>
    refused(
      [{ id: 'bad', module: folder.module('bad', "export function start() { throw new Error('no licence'); }") }],
      'GRACE_KERNEL_START_FAILED', /no licence/,
    ));

  test('a second runtime on the same data directory is refused, naming who holds it', async () => {
    await boot([counter()]);
    const second = await createGrace({ kernels: [counter()], dataDir: folder.dataDir, logLevel: 'silent' });
    await assert.rejects(second.start(), (error: GraceError) =>
      error.code === 'GRACE_RUNTIME_STATE' && error.message.includes(String(process.pid)));
  });
});

describe('one kernel', () => {
  for (const what of ['throw', 'exit'] as const) {
    test(`that dies by itself (${what}) comes back with its state, and says why it died`, async () => {
      const grace = await boot([counter()]);
      await grace.call('counter', { do: 'count' });
      await grace.call('counter', { do: 'count' });
      const [down, ready] = [next(grace, 'kernel.down', 'counter'), next(grace, 'kernel.ready', 'counter')];
      void grace.call('counter', { do: what }).catch(() => undefined);
      const { reason } = (await down) as { reason: { kind: string; exitCode: number; error?: { message: string } } };
      assert.equal(reason.kind, what === 'throw' ? 'threw' : 'exited');
      if (what === 'throw') assert.match(reason.error!.message, /told to throw/);
      else assert.equal(reason.exitCode, 7);
      await ready;
      assert.deepEqual(await grace.call('counter', {}), { count: 2, epoch: 2 });
    });
  }

  test('that hangs is replaced after its silence, and its old thread is not waited for', async () => {
    const grace = await boot([counter({ critical: true, liveness: { tardy: '100ms', silent: '300ms' } })]);
    await grace.call('counter', { do: 'count' });
    const [down, ready] = [next(grace, 'kernel.down', 'counter'), next(grace, 'kernel.ready', 'counter')];
    void grace.call('counter', { do: 'hang' }).catch(() => undefined);
    assert.equal(((await down)['reason'] as { kind: string }).kind, 'silent');
    await ready;
    assert.deepEqual(await grace.call('counter', {}), { count: 1, epoch: 2 });
  });

  test('that floods its console costs the host a bounded number of records', async () => {
    const grace = await boot([counter()]);
    assert.deepEqual(await grace.call('counter', { do: 'log' }), { count: 0, epoch: 1 });
    assert.equal(grace.kernels()[0]!.status, 'running');
  });

  test('stays down when recovery is off', async () => {
    const grace = await boot([counter({ critical: true })], { recovery: false });
    const down = next(grace, 'kernel.down', 'counter');
    void grace.unsafeWorker('counter')!.terminate();
    await down;
    await new Promise((resolve) => {
      setTimeout(resolve, 500);
    });
    assert.notEqual(grace.kernels()[0]!.status, 'running');
  });
});

describe('the host', () => {
  test('is not taken down by listeners that throw or reject', async () => {
    const grace = await boot([counter()]);
    const failures: string[] = [];
    grace.on('listener.failed', ({ error }) => failures.push(error));
    grace.on('kernel.down', () => {
      throw new Error('thrown by a listener');
    });
    grace.on('kernel.down', async () => {
      throw new Error('rejected by a listener');
    });
    const ready = next(grace, 'kernel.ready', 'counter');
    void grace.unsafeWorker('counter')!.terminate();
    await ready;
    assert.deepEqual(failures.toSorted(), ['rejected by a listener', 'thrown by a listener']);
  });

  test('stops without leaving a thread, and its journal verifies', async () => {
    const grace = await boot([counter(), { id: 'message_bus', module: graceKernels.message_bus, critical: true }]);
    await grace.call('counter', { do: 'count' });
    assert.deepEqual(await grace.stop(), { zombies: [] });
    assert.deepEqual(await grace.stop(), { zombies: [] });
    const verdict = openJournalFolder(folder.dataDir).verify();
    assert.ok(verdict.ok && verdict.entries > 0, JSON.stringify(verdict));
    await assert.rejects(grace.start(), (error: GraceError) => error.code === 'GRACE_RUNTIME_STATE');
  });
});
