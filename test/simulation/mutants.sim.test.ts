/**
 * Each checker fires for a bug that is planted for it, and for nothing without one. Every run has its seed and
 * faults here: to look at one, give it to `simulate`.
 */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { checkers, type Observed } from '../../src/simulation/checkers.ts';
import { scenarioOf, simulate, type Scenario } from '../../src/simulation/simulate.ts';
import { sometimes } from '../../src/simulation/sometimes.ts';
import { mutants, scenarioFor, type Mutant } from './mutants.ts';

const seedsOfSometimes = Array.from({ length: 40 }, (_, index) => index + 1);
/** Of all names of `sometimes`, so many have to be seen in those. */
const seenLeast = 12;

const nameOf = ({ seed, faults }: Scenario) => `seed ${seed}, ${faults.length} faults`;

/** A fresh copy of the simulation, with the bug in it. */
async function simulateWith({ replaces }: Mutant): Promise<typeof simulate> {
  vi.resetModules();
  if (replaces) {
    vi.doMock(replaces.file, async (importOwn) => {
      const own = await importOwn<object>();
      return { ...own, ...replaces.by(own) };
    });
  }
  return (await import('../../src/simulation/simulate.ts')).simulate;
}

afterEach(() => {
  for (const { replaces } of mutants) if (replaces) vi.doUnmock(replaces.file);
  vi.resetModules();
});

describe('checkers', () => {
  test('have a mutant each', () => {
    const covered = new Set(mutants.map(({ checker }) => checker));
    expect([...covered].toSorted()).toEqual(Object.keys(checkers).toSorted());
  });

  test('find nothing in these runs without a mutant', async () => {
    const runs = new Map(mutants.flatMap((mutant) => mutant.runs).map((run) => [JSON.stringify(run), run]));
    const found: string[] = [];
    for (const run of runs.values()) {
      const scenario = scenarioFor(run);
      const { violations } = await simulate(scenario);
      found.push(...violations.map(({ checker, what }) => `${nameOf(scenario)}: ${checker}: ${what}`));
    }
    expect(found).toEqual([]);
  });

  test.each(mutants)('$checker: finds that $bug', async (mutant) => {
    const simulateMutant = await simulateWith(mutant);
    const notFound: string[] = [];
    for (const run of mutant.runs) {
      const scenario = scenarioFor(run);
      const { violations } = await simulateMutant(scenario, mutant.change);
      const own = violations.filter(({ checker }) => checker === mutant.checker);
      const others = new Set(violations.map(({ checker }) => checker).filter((checker) => checker !== mutant.checker));
      console.log(`${mutant.checker}: ${nameOf(scenario)}: ${own[0]?.what ?? 'not found'}`
        + (others.size > 0 ? ` (also ${[...others].join(', ')})` : ''));
      if (own.length === 0) notFound.push(nameOf(scenario));
    }
    expect(notFound).toEqual([]);
  });
});

describe('sometimes', () => {
  const nothing: Observed = {
    history: [], published: 0, acknowledged: [], books: {}, keepers: [], whole: true, notWhole: '',
    journal: { ok: true, problems: [], events: [] }, endedAtMs: 0,
  };

  test.each(Object.entries(sometimes))('%s: is not so in a run in which nothing happened', (_, holds) => {
    expect(holds(nothing)).toBe(false);
  });

  test(`are mostly seen in ${seedsOfSometimes.length} runs`, async () => {
    const seen = new Set<string>();
    for (const seed of seedsOfSometimes) for (const name of (await simulate(scenarioOf(seed))).seen) seen.add(name);
    const unseen = Object.keys(sometimes).filter((name) => !seen.has(name));
    console.log(`seeds 1 to ${seedsOfSometimes.length}: ${seen.size} seen, not seen: ${unseen.join('; ') || 'none'}`);
    expect(seen.size).toBeGreaterThanOrEqual(seenLeast);
  });
});
