/** A healthy kernel: works in short pieces, and floods in slices, with a turn of its loop between them. */
import { defineKernel } from '../../src/kernel.ts';

export type Work = { readonly spinMs: number } | { readonly flood: number };

const slice = 250;

export const { start } = defineKernel({
  start(ctx) {
    async function flood(messages: number): Promise<void> {
      for (let sent = 0; sent < messages; sent += 1) {
        void ctx.bus.publish('flood', sent);
        if (sent % slice === 0) {
          await new Promise((resolve) => {
            setImmediate(resolve);
          });
        }
      }
    }

    return {
      async handle({ payload }) {
        const work = payload as Work;
        if ('flood' in work) await flood(work.flood);
        else for (const until = performance.now() + work.spinMs; performance.now() < until;) Math.sqrt(2);
        return true;
      },
    };
  },
});
