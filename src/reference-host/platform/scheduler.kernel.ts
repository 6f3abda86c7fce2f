/** Says when something is due. */
import { defineKernel } from '../../kernel.ts';

const everyMs = { 'snapshot.due': 2_000, 'report.due': 5_000 } as const;

export const { start } = defineKernel<{ fired: number }>({
  start(ctx) {
    const state = ctx.restored ?? { fired: 0 };
    let lastFiredAtMs = performance.now();
    for (const [topic, ms] of Object.entries(everyMs)) {
      const timer = setInterval(() => {
        state.fired += 1;
        lastFiredAtMs = performance.now();
        void ctx.bus.publish(topic, { number: state.fired });
      }, ms);
      ctx.signal.addEventListener('abort', () => clearInterval(timer));
    }
    return {
      handle: () => state,
      /** Able to work: its timers fire. */
      probe: () => performance.now() - lastFiredAtMs < 2 * everyMs['snapshot.due'],
      snapshot: () => state,
    };
  },
});
