/** Moves stock out of the warehouse for accepted orders. */
import { defineBook } from '../book.ts';
import type { AttributedOrder, Posting } from './orders-model.ts';

export const { start } = defineBook({
  initial: () => ({ moves: 0, pieces: 0, cents: 0 }),
  on: {
    'order.accepted'(state, order: AttributedOrder) {
      state.moves += 1;
      state.pieces += order.quantity;
      state.cents += order.costCents;
      const payload: Posting = { orderId: order.orderId, cents: order.costCents };
      return [{ topic: 'stock.moved', payload }];
    },
  },
  figures: (state) => state,
});
