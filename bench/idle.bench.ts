/**
 * S2: what supervision costs while nothing happens, for 20 and for 100 kernels: CPU of the whole process
 * over ten seconds, and resident memory for each kernel above a bare Worker that imports the same.
 */
import { boot, type What } from './hosts/booted.ts';
import { quantile, row, withTarget, type Bench, type Row } from './rows.ts';

const few = 20;
const many = 100;
/** V8 collects what loading has left once more when an isolate has been idle for some ten seconds. */
const settleMs = 20_000;
const windowMs = 10_000;
const cpuMax = 1.5;
const rssMaxMb = 1;
/** A round is an average over five hundred polls of the monitor, and takes a minute. */
const roundsFor = (rounds: number) => Math.ceil(rounds / 3);

interface Cost {
  readonly cpu: number[];
  readonly rssMb: number[];
}

export const idleBench: Bench = {
  ids: ['S2-cpu', 'S2-rss'],
  async run(settings) {
    const rounds = roundsFor(settings.rounds);
    const costs = { grace: { [few]: cost(), [many]: cost() }, bare: { [few]: cost(), [many]: cost() } };
    for (let round = 0; round < rounds; round += 1) {
      for (const count of [few, many] as const) {
        for (const kind of ['bare', 'grace'] as const) await measure(kind, count, costs[kind][count]!);
      }
      settings.say(`idle: round ${round + 1} of ${rounds}`);
    }
    return [cpuRow(rounds, costs), rssRow(rounds, costs)];
  },
};

type Costs = Readonly<Record<'grace' | 'bare', Readonly<Record<number, Cost>>>>;
const cost = (): Cost => ({ cpu: [], rssMb: [] });

async function measure(kind: 'grace' | 'bare', what: What, into: Cost): Promise<void> {
  const host = await boot(kind, what);
  await host.idle(settleMs);
  const { percentOfCore, rssMb } = await host.idle(windowMs);
  await host.end();
  into.cpu.push(percentOfCore);
  into.rssMb.push(rssMb);
}

function cpuRow(rounds: number, { grace, bare }: Costs): Row {
  const measured = row(
    { id: 'S2-cpu', what: `idle, ${few} kernels`, unit: '% of a core', rounds },
    { grace: grace[few]!.cpu, 'bare workers': bare[few]!.cpu }, { [`grace at ${many}`]: grace[many]!.cpu },
  );
  const [atFew, atMany] = [quantile(grace[few]!.cpu, 0.5), quantile(grace[many]!.cpu, 0.5)];
  const steeper = (atMany - atFew) / (many - few) > atFew / few;
  const met = atFew <= cpuMax && !steeper;
  return withTarget(measured, `<= ${cpuMax} % at ${few}, no steeper to ${many}`, met);
}

/** For each kernel. Both processes have loaded the same modules; the journal's thread is Grace's alone. */
function rssRow(rounds: number, { grace, bare }: Costs): Row {
  const above = (count: number) =>
    grace[count]!.rssMb.map((rssMb, round) => (rssMb - bare[count]!.rssMb[round]!) / count);
  const measured = row(
    { id: 'S2-rss', what: `idle, for each of ${few} kernels above a bare worker`, unit: 'MiB', rounds },
    { grace: above(few) }, { [`grace at ${many}`]: above(many) },
  );
  const [atFew, atMany] = [quantile(above(few), 0.5), quantile(above(many), 0.5)];
  const met = atFew <= rssMaxMb && atMany <= atFew;
  return withTarget(measured, `<= ${rssMaxMb} MiB, no steeper to ${many}`, met);
}
