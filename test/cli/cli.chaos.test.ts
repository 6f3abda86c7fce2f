// The built command, as a user would run it.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, test } from 'vitest';
import { Folder } from '../fixtures/kernels.ts';

const root = join(import.meta.dirname, '../..');
const main = join(root, 'dist/src/cli/main.js');
const folder = new Folder();
afterAll(() => folder.remove());

function grace(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath, [main, ...args], { encoding: 'utf8', cwd: folder.path, timeout: 60_000 },
  );
  return { status, stdout, stderr };
}

describe('grace', () => {
  test('run starts the host, ps shows it, and Ctrl-C stops it in order', async () => {
    const host = spawn(process.execPath, [main, 'run', '--data-dir', folder.dataDir], { cwd: folder.path });
    let said = '';
    await new Promise<void>((resolve) => {
      host.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes('20 kernels run')) resolve();
      });
    });
    const { host: line, kernels } = JSON.parse(grace('ps', '--json', '--data-dir', folder.dataDir).stdout) as {
      host: { pid: number; running: boolean }; kernels: { status: string; epoch: number }[];
    };
    assert.deepEqual([line.pid, line.running, kernels.length], [host.pid, true, 20]);
    assert.ok(kernels.every(({ status, epoch }) => status === 'running' && epoch === 1));
    const second = grace('run', '--data-dir', folder.dataDir);
    assert.equal(second.status, 1);
    assert.match(second.stderr, new RegExp(`GRACE_RUNTIME_STATE: .*${host.pid}`));
    const ended = new Promise((resolve) => {
      host.once('exit', resolve);
    });
    host.kill('SIGINT');
    assert.equal(await ended, 0);
    assert.match(grace('ps', '--data-dir', folder.dataDir).stdout, /not running/);
  });

  test('a host that was killed leaves a journal that the next start continues', async () => {
    const host = spawn(process.execPath, [main, 'run', '--data-dir', folder.dataDir], { cwd: folder.path });
    await new Promise<void>((resolve) => {
      host.stderr.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes('20 kernels run')) resolve();
      });
    });
    const ended = new Promise((resolve) => {
      host.once('exit', resolve);
    });
    host.kill('SIGKILL');
    await ended;
    const dir = join(folder.dataDir, 'journal');
    const segment = readdirSync(dir).find((name) => name.endsWith('.jsonl'));
    appendFileSync(join(dir, segment!), '{"sequence":99999,"prev');
    const again = spawn(process.execPath, [main, 'run', '--data-dir', folder.dataDir], { cwd: folder.path });
    await new Promise<void>((resolve) => {
      again.stderr.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes('20 kernels run')) resolve();
      });
    });
    const over = new Promise((resolve) => {
      again.once('exit', resolve);
    });
    again.kill('SIGTERM');
    assert.equal(await over, 0);
    assert.equal(grace('journal', 'verify', '--data-dir', folder.dataDir).status, 0);
    assert.match(readFileSync(join(dir, segment!), 'utf8'), /"type":"journal\.tail_cut"/);
  });

  test('Ctrl-C stops it in order in the instant in which it says that it runs, and twice at once', async () => {
    for (const times of [1, 2]) {
      const host = spawn(process.execPath, [main, 'run', '--data-dir', folder.dataDir], { cwd: folder.path });
      const ended = new Promise((resolve) => {
        host.once('exit', resolve);
      });
      // One signal for each line: two that are pending at once are one.
      const lines = ['20 kernels run', 'stopping'].slice(0, times);
      host.stderr.on('data', (chunk: Buffer) => {
        if (!chunk.toString().includes(lines[0] ?? '\0')) return;
        lines.shift();
        host.kill('SIGINT');
      });
      assert.equal(await ended, times === 1 ? 0 : 130);
    }
  });

  test('chaos run, incidents and trace tell one story', () => {
    const run = grace('chaos', 'run', 'dirt01', '--json', '--data-dir', folder.dataDir);
    assert.equal(run.status, 0, run.stdout);
    const report = JSON.parse(run.stdout) as { passed: boolean; incident: string };
    assert.ok(report.passed);
    const data = join(folder.dataDir, 'chaos', 'dirt01');
    const [incident] = JSON.parse(grace('incidents', '--json', '--data-dir', data).stdout) as {
      incident: string; state: string; severity: string; cause: string;
    }[];
    assert.deepEqual(
      [incident!.incident, incident!.state, incident!.severity, incident!.cause],
      [report.incident, 'closed', 'emergency', 'unk.ended_from_outside'],
    );
    const trace = grace('trace', report.incident, '--data-dir', data).stdout;
    // The second death may be noticed before the incident of the first is open.
    for (const order of [
      ['kernel.down', 'event.incident', 'incident.opened', 'run.ended', 'incident.closed'],
      ['event.incident', 'event.emergency', 'run.ended'],
    ]) {
      const places = order.map((type) => trace.indexOf(type));
      assert.ok(places.every((place) => place >= 0), trace);
      assert.deepEqual(places, places.toSorted((a, b) => a - b));
    }
    assert.equal(grace('trace', 'inc_ghost', '--data-dir', data).status, 2);
  });

  test('journal verify exits 4 when a byte was changed', () => {
    const dir = join(folder.dataDir, 'chaos', 'dirt01', 'journal');
    const file = join(dir, readdirSync(dir).find((name) => name.endsWith('.jsonl'))!);
    const bytes = readFileSync(file);
    bytes[Math.floor(bytes.length / 2)]! ^= 1;
    writeFileSync(file, bytes);
    const { status, stdout } = grace('journal', 'verify', '--data-dir', join(folder.dataDir, 'chaos', 'dirt01'));
    assert.equal(status, 4);
    assert.match(stdout, /NOT verified/);
    const start = grace('chaos', 'run', 'dirt01', '--data-dir', folder.dataDir);
    assert.equal(start.status, 1);
    assert.match(start.stderr, /GRACE_JOURNAL_CORRUPT: .*\.jsonl:\d+: .*grace journal verify/);
  });

  test('playbook check accepts what ships, and explains a refusal', () => {
    assert.equal(grace('playbook', 'check').status, 0);
    const bad = folder.file('bad.yaml', 'playbook: bad\nversion: 1\ntitle: x\nslo: 1s\nsteps:\n  - { id: a, action: assess, timeout: 5s }\n');
    const refused = grace('playbook', 'check', bad);
    assert.equal(refused.status, 2);
    assert.match(refused.stdout, /GRACE_PLAYBOOK_OVER_SLO[\s\S]*a 5s = 5s/);
  });

  test('usage errors exit 2 and suggest what was meant', () => {
    const { status, stderr } = grace('journl');
    assert.equal(status, 2);
    assert.match(stderr, /Did you mean journal/);
    assert.equal(grace('chaos', 'run', 'dirt99').status, 2);
    assert.equal(grace('--version').status, 0);
  });

  test('works as npx grace in a clone', () => {
    const out = execFileSync('npx', ['grace', 'chaos', 'ls', '--json'], { cwd: root, encoding: 'utf8' });
    assert.equal((JSON.parse(out) as { id: string }[])[0]!.id, 'dirt01');
  });
});
