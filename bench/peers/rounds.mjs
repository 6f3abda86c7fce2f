/** The protocol of a peer: each line `round` on standard input is answered with its milliseconds. */
import { createInterface } from 'node:readline';

export const now = () => Number(process.hrtime.bigint()) / 1e6;

/**
 * @param {() => Promise<number>} round - Kills, and resolves with the time until the replacement answers, ms.
 * @param {() => unknown} end - Called when there are no more rounds.
 */
export async function serveRounds(round, end) {
  for await (const line of createInterface({ input: process.stdin })) {
    if (line !== 'round') continue;
    try {
      process.stdout.write(`${await round()}\n`);
    } catch (error) {
      process.stdout.write(`failed ${String(error)}\n`);
    }
  }
  await end();
  process.exit();
}
