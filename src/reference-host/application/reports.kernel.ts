/** Keeps the figures of the day, and closes a report when the scheduler says so. */
import { defineBook } from '../book.ts';
import type { AttributedOrder, Posting } from './orders-model.ts';

export const { start } = defineBook({
  initial: () => ({ orders: 0, pieces: 0, revenueCents: 0, reports: 0 }),
  on: {
    'order.accepted'(state, order: AttributedOrder) {
      state.orders += 1;
      state.pieces += order.quantity;
    },
    'payment.captured'(state, { cents }: Posting) {
      state.revenueCents += cents;
    },
    'report.due'(state) {
      state.reports += 1;
    },
  },
  figures: (state) => state,
});
