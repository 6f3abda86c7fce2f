/** Knows what is sold, and at what price. */
import { defineBook } from '../book.ts';
import type { ItemisedOrder, SubmittedOrder } from './orders-model.ts';

const priceOf = (sku: string) => 500 + ([...sku].reduce((sum, char) => sum + char.codePointAt(0)!, 0) % 40) * 50;

export const { start } = defineBook({
  initial: () => ({ looked_up: 0 }),
  on: {
    'order.submitted'(state, order: SubmittedOrder) {
      state.looked_up += 1;
      const unitCents = priceOf(order.sku);
      const payload: ItemisedOrder = { ...order, unitCents, unitCostCents: Math.floor(unitCents * 0.6) };
      return [{ topic: 'order.itemised', payload }];
    },
  },
  figures: (state) => state,
});
