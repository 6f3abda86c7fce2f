/** Turns away what looks wrong: a first order of great value. */
import { defineBook } from '../book.ts';
import type { AttributedOrder } from './orders-model.ts';

const firstOrderCentsMax = 30_000;

export const { start } = defineBook({
  initial: () => ({ cleared: 0, rejected: 0 }),
  on: {
    'order.attributed'(state, order: AttributedOrder) {
      const suspicious = order.ordersBefore === 0 && order.totalCents > firstOrderCentsMax;
      state[suspicious ? 'rejected' : 'cleared'] += 1;
      return [{ topic: suspicious ? 'order.rejected' : 'order.cleared', payload: order }];
    },
  },
  figures: (state) => state,
});
