/** Keeps the newest health figures of every kernel, and who is near a limit. */
import { defineKernel } from '../../kernel.ts';

interface Sample {
  readonly kernel: string;
  readonly heapUsedKb: number;
  readonly heapLimitKb: number;
  readonly accepted: number;
  readonly completed: number;
}

export const { start } = defineKernel({
  start() {
    const newest = new Map<string, Sample>();
    return {
      handle({ topic, payload }) {
        if (topic === 'health.sampled') {
          for (const sample of payload as Sample[]) newest.set(sample.kernel, sample);
          return null;
        }
        const samples = [...newest.values()];
        return {
          kernels: samples.length,
          busiest: samples.toSorted((a, b) => b.accepted - a.accepted)[0]?.kernel ?? null,
          nearLimit: samples.filter(({ heapUsedKb, heapLimitKb }) => heapUsedKb > heapLimitKb * 0.7).length,
        };
      },
      probe: () => [...newest.values()].every(({ heapUsedKb }) => heapUsedKb >= 0),
    };
  },
});
