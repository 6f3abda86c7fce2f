/** What travels through the application. Amounts are whole cents. */
export interface SubmittedOrder {
  readonly orderId: string;
  readonly customer: string;
  readonly sku: string;
  readonly quantity: number;
}

export interface ItemisedOrder extends SubmittedOrder {
  readonly unitCents: number;
  readonly unitCostCents: number;
}

export interface PricedOrder extends ItemisedOrder {
  readonly totalCents: number;
  readonly costCents: number;
}

export interface AttributedOrder extends PricedOrder {
  readonly ordersBefore: number;
}

export interface Posting {
  readonly orderId: string;
  readonly cents: number;
}
