/** Books a parcel for goods that left the warehouse. */
import { defineBook } from '../book.ts';
import type { Posting } from './orders-model.ts';

export const { start } = defineBook({
  initial: () => ({ parcels: 0 }),
  on: {
    'stock.moved'(state, { orderId }: Posting) {
      state.parcels += 1;
      return [{ topic: 'notification.wanted', payload: { orderId, what: 'shipped' } }];
    },
  },
  figures: (state) => state,
});
