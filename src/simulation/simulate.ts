/**
 * One run of a whole runtime from one seed: a topology, a load and faults are drawn from it; checkers look at
 * what happened. The same seed and the same faults give the same run.
 */
import { readJournal } from '../journal/read.ts';
import { verifyJournal } from '../journal/verify.ts';
import { checkers, type CheckerName, type Observed } from './checkers.ts';
import { drawFaults, type Fault } from './faults.ts';
import { SeededRandom } from './seeded-random.ts';
import { graceCritical, SimulatedHost, type Topology } from './simulated-host.ts';
import { sometimes, type SometimesName } from './sometimes.ts';
import { keeperOf } from './workload.ts';

export interface Scenario {
  readonly seed: number;
  readonly topology: Topology;
  readonly faults: readonly Fault[];
}

export interface Violation {
  readonly checker: CheckerName | 'it_runs';
  readonly what: string;
}

export interface SimulatedRun {
  readonly scenario: Scenario;
  readonly violations: readonly Violation[];
  readonly seen: readonly SometimesName[];
  readonly observed: Observed | undefined;
  /** How much time went by in it, ms. */
  readonly virtualMs: number;
  readonly incidents: number;
}

/** Faults come during this, ms; the load goes on for as long. */
const faultsMs = 5_000;
const ordersPerSecond = 20;
/** After the last fault: SLO, remediation and watch of an incident, with one more that it may leave behind, ms. */
const wholeWithinMs = 240_000;
/** How often it is looked whether all is whole, ms. */
const lookEveryMs = 50;
/** Long enough for the last message to be sent once more, ms. */
const quietMs = 3_000;
/** A quarantine has to end within a run. */
const quarantine = '8s';

/** What a seed stands for. */
export function scenarioOf(seed: number): Scenario {
  const random = new SeededRandom(seed);
  const topology = { links: random.whole(1, 6), criticalLinks: random.whole(0, 1) };
  const keepers = Array.from({ length: topology.links }, (_, link) => keeperOf(link));
  const critical = [...graceCritical, ...keepers.slice(0, topology.criticalLinks)];
  return { seed, topology, faults: drawFaults(random, [...graceCritical, ...keepers], critical, faultsMs) };
}

/** Plants a bug in a host before it starts, to see that a checker finds it. */
export type Plant = (host: SimulatedHost) => void;

export async function simulate(scenario: Scenario, plant?: Plant): Promise<SimulatedRun> {
  const host = new SimulatedHost(scenario.seed, scenario.topology);
  plant?.(host);
  try {
    const observed = await play(host, scenario.faults);
    const violations = Object.entries(checkers).flatMap(([checker, check]) =>
      check(observed).map((what): Violation => ({ checker: checker as CheckerName, what })));
    const seen = (Object.keys(sometimes) as SometimesName[]).filter((name) => sometimes[name](observed));
    const incidents = host.history.filter((one) => one.is === 'event' && one.event.type === 'incident.opened').length;
    return { scenario, violations, seen, observed, virtualMs: observed.endedAtMs, incidents };
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const virtualMs = host.world.time.now();
    const violations = [{ checker: 'it_runs', what }] as const;
    return { scenario, violations, seen: [], observed: undefined, virtualMs, incidents: 0 };
  }
}

async function play(host: SimulatedHost, faults: readonly Fault[]): Promise<Observed> {
  const { time, disk, clock } = host.world;
  await host.start(quarantine);
  host.publishOrders(ordersPerSecond, faultsMs);
  const startedAtMs = time.now();
  for (const fault of faults) {
    await time.advance(Math.max(0, startedAtMs + fault.atMs - time.now()));
    host.inject(fault);
  }
  await time.advance(Math.max(0, startedAtMs + faultsMs - time.now()) + quietMs);
  host.stopFaults();
  const untilMs = time.now() + wholeWithinMs;
  let whole = false;
  while (!whole && time.now() < untilMs) {
    while (!host.isWhole() && time.now() < untilMs) await time.advance(lookEveryMs);
    // What is whole for a while is whole: the last messages get through meanwhile.
    await time.advance(quietMs);
    whole = host.isWhole();
  }
  const notWhole = whole ? '' : describe(host);
  const keepers = Array.from({ length: host.links }, (_, link) => keeperOf(link));
  const books = Object.fromEntries(await asked(host, keepers));
  await host.stop();
  const verdict = verifyJournal('/simulated/journal', disk);
  const events = [...readJournal('/simulated/journal', disk)]
    .flatMap(({ data }) => (data as { id?: string } | null)?.id ?? []);
  return {
    history: host.history, published: host.published, acknowledged: host.acknowledged,
    books: books as Observed['books'], keepers, whole, notWhole, endedAtMs: clock.now(),
    journal: { ok: verdict.ok, problems: verdict.problems.map(({ what }) => what), events },
  };
}

/** One after the other: time is moved by whoever waits. */
async function asked(host: SimulatedHost, keepers: readonly string[]): Promise<[string, unknown][]> {
  const books: [string, unknown][] = [];
  for (const keeper of keepers) {
    const book = await host.ask(keeper);
    if (book !== undefined) books.push([keeper, book]);
  }
  return books;
}

function describe(host: SimulatedHost): string {
  const down = host.grace.kernels().filter(({ status }) => status !== 'running')
    .map(({ kernel, status }) => `${kernel} is ${status}`);
  const unsettled = host.published - host.acknowledged.length;
  const unwell = host.unwell().map((kernel) => `${kernel} is not well`);
  const orders = unsettled > 0 ? [`${unsettled} orders are not acknowledged`] : [];
  return [...down, ...unwell, ...orders, 'or an incident is open']
    .join(', ');
}
