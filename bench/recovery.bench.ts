/** R1, R2, R3: from the kill of critical kernels to their answer. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGrace, graceKernels, type Grace } from '../src/index.ts';
import { criticalKernels, referenceHost } from '../src/reference-host/index.ts';
import { recoverByHand } from './floor/by-hand.ts';
import { row, type Bench, type Row } from './rows.ts';
import { keptAlive, once, pause, standbysLoaded } from './waiting.ts';

const suffix = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
const counter = new URL(`./floor/counter.kernel${suffix}`, import.meta.url);
const names = ['one', 'two', 'three'] as const;

/** Rounds before the first that counts: the host's code is compiled in them. */
const warmUp = 3;

export const recoveryBench: Bench = {
  ids: ['R1', 'R2', 'R3'],
  run: ({ rounds, say }) => keptAlive(async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'grace-bench-'));
    try {
      return [
        ...(await oneAndThree(join(dataDir, 'small'), rounds, say)),
        await wholePipeline(join(dataDir, 'reference'), rounds, say),
      ];
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  }),
};

/** A started host with a bus, a coding agent and three critical kernels. */
export async function smallHost(dataDir: string): Promise<Grace> {
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
  return grace;
}

async function oneAndThree(dataDir: string, rounds: number, say: (line: string) => void): Promise<Row[]> {
  const grace = await smallHost(dataDir);
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
      row({ id: 'R1', what: 'one critical kernel killed -> it answers with its state', unit: 'ms', rounds }, one),
      row({ id: 'R2', what: 'three at once -> all answer with their state', unit: 'ms', rounds }, three),
    ];
  } finally {
    await grace.stop();
  }
}

/** Kills, and waits until each kernel answers from its state; then until the incident is closed. */
export async function recoverInGrace(grace: Grace, kernels: readonly string[]): Promise<number> {
  const counts = await Promise.all(kernels.map((kernel) => grace.call(kernel, null) as Promise<number>));
  // Longer than a save takes, so that the count is what the successor has to know.
  await pause(1_100);
  const closed = once(grace, 'incident.closed');
  const answered = kernels.map(async (kernel, index) => {
    await once(grace, 'kernel.ready', (ready) => ready.kernel === kernel);
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
      const completed = once(grace, 'run.ended', ({ status, playbook }) =>
        status === 'completed' && playbook === 'emergency_critical_kernel_recovery');
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
  const what = 'three at once -> ten steps done and synced, cause named';
  return row({ id: 'R3', what, unit: 'ms', rounds }, { grace: ms });
}
