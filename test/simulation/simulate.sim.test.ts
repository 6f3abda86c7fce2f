// The whole control plane from one seed. `npm run simulate -- --runs 10000` is the long form.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { runBatch } from '../../src/simulation/batch.ts';
import { shrink } from '../../src/simulation/shrink.ts';
import { scenarioOf, simulate, type Plant, type Scenario } from '../../src/simulation/simulate.ts';

const firstSeed = 20_000;
const runs = 60;

describe('the simulator', () => {
  test(`finds nothing wrong in ${runs} runs from seed ${firstSeed}`, async () => {
    const { failed, incidents } = await runBatch({ seed: firstSeed, runs });
    assert.deepEqual(failed.map(({ scenario, violations }) => ({ seed: scenario.seed, violations })), []);
    assert.ok(incidents >= runs / 2, `only ${incidents} incidents`);
  });

  test('plays the same run from the same seed, to the last event', async () => {
    const history = async () => JSON.stringify((await simulate(scenarioOf(7))).observed?.history);
    const [one, two] = [await history(), await history()];
    assert.ok(one.length > 10_000);
    assert.equal(one, two);
  });

  test('shrinks what fails to the faults that it takes', async () => {
    const scenario = { ...scenarioOf(7), faults: [
      { atMs: 100, kind: 'late', kernel: 'self_healing', amount: 400 },
      { atMs: 1_000, kind: 'kill', kernel: 'keeper_1', amount: 0 },
      { atMs: 2_000, kind: 'kill', kernel: 'coding_agent', amount: 0 },
    ] } satisfies Scenario;
    const plant: Plant = (host) => {
      // The first keeper never comes back from its death.
      const run = host.world.threads.run.bind(host.world.threads);
      const hadOne = () => host.history.some((one) => one.is === 'adopted' && one.kernel === 'keeper_1');
      host.world.threads.run = (heapMb, start, signal) =>
        run(heapMb, start.module.endsWith('keeper_1') && hadOne() ? { ...start, module: 'none' } : start, signal);
    };
    const failed = await simulate(scenario, plant);
    assert.ok(failed.violations.length > 0);
    const shrunk = await shrink(failed, plant);
    assert.deepEqual(shrunk.scenario.faults.map(({ kind, kernel }) => `${kind} ${kernel}`), ['kill keeper_1']);
  });
});

describe('what the simulator once found', () => {
  const folder = join(import.meta.dirname, 'regressions');
  for (const file of readdirSync(folder)) {
    const { note, scenario } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as { note: string; scenario: Scenario };
    test(`${file}: ${note}`, async () => {
      assert.deepEqual((await simulate(scenario)).violations, []);
    });
  }
});
