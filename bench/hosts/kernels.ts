/** What both hosts start: the same modules, with and without Grace. */
import { graceKernels, type KernelInput } from '../../src/index.ts';
import { referenceHost } from '../../src/reference-host/index.ts';

const suffix = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
const counter = new URL(`../floor/counter.kernel${suffix}`, import.meta.url);

export function kernelsOf(what: string, dataDir: string): readonly KernelInput[] {
  if (what === 'reference') return referenceHost(dataDir).kernels;
  const counters = Array.from({ length: Number(what) - 1 }, (_, index) => ({
    id: `counter_${index + 1}`, module: counter,
  }));
  // Standbys are counted apart, so there are none here.
  return [{ id: 'message_bus', module: graceKernels.message_bus }, ...counters];
}
