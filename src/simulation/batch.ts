/** Many runs, one after the other, and what they come to. */
import { simulate, scenarioOf, type SimulatedRun } from './simulate.ts';
import { sometimes, type SometimesName } from './sometimes.ts';

export interface BatchResult {
  readonly runs: number;
  readonly virtualMs: number;
  readonly incidents: number;
  /** How many runs saw each. */
  readonly seen: Readonly<Record<SometimesName, number>>;
  readonly failed: readonly SimulatedRun[];
}

export interface Batch {
  /** The first; the others follow. */
  readonly seed: number;
  readonly runs: number;
}

const nothingSeen = (): Record<SometimesName, number> =>
  Object.fromEntries(Object.keys(sometimes).map((name) => [name, 0])) as Record<SometimesName, number>;

/** @param onRun - Called after each run. */
export async function runBatch(
  { seed, runs }: Batch, onRun: (run: SimulatedRun) => void = () => {},
): Promise<BatchResult> {
  const seen = nothingSeen();
  const failed: SimulatedRun[] = [];
  let [virtualMs, incidents] = [0, 0];
  for (let next = seed; next < seed + runs; next += 1) {
    const run = await simulate(scenarioOf(next));
    virtualMs += run.virtualMs;
    incidents += run.incidents;
    for (const name of run.seen) seen[name] += 1;
    // What was observed is large, and can be had again from the scenario.
    if (run.violations.length > 0) failed.push({ ...run, observed: undefined });
    onRun(run);
  }
  return { runs, virtualMs, incidents, seen, failed };
}

export function sumOf(results: readonly BatchResult[]): BatchResult {
  const seen = nothingSeen();
  for (const result of results) {
    for (const name of Object.keys(seen) as SometimesName[]) seen[name] += result.seen[name];
  }
  const total = (of: (result: BatchResult) => number) => results.reduce((sum, result) => sum + of(result), 0);
  return {
    runs: total(({ runs }) => runs), virtualMs: total(({ virtualMs }) => virtualMs),
    incidents: total(({ incidents }) => incidents), seen, failed: results.flatMap(({ failed }) => failed),
  };
}
