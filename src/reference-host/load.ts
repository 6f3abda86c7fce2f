/** A client of the application: submits orders at a steady rate, and keeps count of how that goes. */
import type { BusClient } from '../index.ts';

export interface LoadFigures {
  readonly ok: number;
  readonly failed: number;
  /** Longest that one request waited for its answer, ms. */
  readonly waitedMaxMs: number;
  /** Orders the application has promised to carry out. */
  readonly acknowledged: number;
}

export interface Load {
  figures(): LoadFigures;
  /** Stops submitting, and resolves when every request is answered or has failed. */
  stop(): Promise<LoadFigures>;
}

const customers = 50;
const skus = 25;

/**
 * @param perSecond - Orders per second.
 * @param timeoutMs - When an order that is not answered has failed.
 */
export function startLoad(bus: BusClient, perSecond: number, timeoutMs = 10_000): Load {
  const open = new Set<Promise<void>>();
  let [ok, failed, acknowledged, waitedMaxMs, number] = [0, 0, 0, 0, 0];

  function submit(): void {
    number += 1;
    const order = {
      orderId: `order-${number}`, customer: `customer-${(number * 7) % customers}`,
      sku: `sku-${(number * 13) % skus}`, quantity: 1 + (number % 12),
    };
    const sentAtMs = performance.now();
    const request: Promise<void> = bus
      .request('api_server', { op: 'submit_order', order }, { timeoutMs })
      .then((answer) => {
        ok += 1;
        if ((answer as { accepted?: boolean }).accepted) acknowledged += 1;
      })
      .catch(() => {
        failed += 1;
      })
      .finally(() => {
        waitedMaxMs = Math.max(waitedMaxMs, performance.now() - sentAtMs);
        open.delete(request);
      });
    open.add(request);
  }

  const figures = () => ({ ok, failed, acknowledged, waitedMaxMs: Number(waitedMaxMs.toFixed(1)) });
  const timer = setInterval(submit, 1_000 / perSecond);
  return {
    figures,
    async stop() {
      clearInterval(timer);
      await Promise.all(open);
      return figures();
    },
  };
}
