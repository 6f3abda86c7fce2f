import type { Fault } from './faults.ts';
import { simulate, type Plant, type Scenario, type SimulatedRun } from './simulate.ts';

/** Runs that a shrink may take. */
const runsMax = 60;

/**
 * Takes faults away from a scenario that violates something, as long as one of the same checkers is violated.
 *
 * @param plant - What was planted when it failed.
 * @returns The run with the fewest faults that was found.
 */
export async function shrink(failed: SimulatedRun, plant?: Plant): Promise<SimulatedRun> {
  const checkers = new Set(failed.violations.map(({ checker }) => checker));
  const stillFails = async (faults: readonly Fault[]): Promise<SimulatedRun | undefined> => {
    const scenario: Scenario = { ...failed.scenario, faults };
    const run = await simulate(scenario, plant);
    return run.violations.some(({ checker }) => checkers.has(checker)) ? run : undefined;
  };
  let smallest = failed;
  let runs = 0;
  // Halves first, then ever smaller pieces (delta debugging, Zeller 1999).
  const half = (count: number) => (count <= 1 ? 0 : Math.ceil(count / 2));
  for (let piece = Math.max(1, half(failed.scenario.faults.length)); piece > 0; piece = half(piece)) {
    for (let from = 0; from < smallest.scenario.faults.length && runs < runsMax;) {
      const { faults } = smallest.scenario;
      const fewer = [...faults.slice(0, from), ...faults.slice(from + piece)];
      runs += 1;
      const run = await stillFails(fewer);
      if (run) smallest = run;
      else from += piece;
    }
  }
  return smallest;
}
