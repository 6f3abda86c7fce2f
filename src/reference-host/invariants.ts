/** What must hold of the application's books, checked from outside, through the bus. */
import type { BusClient } from '../index.ts';

type Figures = Readonly<Record<string, number>>;
export type Books = Readonly<Record<string, Figures>>;

export interface BooksVerdict {
  readonly balanced: boolean;
  /** Orders that went all the way, accepted or turned away. */
  readonly handled: number;
  readonly problems: readonly string[];
}

const names = [
  'catalog', 'pricing', 'customers', 'fraud_check', 'orders', 'inventory', 'payments', 'ledger', 'shipping',
  'invoices', 'notifications', 'reports', 'api_server',
];

export async function readBooks(bus: BusClient, timeoutMs = 5_000): Promise<Books> {
  const read = await Promise.all(names.map(async (name) =>
    [name, (await bus.request(name, { op: 'figures' }, { timeoutMs })) as Figures] as const));
  return Object.fromEntries(read);
}

/** Orders = stock moved = payments = ledger; every ledger sums to zero; nothing twice, nothing lost. */
export function checkBooks(books: Books): BooksVerdict {
  const of = (book: string, figure: string) => books[book]?.[figure] ?? NaN;
  const accepted = of('orders', 'accepted');
  const handled = accepted + of('orders', 'rejected');
  const taken = of('api_server', 'accepted');
  const equal: readonly (readonly [string, number, number])[] = [
    ['looked up in the catalogue', of('catalog', 'looked_up'), handled],
    ['priced', of('pricing', 'priced'), handled],
    ['attributed to customers', of('customers', 'orders'), handled],
    ['checked for fraud', of('fraud_check', 'cleared') + of('fraud_check', 'rejected'), handled],
    ['stock moves', of('inventory', 'moves'), accepted],
    ['payments', of('payments', 'captured'), accepted],
    ['sales in the ledger', of('ledger', 'sales'), accepted],
    ['goods in the ledger', of('ledger', 'goods'), accepted],
    ['parcels', of('shipping', 'parcels'), accepted],
    ['invoices', of('invoices', 'issued'), accepted],
    ['notifications of shipping', of('notifications', 'shipped'), accepted],
    ['notifications of invoices', of('notifications', 'invoiced'), accepted],
    ['orders in the report', of('reports', 'orders'), accepted],
    ['cents captured against cents ordered', of('payments', 'cents'), of('orders', 'cents')],
    ['cents in cash against cents captured', of('ledger', 'cash'), of('payments', 'cents')],
    ['cents of goods against cents moved', of('ledger', 'cost_of_goods'), of('inventory', 'cents')],
    ['cents invoiced against cents captured', of('invoices', 'cents'), of('payments', 'cents')],
    ['cents reported against cents captured', of('reports', 'revenueCents'), of('payments', 'cents')],
    ['the sum of the ledger', of('ledger', 'sum'), 0],
  ];
  const problems = equal
    .filter(([, found, expected]) => found !== expected)
    .map(([what, found, expected]) => `${what}: ${found}, expected ${expected}`);
  // A request may be counted again when its kernel died before it answered; the order is the same.
  if (taken < handled) problems.push(`orders handled: ${handled}, but only ${taken} were taken in`);
  return { balanced: problems.length === 0, handled, problems };
}
