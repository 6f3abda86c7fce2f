/** node:cluster, as its documentation shows it: fork again when a worker exits. */
import cluster from 'node:cluster';
import { now, serveRounds } from './rounds.mjs';
import { freePort, whoAnswers } from './tcp.mjs';

const port = await freePort();
cluster.setupPrimary({ exec: new URL('./worker-process.mjs', import.meta.url).pathname });
const start = () => cluster.fork({ PEER_PORT: String(port) });
cluster.on('exit', start);
start();
let serving;
serving = await listening();

await serveRounds(
  async () => {
    const began = now();
    process.kill(serving, 'SIGKILL');
    serving = await listening();
    return now() - began;
  },
  () => {
    cluster.off('exit', start);
    process.kill(serving, 'SIGKILL');
  },
);

/** The primary accepts for its workers, and would hand a connection to one that has just died. */
async function listening() {
  await new Promise((resolve) => {
    cluster.once('listening', resolve);
  });
  return whoAnswers(port, serving);
}
