/** Captures the money of accepted orders. */
import { defineBook } from '../book.ts';
import type { AttributedOrder, Posting } from './orders-model.ts';

export const { start } = defineBook({
  initial: () => ({ captured: 0, cents: 0 }),
  on: {
    'order.accepted'(state, order: AttributedOrder) {
      state.captured += 1;
      state.cents += order.totalCents;
      const payload: Posting = { orderId: order.orderId, cents: order.totalCents };
      return [{ topic: 'payment.captured', payload }];
    },
  },
  figures: (state) => state,
});
