/** Issues an invoice for money that was captured. Numbers have no gap. */
import { defineBook } from '../book.ts';
import type { Posting } from './orders-model.ts';

export const { start } = defineBook({
  initial: () => ({ issued: 0, cents: 0 }),
  on: {
    'payment.captured'(state, { orderId, cents }: Posting) {
      state.issued += 1;
      state.cents += cents;
      return [{ topic: 'notification.wanted', payload: { orderId, what: 'invoiced', number: state.issued } }];
    },
  },
  figures: (state) => state,
});
