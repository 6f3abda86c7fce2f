/**
 * The `self_healing` kernel: watches the health of all kernels and proposes what to do before something
 * fails. It proposes; the host decides. Nothing in an emergency waits for it.
 */
import { defineKernel } from '../kernel.ts';
import { forecast, type HealthSample } from './trend.ts';

interface State {
  readonly proposals: number;
  readonly samples: number;
}

const samplesKept = 60;
/** The same proposal is made again after this many samples of its kernel. */
const repeatAfter = 30;

const growing = Array.from({ length: 20 }, (_, n): HealthSample => ({
  kernel: 'example', atMs: n * 1_000, heapUsedKb: 60_000 + n * 2_000, heapLimitKb: 100_000,
  accepted: n, completed: n,
}));

export const { start } = defineKernel<State>({
  start(ctx) {
    let { proposals, samples } = ctx.restored ?? { proposals: 0, samples: 0 };
    const timelines = new Map<string, HealthSample[]>();
    const quiet = new Map<string, number>();

    function observe(sample: HealthSample): void {
      const timeline = [...(timelines.get(sample.kernel) ?? []), sample].slice(-samplesKept);
      timelines.set(sample.kernel, timeline);
      samples += 1;
      const silence = quiet.get(sample.kernel) ?? 0;
      quiet.set(sample.kernel, silence - 1);
      const expected = silence > 0 ? undefined : forecast(timeline);
      if (!expected) return;
      quiet.set(sample.kernel, repeatAfter);
      proposals += 1;
      void ctx.bus.publish('healing.proposed', expected);
      ctx.save();
    }

    return {
      handle({ topic, payload }) {
        if (topic === 'health.sampled') for (const sample of payload as HealthSample[]) observe(sample);
        return { proposals, samples, kernels: timelines.size };
      },
      probe: () => forecast(growing)?.kind === 'heap_exhaustion',
      snapshot: () => ({ proposals, samples }),
    };
  },
});
