/** P1: one worker is killed, and its replacement answers: Grace and whatever peers are installed, in turn. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { recoverInGrace, smallHost } from './recovery.bench.ts';
import { row, type Bench } from './rows.ts';
import { keptAlive } from './waiting.ts';

/** From the folder of the package, where `npm run` is. */
const folder = 'bench/peers';
const warmUp = 1;

interface Peer {
  readonly name: string;
  readonly command: readonly [string, string];
  readonly installed: () => boolean;
  readonly how: string;
}

const node = (name: string, installed: () => boolean, how = ''): Peer =>
  ({ name, command: [process.execPath, join(folder, `${name}.mjs`)], installed, how });
const peers: readonly Peer[] = [
  node('pm2', () => existsSync(join(folder, 'node_modules/pm2')), `npm ci --prefix ${folder}`),
  node('cluster', () => true),
  node('piscina', () => true),
  {
    name: 'otp',
    command: ['escript', join(folder, 'otp.escript')],
    installed: () => spawnSync('erl', ['-noshell', '-eval', 'halt().']).status === 0,
    how: 'apt-get install erlang-base',
  },
];

export const peersBench: Bench = {
  ids: ['P1'],
  run: ({ rounds, say }) => keptAlive(async () => {
    for (const { name, how } of peers.filter(({ installed }) => !installed())) say(`without ${name}: ${how}`);
    const running = peers.filter(({ installed }) => installed()).map((peer) => new RunningPeer(peer));
    const dataDir = mkdtempSync(join(tmpdir(), 'grace-bench-'));
    const grace = await smallHost(dataDir);
    const samples: Record<string, number[]> = { grace: [] };
    try {
      for (let round = -warmUp; round < rounds; round += 1) {
        const figures = { grace: await recoverInGrace(grace, ['one']) } as Record<string, number>;
        for (const peer of running) figures[peer.name] = await peer.round();
        say(`peers: round ${round + 1} of ${rounds}`);
        if (round < 0) continue;
        for (const [name, ms] of Object.entries(figures)) (samples[name] ??= []).push(ms);
      }
    } finally {
      for (const peer of running) peer.end();
      await grace.stop();
      rmSync(dataDir, { recursive: true, force: true });
    }
    return [row({ id: 'P1', what: 'one worker killed -> its replacement answers', unit: 'ms', rounds }, samples)];
  }),
};

/** A program that measures one round for each line it is sent. */
class RunningPeer {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor({ name, command: [program, script] }: Peer) {
    this.name = name;
    this.#child = spawn(program, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  async round(): Promise<number> {
    this.#child.stdin!.write('round\n');
    const { value } = await this.#lines.next();
    const ms = Number(value);
    if (value === undefined || Number.isNaN(ms)) throw new Error(`${this.name}: ${value ?? 'it ended'}`);
    return ms;
  }

  end(): void {
    this.#child.stdin!.end();
  }
}
