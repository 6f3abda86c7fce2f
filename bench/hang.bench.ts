/**
 * H1 and H2: from the proven begin of a hang to the answer of the successor, with a silence of 50 ms. H2
 * hangs in native calls, which nobody can end; the zombie wakes up and writes, and nothing of it may count.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGrace, graceKernels, type Grace } from '../src/index.ts';
import { replaceHungByHand } from './floor/hang-by-hand.ts';
import { calibrate, endable, newProof, slot, unendable, type Hang, type HangOrder } from './hangs.ts';
import { row, withTarget, type Bench, type Row, type Settings } from './rows.ts';
import { keptAlive, now, once, standbysLoaded } from './waiting.ts';

const suffix = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
const silentMs = 50;
const withinMs = silentMs + 20;
const victim = 'victim';
/** Rounds before the first that counts, one for each way to hang. */
const warmUp = 3;

export const hangBench: Bench = {
  ids: ['H1'],
  run: (settings) => keptAlive(() =>
    measure('H1', `hang -> replaced, silence of ${silentMs} ms`, endable, settings)),
};

export const unendableBench: Bench = {
  ids: ['H2'],
  run: (settings) => keptAlive(() =>
    measure('H2', `hang in a native call -> replaced, silence of ${silentMs} ms`, unendable, settings)),
};

interface Replaced {
  /** Since the hang began. */
  readonly ms: number;
  /** Until the runtime said that the kernel is down. */
  readonly foundMs: number;
  /** The zombie came back and wrote. */
  readonly wrote: boolean;
}

async function measure(
  id: string, what: string, hangs: readonly Hang[], { rounds, say }: Settings,
): Promise<Row[]> {
  const dataDir = mkdtempSync(join(tmpdir(), 'grace-bench-'));
  const fifo = join(dataDir, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const iterations = calibrate();
  const proof = newProof();
  const grace = await startHost(join(dataDir, 'data'), proof);
  const samples = { grace: [] as number[], 'by hand': [] as number[] };
  const parts = { 'of it until found': [] as number[] };
  const stale = { tried: 0, accepted: 0 };
  try {
    for (let round = -warmUp; round < rounds; round += 1) {
      const how = hangs[(round + warmUp) % hangs.length]!;
      const order: HangOrder = { how, fifo, iterations };
      const byHand = await replaceHungByHand(order, silentMs);
      if (how === 'fifo') release(fifo);
      await byHand.gone;
      const replaced = await replaceHung(grace, order, proof);
      if (replaced.wrote) stale.tried += 1;
      say(`${id}: round ${round + 1} of ${rounds}, ${how} ${replaced.ms.toFixed(1)} ms`);
      if (round < 0) continue;
      samples.grace.push(replaced.ms);
      samples['by hand'].push(byHand.ms);
      parts['of it until found'].push(replaced.foundMs);
    }
    stale.accepted = await acceptedFromZombies(grace);
  } finally {
    await grace.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
  const measured = row({ id, what, unit: 'ms', rounds }, samples, parts);
  if (hangs === endable) {
    return [withTarget(measured, `max <= ${withinMs} ms`, Math.max(...samples.grace) <= withinMs)];
  }
  const met = Math.max(...samples.grace) <= withinMs && stale.accepted === 0 && stale.tried > 0;
  return [withTarget(
    { ...measured, figures: { ...measured.figures, 'stale writes': stale } },
    `max <= ${withinMs} ms, no stale write accepted`, met,
  )];
}

async function startHost(dataDir: string, proof: BigInt64Array): Promise<Grace> {
  const grace = await createGrace({
    dataDir,
    logLevel: 'silent',
    kernels: [
      { id: 'message_bus', module: graceKernels.message_bus },
      { id: 'coding_agent', module: graceKernels.coding_agent },
      {
        id: victim, module: new URL(`./kernels/hanging.kernel${suffix}`, import.meta.url), critical: true,
        config: { proof: proof.buffer }, saveInterval: '10ms',
        liveness: { tardy: `${silentMs / 2}ms`, silent: `${silentMs}ms` },
      },
      {
        id: 'witness', module: new URL(`./kernels/witness.kernel${suffix}`, import.meta.url),
        subscribes: ['counted'],
      },
    ],
  });
  await grace.start();
  await standbysLoaded();
  return grace;
}

/** Hangs the victim, waits for its successor's answer, then until the zombie is gone and the incident closed. */
async function replaceHung(grace: Grace, order: HangOrder, proof: BigInt64Array): Promise<Replaced> {
  proof.fill(0n);
  // Its answer leaves with the save that holds it.
  const count = (await grace.call(victim, null)) as number;
  const gone = new Promise((resolve) => {
    grace.unsafeWorker(victim)!.once('exit', resolve);
  });
  const closed = once(grace, 'incident.closed', ({ kernels }) => kernels.includes(victim));
  let foundMs = 0;
  const found = once(grace, 'kernel.down', ({ kernel }) => kernel === victim).then(() => {
    foundMs = sinceBegin(proof);
  });
  const ready = once(grace, 'kernel.ready', ({ kernel }) => kernel === victim);
  grace.call(victim, { hang: order }, 60_000).catch(() => undefined);
  await ready;
  const answer = (await grace.call(victim, null)) as number;
  const ms = sinceBegin(proof);
  if (proof[slot.over] !== 0n) throw new Error(`The ${order.how} ended before it was found.`);
  if (answer !== count + 1) throw new Error(`The successor answered ${answer} after ${count}.`);
  await found;
  // One that stays in its call is counted as a zombie; it may go then.
  if (order.how === 'fifo') {
    await once(grace, 'kernel.zombie');
    release(order.fifo);
  }
  await gone;
  await closed;
  await standbysLoaded();
  const after = (await grace.call(victim, null)) as number;
  if (after !== count + 2) throw new Error(`A zombie changed the count to ${after}, from ${count}.`);
  return { ms, foundMs, wrote: proof[slot.written] !== 0n };
}

const sinceBegin = (proof: BigInt64Array) => now() - Number(proof[slot.begun]!) / 1e6;

/** What the bus passed on from zombies; it must have passed on the rest. */
async function acceptedFromZombies(grace: Grace): Promise<number> {
  const { counted, stale } = (await grace.call('witness', null)) as { counted: number; stale: number };
  if (counted === 0) throw new Error('The witness saw nothing: its verdict is worth nothing.');
  return stale;
}

/** Lets the reader of a FIFO go on. */
function release(fifo: string): void {
  closeSync(openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK));
}
