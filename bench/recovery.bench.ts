/** R1, R2, R3: from the kill of critical kernels to their answer. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGrace, graceKernels, type Grace } from '../src/index.ts';
import { recoverByHand } from './floor/by-hand.ts';
import { criticalKernels, referenceHost } from '../src/reference-host/index.ts';

const suffix = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
const counter = new URL(`./floor/counter.kernel${suffix}`, import.meta.url);
const names = ['one', 'two', 'three'] as const;

export interface Row {
  readonly id: string;
  readonly what: string;
  readonly unit: 'ms';
  readonly rounds: number;
  readonly figures: Readonly<Record<string, { readonly p50: number; readonly p99: number }>>;
  readonly ratios: Readonly<Record<string, number>>;
}

/** Rounds before the first that counts: the host's code is compiled in them. */
const warmUp = 3;

export async function recoveryBench(rounds: number, say: (line: string) => void): Promise<Row[]> {
  const dataDir = mkdtempSync(join(tmpdir(), 'grace-bench-'));
  const alive = setInterval(() => undefined, 60_000);
  try {
    return [
      ...(await smallHost(join(dataDir, 'small'), rounds, say)),
      await wholePipeline(join(dataDir, 'reference'), rounds, say),
    ];
  } finally {
    clearInterval(alive);
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function smallHost(dataDir: string, rounds: number, say: (line: string) => void): Promise<Row[]> {
  const grace = await createGrace({
    dataDir,
    logLevel: 'silent',
    kernels: [
      { id: 'message_bus', module: graceKernels.message_bus },
      { id: 'coding_agent', module: graceKernels.coding_agent },
      ...names.map((id) => ({ id, module: counter, critical: true })),
    ],
  });
  await grace.start();
  try {
    const one = { grace: [] as number[], standby: [] as number[], cold: [] as number[] };
    const three = { grace: [] as number[], standby: [] as number[], cold: [] as number[] };
    for (let round = -warmUp; round < rounds; round += 1) {
      for (const [into, count] of [[one, 1], [three, 3]] as const) {
        const figures = {
          standby: await recoverByHand(count, true),
          cold: await recoverByHand(count, false),
          grace: await recoverInGrace(grace, names.slice(0, count)),
        };
        if (round < 0) continue;
        for (const key of ['grace', 'standby', 'cold'] as const) into[key].push(figures[key]);
      }
      say(`recovery: round ${round + 1} of ${rounds}`);
    }
    return [
      row('R1', 'one critical kernel killed -> it answers with its state', rounds, one),
      row('R2', 'three at once -> all answer with their state', rounds, three),
    ];
  } finally {
    await grace.stop();
  }
}

/** Kills, and waits until each kernel answers from its state; then until the incident is closed. */
async function recoverInGrace(grace: Grace, kernels: readonly string[]): Promise<number> {
  const counts = await Promise.all(kernels.map((kernel) => grace.call(kernel, null) as Promise<number>));
  await new Promise((resolve) => {
    // Longer than a save takes, so that the count is what the successor has to know.
    setTimeout(resolve, 1_100);
  });
  const closed = once(grace, 'incident.closed');
  const answered = kernels.map(async (kernel, index) => {
    await once(grace, 'kernel.ready', (payload) => (payload as { kernel: string }).kernel === kernel);
    const count = (await grace.call(kernel, null)) as number;
    if (count !== counts[index]! + 1) throw new Error(`${kernel} lost its state: ${count}`);
  });
  const workers = kernels.map((kernel) => grace.unsafeWorker(kernel)!);
  const began = performance.now();
  for (const worker of workers) void worker.terminate();
  await Promise.all(answered);
  const ms = performance.now() - began;
  await closed;
  await standbysLoaded();
  return ms;
}

async function wholePipeline(dataDir: string, rounds: number, say: (line: string) => void): Promise<Row> {
  const grace = await createGrace({ ...referenceHost(dataDir), logLevel: 'silent' });
  await grace.start();
  await standbysLoaded();
  const ms: number[] = [];
  try {
    for (let round = -warmUp; round < rounds; round += 1) {
      const closed = once(grace, 'incident.closed');
      const completed = once(grace, 'run.ended', (payload) => {
        const { status, playbook } = payload as { status: string; playbook: string };
        return status === 'completed' && playbook === 'emergency_critical_kernel_recovery';
      });
      const diagnosed = once(grace, 'diagnosis.completed');
      const workers = criticalKernels.map((kernel) => grace.unsafeWorker(kernel)!);
      const began = performance.now();
      for (const worker of workers) void worker.terminate();
      await Promise.all([completed, diagnosed]);
      await grace.flushJournal();
      if (round >= 0) ms.push(performance.now() - began);
      await closed;
      await standbysLoaded();
      say(`pipeline: round ${round + 1} of ${rounds}`);
    }
  } finally {
    await grace.stop();
  }
  return row('R3', 'three at once -> ten steps done and synced, cause named', rounds, { grace: ms });
}

function once(
  grace: Grace, type: Parameters<Grace['on']>[0], holds: (payload: unknown) => boolean = () => true,
): Promise<void> {
  return new Promise((resolve) => {
    const stop = grace.on(type, (payload) => {
      if (!holds(payload)) return;
      stop();
      resolve();
    });
  });
}

const standbysLoaded = () =>
  new Promise((resolve) => {
    setTimeout(resolve, 600);
  });

function row(
  id: string, what: string, rounds: number, measured: Readonly<Record<string, readonly number[]>>,
): Row {
  const figures = Object.fromEntries(Object.entries(measured).map(([name, values]) => [
    name, { p50: quantile(values, 0.5), p99: quantile(values, 0.99) },
  ]));
  const ratios = Object.fromEntries(Object.entries(figures)
    .filter(([name]) => name !== 'grace')
    .map(([name, { p50 }]) => [`grace / ${name}`, Number((figures['grace']!.p50 / p50).toFixed(2))]));
  return { id, what, unit: 'ms', rounds, figures, ratios };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1);
  return Number(sorted[Math.max(0, at)]!.toFixed(2));
}
