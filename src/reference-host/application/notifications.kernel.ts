/** Tells customers. It can wait: its topic is held back in an emergency. */
import { defineBook } from '../book.ts';

export const { start } = defineBook({
  initial: () => ({ shipped: 0, invoiced: 0 }),
  on: {
    'notification.wanted'(state, { what }: { readonly what: 'shipped' | 'invoiced' }) {
      state[what] += 1;
    },
  },
  figures: (state) => state,
});
