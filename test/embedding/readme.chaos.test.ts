// The README as it is written: its blocks are run by a plain `node`, in JavaScript and in TypeScript.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'vitest';
import { createGrace } from 'grace-runtime';
import { HostFolder } from '../fixtures/host-folder.ts';

const readme = readFileSync(`${import.meta.dirname}/../../README.md`, 'utf8');

/** The blocks that begin with the name of their file. */
const blocks = new Map([...readme.matchAll(/```(?:js|ts|yaml)\n(?:\/\/|#) (\S+\.\w+)\n([^]*?)```/g)]
  .map(([, name, text]) => [name!, text!]));
const block = (name: string) => blocks.get(name) ?? assert.fail(`README shows no ${name}`);

/** What the host prints, by the comments beside its `console.log`. */
const promised = [...block('host.mjs').matchAll(/console\.log.*;\s+\/\/ (.+)$/gm)].map(([, line]) => line!);

let folder: HostFolder;
beforeEach(() => {
  folder = new HostFolder();
});
afterEach(() => folder.remove());

describe('the host of the README', () => {
  test('prints what the README says, and its process ends by itself', () => {
    for (const name of ['host.mjs', 'counter.mjs', 'greeter.mjs']) folder.file(name, block(name));
    assert.ok(promised.length >= 3, 'the README promises too little to be checked');
    const { status, lines, errors } = folder.node('host.mjs');
    assert.deepEqual({ status, lines, errors }, { status: 0, lines: promised, errors: '' });
  });

  test('compiles as TypeScript in its strictest form, and does the same', () => {
    folder.file('host.mts', block('host.mjs'));
    folder.file('counter.mts', block('counter.mts'));
    folder.file('greeter.mjs', block('greeter.mjs'));
    assert.equal(folder.tsc('host.mts', 'counter.mts'), '');
    const { status, lines, errors } = folder.node('host.mjs');
    assert.deepEqual({ status, lines, errors }, { status: 0, lines: promised, errors: '' });
  });
});

describe('what the README registers', () => {
  const files = ['watch.mjs', 'counter.mjs', 'actions.mjs', 'playbooks/page_somebody.yaml'];
  const kill = `
    import { grace } from './watch.mjs';
    const alive = setInterval(() => {}, 1_000);
    await grace.start();
    const ended = new Promise((resolve) => { grace.on('run.step_ended', resolve); });
    void grace.unsafeWorker('counter').terminate();
    const { status, result } = await ended;
    console.log(status, result.paged);
    await grace.stop();
    clearInterval(alive);
  `;

  test('pages somebody when a kernel is killed', () => {
    for (const name of files) folder.file(name, block(name));
    folder.file('kill.mjs', kill);
    const { status, lines, errors } = folder.node('kill.mjs');
    assert.deepEqual({ status, lines, errors }, { status: 0, lines: ['done counter is down'], errors: '' });
  });

  test('compiles as TypeScript', () => {
    folder.file('watch.mts', block('watch.mjs'));
    folder.file('actions.mts', `
      import type { ActionCall } from 'grace-runtime';
      export async function page({ text }: { text: string }, { key }: ActionCall) { return { paged: text, key }; }
    `);
    assert.equal(folder.tsc('watch.mts', 'actions.mts'), '');
  });
});

describe('typed events', () => {
  const listener = (event: string, body: string) => {
    folder.file('listen.mts', `
      import type { Grace } from 'grace-runtime';
      export const listen = (grace: Grace) => grace.on('${event}', (payload, event) => { ${body} });
    `);
    return folder.tsc('listen.mts');
  };

  test('a payload has the type of its event', () => {
    const body = 'const ms: number = payload.openMs; const id: string = event.id; void [ms, id];';
    assert.equal(listener('incident.closed', body), '');
  });

  test('a field that the event does not have is a compile error', () =>
    assert.match(listener('incident.closed', 'void payload.openMinutes;'), /TS2339.*openMinutes/));

  test('an event that does not exist is a compile error, and refused in JavaScript', async () => {
    assert.match(listener('incident.close', 'void payload;'), /TS2345.*"incident\.close"/);
    const grace = await createGrace({ kernels: [] });
    assert.throws(() => grace.on('incident.close' as 'incident.closed', () => undefined), {
      code: 'GRACE_CONFIG_INVALID', message: /There is no event "incident\.close"\. There are: .*incident\.closed/,
    });
  });
});
