/** Sees what the hanging kernels publish, and counts what a zombie got through. */
import { defineKernel } from '../../src/kernel.ts';

export const { start } = defineKernel({
  start() {
    const seen = { counted: 0, stale: 0 };
    return {
      handle({ topic, payload }) {
        if (topic !== 'counted') return seen;
        seen.counted += 1;
        if ((payload as number) >= 1_000_000) seen.stale += 1;
        return null;
      },
    };
  },
});
