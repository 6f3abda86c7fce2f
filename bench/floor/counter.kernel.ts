/** The kernel that is killed: its imports are those of a real service, its state is a count. */
import 'xstate';
import 'yaml';
import { defineKernel } from '../../src/kernel.ts';

export const { start } = defineKernel<number>({
  start(ctx) {
    let count = ctx.restored ?? 0;
    return {
      handle() {
        count += 1;
        ctx.save();
        return count;
      },
      snapshot: () => count,
    };
  },
});
