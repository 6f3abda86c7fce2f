/** A pool of one thread: it is ended, and the next task is answered by another one. */
import { Piscina } from 'piscina';
import { now, serveRounds } from './rounds.mjs';

const pool = new Piscina({
  filename: new URL('./task.mjs', import.meta.url).href, minThreads: 1, maxThreads: 1,
});
pool.on('error', () => undefined);
let serving = await pool.run(null);

await serveRounds(
  async () => {
    const began = now();
    void pool.threads[0].terminate();
    serving = await anotherThan(serving);
    return now() - began;
  },
  () => pool.destroy(),
);

/** A task that the dying thread was given fails, and is given again. */
async function anotherThan(former) {
  for (;;) {
    const threadId = await pool.run(null).catch(() => undefined);
    if (threadId !== undefined && threadId !== former) return threadId;
  }
}
