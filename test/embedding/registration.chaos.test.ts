// A host with playbooks, actions and rules of its own, on real threads.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'vitest';
import { z } from 'zod';
import {
  checkPlaybooks, createGrace, type ActionInput, type EventPayloads, type EventType, type Grace,
  type GraceError, type GraceOptions, type StandardSchema, type TriggerInput,
} from 'grace-runtime';
import { counterSource, Folder } from '../fixtures/kernels.ts';

let folder: Folder;
let running: Grace | undefined;
beforeEach(() => {
  folder = new Folder();
  mkdirSync(playbooks());
});
afterEach(async () => {
  await running?.stop();
  running = undefined;
  folder.remove();
});

const playbooks = () => join(folder.path, 'playbooks');
const playbook = (id: string, text: string) => writeFileSync(join(playbooks(), `${id}.yaml`), `playbook: ${id}\n${text}`);

const actionSource = `
import { pbkdf2Sync } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
export function page({ text, file, loud }, call) {
  writeFileSync(file, JSON.stringify({ text, loud, isMainThread, call }));
  return { paged: text };
}
export function intent({ journal }, { key }) {
  const lines = readdirSync(journal).map((file) => readFileSync(journal + '/' + file, 'utf8')).join('');
  return lines.includes('"run.step_started"') && lines.includes(key);
}
export function hang() { for (;;); }
export async function wait({ file }) {
  await new Promise((resolve) => { setTimeout(resolve, 400); });
  writeFileSync(file, 'done all the same');
}
export const native = () => pbkdf2Sync('a', 'b', 8_000_000, 64, 'sha512');
export function fail() { throw new TypeError('no line'); }
export function leave() { process.exit(3); }
export const not_a_function = 1;
`;
const pageParams = z.strictObject({ text: z.string().max(60), file: z.string(), loud: z.boolean().default(true) });
const actions = (): Record<string, ActionInput> => {
  const module = folder.module('actions', actionSource);
  return {
    page: { module, params: pageParams },
    intent: { module, params: z.strictObject({ journal: z.string() }) },
    hang: { module, effect: 'pure' },
    native: { module },
    wait: { module, params: z.strictObject({ file: z.string() }) },
    fail: { module, effect: 'idempotent' },
    leave: { module },
  };
};

const pager = `version: 1
title: Pages somebody
slo: 10s
inputs:
  text: { type: string, required: true }
  file: { type: string, required: true }
  times: { type: number, default: 3 }
steps:
  - id: page
    action: page
    with: { text: "\${inputs.text} x \${inputs.times}", file: "\${inputs.file}" }
    timeout: 5s
`;
/** One step, no inputs. */
const only = (action: string, timeout = '300ms') => `version: 1
title: Does ${action}
slo: 5s
steps:
  - { id: it, action: ${action}, timeout: ${timeout} }
`;

const warning = (over: Partial<TriggerInput> = {}): TriggerInput => ({
  id: 'disk_full', on: 'kernel.warned', when: 'event.payload.warning.contains("disk")', playbook: 'pager',
  with: { text: '${event.payload.kernel}: ${event.payload.warning}', file: join(folder.path, 'paged.json') }, ...over,
});

const kernelSource = counterSource.replace(
  'return { count', "if (payload?.do === 'warn') process.emitWarning(payload.text);\n      return { count",
);
const make = (options: Partial<GraceOptions> = {}) => createGrace({
  kernels: [{ id: 'counter', module: folder.module('counter', kernelSource) }],
  dataDir: folder.dataDir, logLevel: 'silent', playbooks: playbooks(), actions: actions(), ...options,
});
async function boot(options: Partial<GraceOptions> = {}): Promise<Grace> {
  running = await make(options);
  await running.start();
  return running;
}
const next = <T extends EventType>(grace: Grace, type: T) => new Promise<EventPayloads[T]>((resolve) => {
  const stop = grace.on(type, (payload) => {
    stop();
    resolve(payload);
  });
});
const warn = (grace: Grace, text: string) => grace.call('counter', { do: 'warn', text });

async function refused(options: Partial<GraceOptions>, code: string, ...words: RegExp[]) {
  const error = await make(options).then(() => assert.fail('it was made'), (thrown: GraceError) => thrown);
  assert.equal(error.code, code, String(error));
  for (const word of words) assert.match(error.message, word);
}

describe('a rule of the host', () => {
  test('opens an incident of its own, whose playbook runs the action of the host', async () => {
    playbook('pager', pager);
    const grace = await boot({ triggers: [warning()] });
    const [fired, opened, ended, closed] = [
      next(grace, 'event.custom'), next(grace, 'incident.opened'), next(grace, 'run.ended'), next(grace, 'incident.closed'),
    ];
    await warn(grace, 'the disk is nearly full');
    assert.deepEqual(await fired, {
      trigger_id: 'disk_full', playbook: 'pager', severity: 'medium', kernels_down: [], kernels_degraded: [],
      emergency_protocol: false,
      inputs: { text: 'counter: Warning: the disk is nearly full', file: join(folder.path, 'paged.json') },
    });
    const { incident, severity, kernels } = await opened;
    assert.deepEqual({ severity, kernels }, { severity: 'custom', kernels: [] });
    assert.equal((await ended).status, 'completed', JSON.stringify(await ended));
    const paged = JSON.parse(readFileSync(join(folder.path, 'paged.json'), 'utf8')) as { call: object };
    assert.deepEqual(paged, {
      text: 'counter: Warning: the disk is nearly full x 3', loud: true, isMainThread: false,
      call: { ...paged.call, key: `${incident}.run1/page/1`, run: `${incident}.run1`, incident },
    });
    assert.equal((await closed).incident, incident);
  });

  test('does not fire for what does not meet its condition, nor twice at a time, and fires again later', async () => {
    playbook('pager', pager);
    const grace = await boot({ triggers: [warning()] });
    let fired = 0;
    grace.on('event.custom', () => fired += 1);
    const closed = next(grace, 'incident.closed');
    await warn(grace, 'the paper is nearly empty');
    for (const text of ['the disk is full', 'the disk is fuller', 'the disk is fullest']) await warn(grace, text);
    await closed;
    assert.equal(fired, 1);
    const again = next(grace, 'event.custom');
    await warn(grace, 'the disk is full again');
    await again;
  });

  test('leaves the incident of the critical kernels alone', async () => {
    playbook('pager', pager);
    const module = folder.module('counter', kernelSource);
    const grace = await boot({
      kernels: [{ id: 'counter', module }, { id: 'vital', module, critical: true }], triggers: [warning()],
    });
    const opened: EventPayloads['incident.opened'][] = [];
    grace.on('incident.opened', (payload) => opened.push(payload));
    const closed = next(grace, 'incident.closed');
    await warn(grace, 'the disk is full');
    void grace.unsafeWorker('vital')!.terminate();
    await closed;
    assert.deepEqual(opened.map(({ severity }) => severity).toSorted(), ['custom', 'incident']);
  });

  test('whose playbook fails escalates, and may fire again', async () => {
    playbook('failing', only('fail'));
    const grace = await boot({
      triggers: [warning({ playbook: 'failing', with: {} })],
      kernels: [
        { id: 'counter', module: folder.module('counter', kernelSource) },
        { id: 'coding_agent', module: (await import('grace-runtime')).graceKernels.coding_agent },
      ],
    });
    const [step, escalated] = [next(grace, 'run.step_ended'), next(grace, 'incident.escalated')];
    await warn(grace, 'the disk is full');
    assert.match((await step).error ?? '', /Action "fail" failed: no line/);
    assert.match((await escalated).why, /step failed: it/);
    const again = next(grace, 'event.custom');
    await warn(grace, 'the disk is full');
    await again;
  });

  const bad: readonly (readonly [what: string, over: object, ...words: RegExp[]])[] = [
    ['an event that does not exist', { on: 'kernel.wrned' }, /^triggers\.0\.on: expected a type of event.*"kernel\.wrned"/],
    ['the event that rules fire', { on: 'event.custom' }, /^triggers\.0\.on/],
    ['a playbook that does not exist', { playbook: 'ghost' }, /^triggers\.0\.playbook: expected one of .*pager.*"ghost"/],
    ['a condition that is no CEL', { when: '1 +' }, /^triggers\.0\.when: expected a CEL expression/],
    ['a condition over something unknown', { when: 'inputs.x == 1' }, /^triggers\.0\.when/],
    ['a condition that could hold up the host', { when: 'event.type.matches("^(a+)+$")' }, /no matches\(\)/],
    ['an input that the playbook does not have', { with: { text: 'a', file: 'b', txt: 'c' } }, /^triggers\.0\.with\.txt/],
    ['an input that is missing', { with: { text: 'a' } }, /^triggers\.0\.with: expected the input "file"/],
    ['an input of the wrong type', { with: { text: 1, file: 'b' } }, /^triggers\.0\.with\.text: expected a string, got: 1/],
    ['a severity that does not exist', { severity: 'bad' }, /^triggers\.0\.severity/],
    ['a misspelt key', { whne: 'true' }, /^triggers\.0: .*whne/],
  ];
  for (const [what, over, ...words] of bad) {
    test(`is refused for ${what}`, async () => {
      playbook('pager', pager);
      await refused({ triggers: [warning(over)] }, 'GRACE_CONFIG_INVALID', ...words);
    });
  }

  test('is refused for an id that another one has', async () => {
    playbook('pager', pager);
    await refused({ triggers: [warning(), warning()] }, 'GRACE_CONFIG_INVALID', /^triggers\.1\.id/);
  });
});

describe('an action of the host', () => {
  const answering = (name: string, timeout?: string) => {
    playbook('it', only(name, timeout));
    return boot({ triggers: [warning({ playbook: 'it', with: {} })] });
  };

  test('that never returns is ended at its timeout, and the host does not wait', async () => {
    const grace = await answering('hang', '500ms');
    const [step, ended] = [next(grace, 'run.step_ended'), next(grace, 'run.ended')];
    await warn(grace, 'the disk is full');
    let turns = 0;
    const counting = setInterval(() => turns += 1, 10);
    const { ms, status } = await step;
    clearInterval(counting);
    assert.deepEqual({ status, run: (await ended).status }, { status: 'failed', run: 'failed' });
    assert.ok(ms >= 500 && ms < 2_000, `it was ended after ${ms} ms`);
    assert.ok(turns > 10, `the loop of the host turned ${turns} times`);
    const usage = process.cpuUsage();
    await new Promise((resolve) => {
      setTimeout(resolve, 500);
    });
    const { user } = process.cpuUsage(usage);
    assert.ok(user < 250_000, `after its end it still takes ${user} us`);
  });

  test('that is ended does nothing any more', async () => {
    const file = join(folder.path, 'late.txt');
    playbook('it', only('wait', '100ms').replace('timeout', `with: { file: "${file}" }, timeout`));
    const grace = await boot({ triggers: [warning({ playbook: 'it', with: {} })] });
    const ended = next(grace, 'run.ended');
    await warn(grace, 'the disk is full');
    assert.equal((await ended).status, 'failed');
    await new Promise((resolve) => {
      setTimeout(resolve, 600);
    });
    assert.ok(!existsSync(file), 'it went on');
  });

  test('that ends its thread has failed', async () => {
    const grace = await answering('leave', '2s');
    const step = next(grace, 'run.step_ended');
    await warn(grace, 'the disk is full');
    assert.match((await step).error ?? '', /its thread ended with code 3/);
  });

  test('beside many others of its kind is ended with them, also while it waits for its turn', async () => {
    const items = Array.from({ length: 12 }, (_, n) => n).join(', ');
    playbook('it', only('hang', '500ms').replace('timeout', `for_each: "[${items}]", timeout`));
    const grace = await boot({ triggers: [warning({ playbook: 'it', with: {} })] });
    const ended = next(grace, 'run.ended');
    await warn(grace, 'the disk is full');
    const { status, ms } = await ended;
    assert.ok(status === 'failed' && ms < 3_000, `${status} after ${ms} ms`);
    assert.deepEqual(await grace.stop(), { zombies: [] });
  });

  test('that cannot be ended is said to be a zombie', async () => {
    const grace = await answering('native', '200ms');
    const ended = next(grace, 'run.ended');
    await warn(grace, 'the disk is full');
    assert.equal((await ended).status, 'failed', 'the run did not wait for it');
    const { zombies } = await grace.stop();
    assert.deepEqual(zombies.map(({ kernel }) => kernel), ['action.native']);
  });

  test('is stopped with the runtime', async () => {
    const grace = await answering('hang', '5s');
    const started = next(grace, 'run.step_started');
    await warn(grace, 'the disk is full');
    await started;
    assert.deepEqual(await grace.stop(), { zombies: [] });
  });

  test('finds its own intent on the disk when it starts', async () => {
    const journal = join(folder.dataDir, 'journal');
    playbook('it', only('intent', '3s').replace('timeout', `with: { journal: "${journal}" }, timeout`));
    const grace = await boot({ triggers: [warning({ playbook: 'it', with: {} })] });
    const step = next(grace, 'run.step_ended');
    await warn(grace, 'the disk is full');
    const { status, result } = await step;
    assert.deepEqual({ status, result }, { status: 'done', result: true });
  });

  test('has its parameters checked when a playbook is loaded, with the place', async () => {
    playbook('pager', pager.replace('timeout: 5s', 'timeout: 5s\n  - { id: two, action: page, with: { text: 5, fle: x }, timeout: 1s }'));
    await refused({}, 'GRACE_PLAYBOOK_INVALID',
      /pager\.yaml:14:\d+: steps\.1\.with\.text: expected a string, found 5/, /steps\.1\.with\.fle: expected no such key/);
  });

  test('takes a schema of any library that follows the standard, if it answers at once', async () => {
    playbook('it', only('page').replace('timeout', 'with: { text: 5 }, timeout'));
    const withParams = (validate: StandardSchema['~standard']['validate']) => ({
      actions: {
        page: { ...actions()['page']!, params: { '~standard': { version: 1 as const, vendor: 'mine', validate } } },
      },
    });
    await make(withParams((value) => ({ value })));
    await refused(
      withParams(() => ({ issues: [{ message: 'something readable', path: [{ key: 'text' }] }] })),
      'GRACE_PLAYBOOK_INVALID', /it\.yaml:6:\d+: steps\.0\.with\.text: expected something readable, found 5/,
    );
    await refused(
      withParams(async (value) => ({ value })), 'GRACE_CONFIG_INVALID', /^actions\.page\.params: expected a schema that answers/,
    );
  });

  test('has what is computed checked when it runs', async () => {
    playbook('pager', pager);
    const grace = await boot({ triggers: [warning({ with: { text: 'x'.repeat(70), file: 'f' } })] });
    const step = next(grace, 'run.step_ended');
    await warn(grace, 'the disk is full');
    assert.match((await step).error ?? '', /wrong parameters: text: /);
  });

  test('is part of the proof: a playbook that cannot keep its SLO with it is refused', async () => {
    playbook('slow', only('page', '4s').replace('timeout: 4s', 'with: { text: a, file: b }, timeout: 4s, retry: { attempts: 2 }'));
    await refused({}, 'GRACE_PLAYBOOK_OVER_SLO', /worst case of "slow" is 8s, over its slo of 5s by 3s/);
  });

  test('that nobody registered is refused by name', async () => {
    playbook('pager', only('page_sombody'));
    await refused({}, 'GRACE_PLAYBOOK_INVALID', /expected one of the actions assess, .*page.*found "page_sombody"/);
  });

  test('is known to the check of playbooks', () => {
    playbook('it', only('fail'));
    assert.deepEqual(checkPlaybooks(playbooks()).map(({ ok }) => ok), [false]);
    assert.deepEqual(checkPlaybooks(playbooks(), actions()).map(({ ok }) => ok), [true]);
  });

  const bad: readonly (readonly [what: string, name: string, over: object, code: string, ...words: RegExp[]])[] = [
    ['the name of a shipped one', 'assess', {}, 'GRACE_CONFIG_INVALID', /^actions\.assess: expected a name that no shipped/],
    ['a name that no playbook could use', 'Page Me', {}, 'GRACE_CONFIG_INVALID', /^actions\.Page Me: expected a name of small/],
    ['a module that is not there', 'page', { module: 'file:///ghost.mjs' }, 'GRACE_CONFIG_INVALID', /^actions\.page\.module/],
    ['a module that is no URL', 'page', { module: './actions.mjs' }, 'GRACE_CONFIG_INVALID', /^actions\.page\.module/],
    ['parameters that are no schema', 'page', { params: { text: 'string' } }, 'GRACE_CONFIG_INVALID', /^actions\.page\.params/],
    ['an effect that does not exist', 'page', { effect: 'twice' }, 'GRACE_CONFIG_INVALID', /^actions\.page\.effect/],
    ['a function in place of a module', 'page', { run: () => 1 }, 'GRACE_CONFIG_INVALID', /^actions\.page/],
    ['a module without its function', 'pager', {}, 'GRACE_ACTION_MODULE_INVALID', /no function "pager", but: /],
    ['an export that is no function', 'not_a_function', {}, 'GRACE_ACTION_MODULE_INVALID', /no function "not_a_function"/],
  ];
  for (const [what, name, over, code, ...words] of bad) {
    test(`is refused for ${what}, before anything starts`, () =>
      refused({ actions: { [name]: { ...actions()['page']!, ...over } } }, code, ...words));
  }

  test('is refused for a module that does not load', () =>
    refused(
      { actions: { page: { module: folder.module('broken', 'export const = 1') } } },
      'GRACE_ACTION_MODULE_INVALID', /broken\.mjs cannot be used/,
    ));
});

describe('the playbooks of a host', () => {
  const restart = `version: 1
title: Its own restart
on: event.incident
slo: 30s
inputs:
  kernels_down: { type: list, required: true }
steps:
  - id: back
    action: restart_kernels
    with: { kernels: "\${inputs.kernels_down}", emergency: true }
    timeout: 20s
`;
  const crash = async () => {
    const module = folder.module('counter', kernelSource);
    const grace = await boot({ kernels: [{ id: 'vital', module, critical: true }] });
    const run = next(grace, 'run.started');
    void grace.unsafeWorker('vital')!.terminate();
    return (await run).playbook;
  };

  test('stand beside the shipped ones, which still answer', async () => {
    playbook('pager', pager);
    assert.equal(await crash(), 'critical_kernel_restart');
  });

  test('win by the event that they are on', async () => {
    playbook('its_own', restart);
    assert.equal(await crash(), 'its_own');
  });

  test('win by their id', async () => {
    playbook('critical_kernel_restart', restart.replace('id: back', 'id: its_own_step'));
    const module = folder.module('counter', kernelSource);
    const grace = await boot({ kernels: [{ id: 'vital', module, critical: true }] });
    const step = next(grace, 'run.step_started');
    void grace.unsafeWorker('vital')!.terminate();
    assert.equal((await step).step, 'its_own_step');
  });

  test('are refused when two are on one event', async () => {
    playbook('one', restart);
    playbook('two', restart);
    await refused({}, 'GRACE_PLAYBOOK_INVALID', /two\.yaml:.*no other playbook on event\.incident, found .*one\.yaml/);
  });

  test('are refused when they leave an event without an answer', async () => {
    playbook('critical_kernel_restart', restart.replace('on: event.incident\n', ''));
    await refused({}, 'GRACE_PLAYBOOK_INVALID', /"critical_kernel_restart": expected on: event\.incident/);
  });

  test('are refused when they require on their event what nobody gives', async () => {
    playbook('its_own', restart.replace('kernels_down: {', 'pager: { type: string, required: true }\n  kernels_down: {'));
    await refused({}, 'GRACE_PLAYBOOK_INVALID', /no required input "pager"/);
  });
});

describe('options', () => {
  const bad: readonly (readonly [what: string, options: object, word: RegExp])[] = [
    ['no kernels', { kernels: undefined }, /^kernels: expected array/],
    ['a misspelt option', { kernals: [] }, /kernals/],
    ['a log level that does not exist', { logLevel: 'loud' }, /^logLevel/],
    ['kernels that are no list', { kernels: {} }, /^kernels/],
    ['triggers that are no list', { triggers: {} }, /^triggers/],
  ];
  for (const [what, options, word] of bad) {
    test(`are refused for ${what}`, () => refused(options, 'GRACE_CONFIG_INVALID', word));
  }

  const kernels: readonly (readonly [what: string, kernel: object, code: string, word: RegExp])[] = [
    ['a kernel without an id', { module: 'file:///x' }, 'GRACE_CONFIG_INVALID', /^kernels\[0\]\.id/],
    ['a kernel without a module', { id: 'x' }, 'GRACE_CONFIG_INVALID', /^kernels\[0\]\.module/],
    ['a duration without a unit', { id: 'x', module: 'file:///x', shutdown: '5' }, 'GRACE_CONFIG_INVALID', /shutdown/],
    ['a misspelt key', { id: 'x', module: 'file:///x', critcal: true }, 'GRACE_CONFIG_INVALID', /critcal/],
    ['a module that is no file: URL', { id: 'x', module: './x.mjs' }, 'GRACE_KERNEL_MODULE_UNKNOWN', /is not a file: URL/],
    ['a kernel that depends on itself', { id: 'x', module: 'file:///x', dependsOn: ['x'] }, 'GRACE_DEPENDENCY_CYCLE', /x/],
    ['an unknown dependency', { id: 'x', module: 'file:///x', dependsOn: ['y'] }, 'GRACE_DEPENDENCY_UNKNOWN', /y/],
    ['null in place of a kernel', null as never, 'GRACE_CONFIG_INVALID', /^kernels\[0\]/],
  ];
  for (const [what, kernel, code, word] of kernels) {
    test(`are refused for ${what}`, () => refused({ kernels: [kernel as never] }, code, word));
  }
});
