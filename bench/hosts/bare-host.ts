/** The same modules in bare Workers, each imported and nothing more: the floor. */
import { Worker } from 'node:worker_threads';
import { serve } from './booted.ts';
import { kernelsOf } from './kernels.ts';

const suffix = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
const kernels = kernelsOf(process.argv[2]!, '.');

const began = performance.now();
await Promise.all(kernels.map(({ module }) => {
  const worker = new Worker(new URL(`./bare-thread${suffix}`, import.meta.url), { workerData: String(module) });
  return new Promise((resolve) => {
    worker.once('message', resolve);
  });
}));
serve({ allMs: performance.now() - began });
