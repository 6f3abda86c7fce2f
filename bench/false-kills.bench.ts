/**
 * H1, the other half: under siege nothing healthy is ended. Twice as many CPU burners as cores, the whole
 * process stopped for 3 s, the host's loop blocked for 3 s, and 75,000 messages from one kernel to the
 * host, again and again. Two sets of kernels: the reference host under load with its defaults, and kernels
 * that work with a silence of 50 ms. Every kernel is healthy, so every one that goes down is a false kill;
 * at the end one really hangs, and has to be found.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { BusConnection, createGrace, type Grace, type KernelInput } from '../src/index.ts';
import { kernelNames, referenceHost, startLoad } from '../src/reference-host/index.ts';
import { newProof } from './hangs.ts';
import type { Work } from './kernels/steady.kernel.ts';
import { withTarget, type Bench, type Row, type Settings } from './rows.ts';
import { keptAlive, now, once, pause } from './waiting.ts';

const suffix = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
const steady = new URL(`./kernels/steady.kernel${suffix}`, import.meta.url);
const tight = Array.from({ length: 8 }, (_, index) => `tight_${index + 1}`);
const liveness = { tardy: '25ms', silent: '50ms' };

const burners = 2 * availableParallelism();
const blockedMs = 3_000;
const floodMessages = 75_000;
const ordersPerSecond = 20;
const workEveryMs = 100;
const spinMs = 3;
/** Between two blows, so that each one hits a system that has come to rest. At most, ms. */
const restMaxMs = 10_000;

export const falseKillsBench: Bench = {
  ids: ['H1-siege'],
  run: (settings) => keptAlive(() => siege(settings)),
};

async function siege({ minutes, say }: Settings): Promise<Row[]> {
  const dataDir = mkdtempSync(join(tmpdir(), 'grace-bench-'));
  const { kernels, ...reference } = referenceHost(dataDir);
  const grace = await createGrace({ ...reference, logLevel: 'silent', kernels: [...kernels, ...besieged()] });
  const seen = watch(grace, say);
  const ends: (() => unknown)[] = [];
  try {
    await grace.start();
    const load = startLoad(grace.bus, ordersPerSecond);
    const flood = floodGate(grace);
    ends.push(() => load.stop(), keepBusy(grace), burn());
    const blows: Readonly<Record<string, () => Promise<unknown>>> = {
      'process stopped': () => stopProcess(blockedMs),
      'host blocked': async () => blockHost(blockedMs),
      flood: () => flood(floodMessages),
    };
    const untilMs = now() + minutes * 60_000;
    const restMs = Math.min(restMaxMs, (minutes * 60_000) / 8);
    let times = 0;
    do {
      for (const [name, blow] of Object.entries(blows)) {
        await pause(restMs);
        await blow();
        say(`siege: ${name}; ${seen.falseKills.length} false kills so far`);
      }
      times += 1;
    } while (now() < untilMs);
    await pause(restMs);
    const found = await findsHang(grace);
    const figures = {
      'silence 50 ms': countIn(seen, tight),
      'defaults': countIn(seen, kernelNames()),
      siege: { minutes, burners, times, amnesties: seen.amnesties, foundAtTheEnd: Number(found) },
    };
    const met = seen.falseKills.length === 0 && found;
    const what = 'healthy kernels ended under siege';
    const measured = { id: 'H1-siege', what, unit: 'kernels', rounds: times, figures, ratios: {} };
    return [withTarget(measured, 'no false kill', met)];
  } finally {
    for (const end of ends) await end();
    await grace.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function besieged(): KernelInput[] {
  const hanging = new URL(`./kernels/hanging.kernel${suffix}`, import.meta.url);
  return [
    ...tight.map((id): KernelInput => ({ id, module: steady, liveness })),
    { id: 'flooding', module: steady },
    { id: 'control', module: hanging, liveness, config: { proof: newProof().buffer } },
  ];
}

interface Seen {
  readonly falseKills: string[];
  readonly tardy: string[];
  amnesties: number;
}

function watch(grace: Grace, say: (line: string) => void): Seen {
  const seen: Seen = { falseKills: [], tardy: [], amnesties: 0 };
  grace.on('kernel.down', ({ kernel, reason }) => {
    if (reason.kind === 'shutdown' || kernel === 'control') return;
    seen.falseKills.push(kernel);
    say(`siege: ${kernel} was ended, ${reason.kind}: ${reason.error?.message ?? reason.notice}`);
  });
  grace.on('kernel.degraded', ({ kernel }) => seen.tardy.push(kernel));
  grace.on('monitor.amnesty_granted', () => {
    seen.amnesties += 1;
  });
  return seen;
}

const countIn = ({ falseKills, tardy }: Seen, kernels: readonly string[]) => ({
  kernels: kernels.length,
  falseKills: falseKills.filter((kernel) => kernels.includes(kernel)).length,
  tardy: tardy.filter((kernel) => kernels.includes(kernel)).length,
});

/** A little work for each tight kernel, ten times a second. */
function keepBusy(grace: Grace): () => void {
  const timer = setInterval(() => {
    for (const kernel of tight) grace.call(kernel, { spinMs } satisfies Work).catch(() => undefined);
  }, workEveryMs);
  return () => clearInterval(timer);
}

function burn(): () => Promise<unknown> {
  const threads = Array.from({ length: burners }, () =>
    new Worker('for (;;) Math.sqrt(2);', { eval: true }));
  return () => Promise.all(threads.map((thread) => thread.terminate()));
}

/** Another process stops this one, and lets it go on: as a suspended machine or a debugger does. */
function stopProcess(ms: number): Promise<unknown> {
  const script = `kill -STOP ${process.pid}; sleep ${ms / 1_000}; kill -CONT ${process.pid}`;
  const stopper = spawn('sh', ['-c', script], { stdio: 'ignore' });
  return new Promise((resolve) => {
    stopper.once('exit', resolve);
  });
}

function blockHost(ms: number): void {
  for (const until = now() + ms; now() < until;) Math.sqrt(2);
}

/** From one kernel over the bus to a client in the host. Resolves when every message has come. */
function floodGate(grace: Grace): (messages: number) => Promise<void> {
  let [came, wanted] = [0, Infinity];
  let full = () => {};
  const client: BusConnection = new BusConnection({
    clock: { now, wallNow: Date.now, setTimeout, clearTimeout: (id) => clearTimeout(id as NodeJS.Timeout) },
    owner: 'bench',
    epoch: 1,
    currentMessage: () => undefined,
    deliver(message) {
      came += 1;
      client.completed(message, { ok: true, value: null }, { saveRequested: false });
      if (came >= wanted) full();
    },
    requestSave: () => undefined,
  });
  grace.connectBus('bench', (port) => client.attach(port), ['flood']);
  return async (messages) => {
    wanted = came + messages;
    const all = new Promise<void>((resolve) => {
      full = resolve;
    });
    await grace.call('flooding', { flood: messages } satisfies Work, 120_000);
    await all;
  };
}

/** The same detector, with the burners still at work: one kernel hangs, and is ended for it. */
async function findsHang(grace: Grace): Promise<boolean> {
  const down = once(grace, 'kernel.down', ({ kernel }) => kernel === 'control');
  grace.call('control', { hang: { how: 'loop', fifo: '', iterations: 1 } }, 60_000).catch(() => undefined);
  const found = await Promise.race([down, pause(10_000)]);
  return found?.reason.kind === 'silent';
}
