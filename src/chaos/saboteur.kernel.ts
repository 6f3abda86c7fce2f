/**
 * A kernel with a fault in it: the real module of a victim, which works as ever until it is told to fail.
 * What it does then is what a bug would do: Grace is not told.
 */
import { defineKernel } from '../kernel.ts';
import type { KernelMessage, KernelModule } from '../kernel.ts';
import { effect, type Order, type Sabotage } from './sabotage.ts';

/** 1 MiB or so that nobody lets go of. */
const leaked: object[][] = [];
const leakEveryMs = 20;
const leakObjects = 16_000;
/** Longer than a critical kernel may be tardy, shorter than it may be silent, ms. */
const tardyMs = 450;

export const { start } = defineKernel({
  async start(ctx) {
    const { module, config, effects, crashes } = ctx.config['sabotage'] as Sabotage;
    const flags = new Int32Array(effects);
    const victim = (await import(module)) as KernelModule;
    const handlers = await victim.start({ ...ctx, config });

    if (Atomics.load(flags, effect.begun) > 0 && Atomics.load(flags, effect.crashesLeft) > 0) {
      Atomics.sub(flags, effect.crashesLeft, 1);
      setTimeout(() => throwOne(), crashes?.afterMs);
    }

    let armed: Order | undefined;
    function fail({ cause, atMs }: Order): void {
      const waitMs = Math.max(0, atMs - now());
      setTimeout(() => {
        Atomics.store(flags, effect.begun, 1);
        faults[cause]();
      }, waitMs);
    }

    return {
      ...handlers,
      handle(message: KernelMessage) {
        const order = (message.payload as { readonly sabotage?: Order } | null)?.sabotage;
        if (order && message.from === 'host') {
          if (order.inWork) armed = order;
          else fail(order);
          return true;
        }
        const { payload } = message;
        const isTheOne = armed?.inWork && typeof payload === 'object' && payload && armed.inWork in payload;
        if (!armed || !isTheOne) return handlers.handle?.(message);
        // In the middle of work that is never answered.
        fail(armed);
        return new Promise(() => undefined);
      },
    };
  },
});

const faults: Readonly<Record<Order['cause'], () => void>> = {
  throw: throwOne,
  exit: () => process.exit(7),
  hang: hangForEver,
  leak: () => {
    setInterval(leakSome, leakEveryMs);
  },
  tardy: () => {
    workInPieces(3);
  },
};

/** Long pieces of work, with a turn of the loop between them. */
function workInPieces(pieces: number): void {
  workFor(tardyMs);
  if (pieces > 1) setTimeout(() => workInPieces(pieces - 1), 20);
}

function throwOne(): never {
  const order = {} as { lines?: { total: number }[] };
  throw new TypeError(`planted fault: cannot read the total of line 0 of ${JSON.stringify(order)}`);
}

function hangForEver(): never {
  for (;;) Math.sqrt(2);
}

function leakSome(): void {
  leaked.push(Array.from({ length: leakObjects }, (_, index) => ({ index, name: `entry ${index}` })));
}

function workFor(ms: number): void {
  for (const until = now() + ms; now() < until;) Math.sqrt(2);
}

function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
