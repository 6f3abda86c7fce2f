/** Knows who ordered how often before. */
import { defineBook } from '../book.ts';
import type { AttributedOrder, PricedOrder } from './orders-model.ts';

export const { start } = defineBook({
  initial: () => ({ orders: {} as Record<string, number> }),
  on: {
    'order.priced'(state, order: PricedOrder) {
      const ordersBefore = state.orders[order.customer] ?? 0;
      state.orders[order.customer] = ordersBefore + 1;
      const payload: AttributedOrder = { ...order, ordersBefore };
      return [{ topic: 'order.attributed', payload }];
    },
  },
  figures: ({ orders }) => ({
    customers: Object.keys(orders).length,
    orders: Object.values(orders).reduce((sum, count) => sum + count, 0),
  }),
});
