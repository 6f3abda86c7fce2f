/** The book of orders: how each one ended. */
import { defineBook } from '../book.ts';
import type { AttributedOrder } from './orders-model.ts';

export const { start } = defineBook({
  initial: () => ({ accepted: 0, rejected: 0, cents: 0 }),
  on: {
    'order.cleared'(state, order: AttributedOrder) {
      state.accepted += 1;
      state.cents += order.totalCents;
      return [{ topic: 'order.accepted', payload: order }];
    },
    'order.rejected'(state) {
      state.rejected += 1;
    },
  },
  figures: (state) => state,
});
