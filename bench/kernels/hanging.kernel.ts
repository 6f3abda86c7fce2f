/** Counts, and hangs when it is told to. When it comes back from that, it writes what must be refused. */
import 'xstate';
import 'yaml';
import { defineKernel } from '../../src/kernel.ts';
import { hang, slot, type HangOrder } from '../hangs.ts';

/** What a zombie adds to its count, so that a stale write shows. */
export const stale = 1_000_000;

export const { start } = defineKernel<number>({
  start(ctx) {
    const proof = new BigInt64Array(ctx.config['proof'] as SharedArrayBuffer);
    let count = ctx.restored ?? 0;

    function write(by: number): number {
      count += by;
      ctx.save();
      void ctx.bus.publish('counted', count);
      return count;
    }

    return {
      async handle({ payload }) {
        const order = (payload as { readonly hang?: HangOrder } | null)?.hang;
        if (!order) return write(1);
        await hang(order, proof);
        write(stale);
        Atomics.store(proof, slot.written, process.hrtime.bigint());
        return count;
      },
      snapshot: () => count,
    };
  },
});
