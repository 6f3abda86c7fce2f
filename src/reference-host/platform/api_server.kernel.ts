/** The door of the application: checks what comes in and publishes it. It opens no network port. */
import { defineKernel } from '../../kernel.ts';

interface Question {
  readonly op: string;
  readonly order?: { readonly orderId: unknown; readonly customer: unknown; readonly sku: unknown;
    readonly quantity: unknown; };
}

export const { start } = defineKernel<{ accepted: number; refused: number }>({
  start(ctx) {
    const figures = ctx.restored ?? { accepted: 0, refused: 0 };

    function submit({ order }: Question) {
      const { orderId, customer, sku, quantity } = order ?? {};
      const valid = [orderId, customer, sku].every((text) => typeof text === 'string' && text !== '')
        && Number.isInteger(quantity) && (quantity as number) > 0 && (quantity as number) <= 1_000;
      figures[valid ? 'accepted' : 'refused'] += 1;
      ctx.save();
      if (!valid) return { accepted: false, why: 'an order needs orderId, customer, sku and quantity 1..1000' };
      // Its id comes from this request, so a request that is sent again is the same order.
      void ctx.bus.publish('order.submitted', { orderId, customer, sku, quantity });
      return { accepted: true };
    }

    return {
      handle({ payload }) {
        const question = payload as Question;
        if (question.op === 'submit_order') return submit(question);
        if (question.op === 'orders') return ctx.bus.request('orders', { op: 'figures' });
        return figures;
      },
      probe: () => true,
      snapshot: () => figures,
    };
  },
});
