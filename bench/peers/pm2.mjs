/** pm2 in fork mode with its defaults, without its daemon, in a home of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { now, serveRounds } from './rounds.mjs';
import { freePort, whoAnswers } from './tcp.mjs';

const home = mkdtempSync(join(tmpdir(), 'grace-bench-pm2-'));
process.env.PM2_HOME = home;
// It greets on standard output, where the figures go.
const write = process.stdout.write.bind(process.stdout);
process.stdout.write = (text, ...rest) => (/^(?:[\d.]+|failed .*)\n$/.test(text) ? write(text, ...rest) : true);

const { default: pm2 } = await import('pm2');
const port = await freePort();
await promisify(pm2.connect).call(pm2, true);
await promisify(pm2.start).call(pm2, {
  name: 'worker',
  script: fileURLToPath(new URL('./worker-process.mjs', import.meta.url)),
  env: { PEER_PORT: String(port) },
});
let serving = await whoAnswers(port, undefined);
/** A worker that ran for less counts as unstable, and is given up after 16 times. */
const minUptimeMs = 1_100;

await serveRounds(
  async () => {
    await pause(minUptimeMs);
    const began = now();
    process.kill(serving, 'SIGKILL');
    serving = await whoAnswers(port, serving);
    return now() - began;
  },
  async () => {
    await promisify(pm2.delete).call(pm2, 'worker');
    rmSync(home, { recursive: true, force: true });
  },
);
