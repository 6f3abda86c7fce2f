/** Works out what an order costs: ten pieces or more are 5 % cheaper. */
import { defineBook } from '../book.ts';
import type { ItemisedOrder, PricedOrder } from './orders-model.ts';

export const { start } = defineBook({
  initial: () => ({ priced: 0, cents: 0 }),
  on: {
    'order.itemised'(state, order: ItemisedOrder) {
      const full = order.unitCents * order.quantity;
      const totalCents = order.quantity >= 10 ? Math.round(full * 0.95) : full;
      state.priced += 1;
      state.cents += totalCents;
      const payload: PricedOrder = { ...order, totalCents, costCents: order.unitCostCents * order.quantity };
      return [{ topic: 'order.priced', payload }];
    },
  },
  figures: (state) => state,
});
