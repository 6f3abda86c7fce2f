import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { writeArtefacts } from '../incidents/system-artefact-files.ts';
import { HostJournal } from '../journal/host-journal.ts';
import { systemWriter } from '../journal/system-writer.ts';
import { KernelPools } from '../kernels/kernel-pools.ts';
import { ActionThreads } from '../playbooks/action-threads.ts';
import { systemClock } from '../system/clock.ts';
import { pinoLog } from '../system/log.ts';
import { systemRandom } from '../system/random.ts';
import type { World } from './world.ts';

/** The real one. */
export const systemWorld: World = {
  clock: systemClock,
  random: systemRandom,
  newLog: pinoLog,
  hasModule: (url) => url.startsWith('file:') && existsSync(fileURLToPath(url)),
  kernelThreads: (kernels, log) => new KernelPools(kernels, log),
  actionThreads: () => new ActionThreads(systemClock),
  lockJournal: (dir, log) => HostJournal.lock(dir, { clock: systemClock, log, ...systemWriter }),
  memoryUsage: () => process.memoryUsage(),
  writeArtefacts,
};
