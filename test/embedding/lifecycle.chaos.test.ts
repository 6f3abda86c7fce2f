// What a runtime does to the process it lives in: seen from the outside, in processes of their own.
import assert from 'node:assert/strict';
import { symlinkSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'vitest';
import { createGrace, openJournalFolder, type Grace, type GraceError } from 'grace-runtime';
import { HostFolder } from '../fixtures/host-folder.ts';
import { counterSource } from '../fixtures/kernels.ts';

let folder: HostFolder;
beforeEach(() => {
  folder = new HostFolder();
  folder.module('counter', counterSource);
});
afterEach(() => folder.remove());

/** A host with a bus, a critical kernel and an ordinary one. What it prints is what the test looks at. */
const prelude = `
import { readdirSync } from 'node:fs';
import { createGrace, graceKernels } from 'grace-runtime';
const counter = new URL('./counter.mjs', import.meta.url);
export const newGrace = (options = {}) => createGrace({
  kernels: [
    { id: 'message_bus', module: graceKernels.message_bus, critical: true },
    { id: 'vital', module: counter, critical: true, dependsOn: ['message_bus'] },
    { id: 'counter', module: counter, dependsOn: ['message_bus'], shutdown: '200ms' },
  ],
  logLevel: 'silent',
  ...options,
});
const alive = setInterval(() => {}, 1_000);
export const waitFor = (grace, type) => new Promise((resolve) => { grace.on(type, resolve); });
export const letGo = () => clearInterval(alive);
/** What this process holds: threads and open files as the system counts them, and what Node waits for. */
export const held = () => ({
  threads: readdirSync('/proc/self/task').length,
  files: readdirSync('/proc/self/fd').length,
  waitsFor: process.getActiveResourcesInfo().filter((name) => name === 'MessagePort' || name === 'Timeout').join(),
});
export const print = (value) => console.log(JSON.stringify(value));
`;

function run(script: string) {
  folder.file('prelude.mjs', prelude);
  folder.file('host.mjs', `import { newGrace, waitFor, letGo, held, print } from './prelude.mjs';\n${script}`);
  const { status, lines, errors } = folder.node('host.mjs');
  assert.equal(errors, '');
  return { status, printed: lines.filter(Boolean).map((line) => JSON.parse(line) as unknown) };
}

describe('a runtime leaves nothing behind', () => {
  const whens: Record<string, string> = {
    'after work': `await grace.start(); await grace.call('counter', { do: 'count' });`,
    'after a recovery': `
      await grace.start();
      const recovered = waitFor(grace, 'incident.recovered');
      void grace.unsafeWorker('vital').terminate();
      await recovered;`,
    'in the middle of a recovery': `
      await grace.start();
      const down = waitFor(grace, 'kernel.down');
      void grace.unsafeWorker('vital').terminate();
      void grace.unsafeWorker('message_bus').terminate();
      await down;`,
    'with a kernel that hangs': `
      await grace.start();
      grace.call('counter', { do: 'hang' }).catch(() => {});
      await new Promise((resolve) => { setTimeout(resolve, 50); });`,
    'while somebody waits for an answer': `
      await grace.start();
      grace.call('counter', { do: 'hang' }).catch(() => {});
      grace.bus.request('counter', {}).catch(({ code }) => { if (code !== 'GRACE_RUNTIME_STATE') print(code); });`,
    'when it never started': '',
  };
  for (const [when, script] of Object.entries(whens)) {
    test.skipIf(process.platform !== 'linux')(`when it is stopped ${when}`, () => {
      // The first round starts what Node and its libraries keep: the second must not add to it.
      const { status, printed } = run(`
        for (let round = 0; round < 2; round += 1) {
          const grace = await newGrace();
          ${script}
          const before = held();
          print([await grace.stop(), await grace.stop()]);
          print(held());
        }
        letGo();
      `);
      const nothing = [{ zombies: [] }, { zombies: [] }];
      assert.deepEqual(printed.filter(Array.isArray), [nothing, nothing]);
      const [first, second] = printed.filter((value) => !Array.isArray(value));
      assert.deepEqual(second, first);
      assert.equal((first as { waitsFor: string }).waitsFor, 'Timeout', 'only the timer of the test');
      assert.equal(status, 0, 'the process ends by itself');
    });
  }

  test('but the threads that it says it could not end', () => {
    folder.module('native', `
      import { pbkdf2Sync } from 'node:crypto';
      export const start = () => ({ handle: () => pbkdf2Sync('a', 'b', 8_000_000, 64, 'sha512') });
    `);
    const { printed } = run(`
      const native = { id: 'native', module: new URL('./native.mjs', import.meta.url), shutdown: '100ms' };
      const grace = await newGrace({ kernels: [native] });
      await grace.start();
      grace.call('native', {}).catch(() => {});
      await new Promise((resolve) => { setTimeout(resolve, 50); });
      print(await grace.stop());
      letGo();
    `);
    const [{ zombies }] = printed as [{ zombies: { kernel: string; epoch: number }[] }];
    assert.deepEqual(zombies.map(({ kernel, epoch }) => ({ kernel, epoch })), [{ kernel: 'native', epoch: 1 }]);
  });
});

describe('a process', () => {
  test('is not kept alive by a runtime that has started', () =>
    assert.deepEqual(run(`letGo(); await (await newGrace()).start(); print('started');`), {
      status: 0, printed: ['started'],
    }));

  test('is kept alive by an answer that it waits for', () =>
    assert.deepEqual(run(`
      letGo();
      const grace = await newGrace();
      await grace.start();
      print(await grace.bus.request('counter', {}));
      print(await grace.call('counter', {}));
    `), { status: 0, printed: [{ count: 0, epoch: 1 }, { count: 0, epoch: 1 }] }));

  for (const ms of [0, 20, 60]) {
    test(`that stops its runtime ${ms} ms after it began to start is told so, and ends`, () => {
      const { status, printed } = run(`
        const grace = await newGrace();
        const started = grace.start().then(() => 'started', ({ code }) => code);
        await new Promise((resolve) => { setTimeout(resolve, ${ms}); });
        print(await grace.stop());
        print(await started);
        print(grace.kernels().map(({ status }) => status).includes('running'));
        letGo();
      `);
      const [stopped, start, runs] = printed;
      assert.deepEqual({ stopped, runs, status }, { stopped: { zombies: [] }, runs: false, status: 0 });
      assert.ok(start === 'GRACE_RUNTIME_STATE' || start === 'started');
    });
  }
});

describe('two runtimes in one process', () => {
  const running: Grace[] = [];
  afterEach(async () => {
    await Promise.all(running.splice(0).map((grace) => grace.stop()));
  });

  async function runtime(dataDir: string): Promise<Grace> {
    const module = `file://${join(folder.path, 'counter.mjs')}`;
    const grace = await createGrace({
      dataDir, logLevel: 'silent', kernels: [{ id: 'counter', module, critical: true, saveInterval: '1ms' }],
    });
    running.push(grace);
    return grace;
  }

  test('work beside each other, and a death in one is not seen in the other', async () => {
    const [one, two] = [await runtime(join(folder.path, 'one')), await runtime(join(folder.path, 'two'))];
    await Promise.all([one.start(), two.start()]);
    const seenByTwo: string[] = [];
    for (const type of ['kernel.down', 'event.incident', 'incident.opened', 'run.started'] as const) {
      two.on(type, () => seenByTwo.push(type));
    }
    await two.call('counter', { do: 'count' });
    const recovered = new Promise((resolve) => {
      one.on('incident.recovered', resolve);
    });
    void one.unsafeWorker('counter')!.terminate();
    await recovered;
    assert.deepEqual(await one.call('counter', {}), { count: 0, epoch: 2 });
    assert.deepEqual(await two.call('counter', {}), { count: 1, epoch: 1 });
    assert.deepEqual(seenByTwo, []);
    await one.stop();
    assert.deepEqual(await two.call('counter', { do: 'count' }), { count: 2, epoch: 1 }, 'one stops, two goes on');
    await two.stop();
    const types = (dir: string) =>
      new Set([...openJournalFolder(join(folder.path, dir)).entries()].map(({ type }) => type));
    assert.ok(types('one').has('kernel.down') && !types('two').has('kernel.down'));
  });

  test('cannot have the same data directory, by whatever name', async () => {
    await (await runtime(folder.dataDir)).start();
    mkdirSync(folder.dataDir, { recursive: true });
    const otherName = join(folder.path, 'other-name');
    symlinkSync(folder.dataDir, otherName);
    for (const dataDir of [folder.dataDir, otherName]) {
      await assert.rejects((await runtime(dataDir)).start(), (error: GraceError) =>
        error.code === 'GRACE_RUNTIME_STATE'
        && error.message.includes(`another runtime of this process, process ${process.pid}`));
    }
  });

  test('may have it one after the other', async () => {
    for (let n = 0; n < 2; n += 1) {
      const grace = await runtime(folder.dataDir);
      await grace.start();
      await grace.stop();
    }
  });
});
