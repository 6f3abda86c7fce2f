/** S1: the twenty kernels of the reference host, against twenty bare Workers that import the same. */
import { boot } from './hosts/booted.ts';
import { row, withTarget, type Bench } from './rows.ts';

const ratioMax = 1.1;

export const bootBench: Bench = {
  ids: ['S1'],
  async run({ rounds, say }) {
    const samples = { grace: [] as number[], 'bare workers': [] as number[] };
    const parts = { 'of it until the critical three serve': [] as number[] };
    let firstInEvery = true;
    for (let round = -1; round < rounds; round += 1) {
      const bare = await boot('bare', 'reference');
      await bare.end();
      const grace = await boot('grace', 'reference');
      await grace.end();
      say(`boot: round ${round + 1} of ${rounds}`);
      // The first one reads the files from the disk.
      if (round < 0) continue;
      samples.grace.push(grace.boot.allMs);
      samples['bare workers'].push(bare.boot.allMs);
      parts['of it until the critical three serve'].push(grace.boot.criticalMs!);
      firstInEvery &&= grace.boot.criticalFirst!;
    }
    const measured = row({ id: 'S1', what: 'boot of twenty kernels', unit: 'ms', rounds }, samples, parts);
    const met = measured.ratios['grace / bare workers']! <= ratioMax && firstInEvery;
    const first = `the critical three first${firstInEvery ? '' : ' (they were not)'}`;
    return [withTarget(measured, `<= ${ratioMax} x bare workers, ${first}`, met)];
  },
};
