/** Kernels under Grace, timed from `createGrace` on. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGrace } from '../../src/index.ts';
import { criticalKernels } from '../../src/reference-host/index.ts';
import { serve } from './booted.ts';
import { kernelsOf } from './kernels.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'grace-bench-'));
process.on('disconnect', () => process.exit());
const kernels = kernelsOf(process.argv[2]!, dataDir);

const began = performance.now();
const ready: string[] = [];
let criticalMs = 0;
const grace = await createGrace({ kernels, dataDir, logLevel: 'silent' });
grace.on('kernel.ready', ({ kernel }) => {
  ready.push(kernel);
  if (criticalKernels.every((critical) => ready.includes(critical))) criticalMs ||= performance.now() - began;
});
await grace.start();
const allMs = performance.now() - began;
// The folder is open; its name is not needed any more.
rmSync(dataDir, { recursive: true, force: true });
const criticalFirst = criticalKernels.every((kernel) => ready.indexOf(kernel) < criticalKernels.length);
serve({ allMs, criticalMs, criticalFirst });
