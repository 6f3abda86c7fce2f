/** Double entry: what is debited to one account is credited to another, so all accounts sum to zero. */
import { defineBook } from '../book.ts';
import type { Posting } from './orders-model.ts';

interface State {
  sales: number;
  goods: number;
  accounts: { cash: number; revenue: number; cost_of_goods: number; stock: number };
}

export const { start } = defineBook<State>({
  initial: () => ({ sales: 0, goods: 0, accounts: { cash: 0, revenue: 0, cost_of_goods: 0, stock: 0 } }),
  on: {
    'payment.captured'(state, { cents }: Posting) {
      state.sales += 1;
      state.accounts.cash += cents;
      state.accounts.revenue -= cents;
    },
    'stock.moved'(state, { cents }: Posting) {
      state.goods += 1;
      state.accounts.cost_of_goods += cents;
      state.accounts.stock -= cents;
    },
  },
  figures: ({ sales, goods, accounts }) => ({
    sales, goods, ...accounts,
    sum: accounts.cash + accounts.revenue + accounts.cost_of_goods + accounts.stock,
  }),
});
