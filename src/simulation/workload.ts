/**
 * Kernels whose books tell at the end whether a message was lost or handled twice: each counts what it handled
 * by the order's number, and passes it on to the next of the chain.
 */
import type { KernelInput } from '../core/child-specs.ts';
import type { KernelMessage, KernelModule } from '../core/kernel.ts';

/** Order number to how often it was handled, as the kernel's saved state holds it. */
export type Book = Readonly<Record<string, number>>;

interface Order { readonly order: number }

/** @param passesTo - The topic of the next one; the last one passes to nobody. */
export function bookkeeper(passesTo: string | undefined): KernelModule<Book> {
  return {
    start(ctx) {
      const book: Record<string, number> = { ...ctx.restored };
      return {
        handle({ topic, payload }: KernelMessage) {
          if (topic === 'request') return book;
          const { order } = payload as Order;
          book[order] = (book[order] ?? 0) + 1;
          if (passesTo !== undefined) void ctx.bus.publish(passesTo, { order });
          ctx.save();
          return null;
        },
        probe: () => true,
        snapshot: () => ({ ...book }),
      };
    },
  };
}

export const topicOf = (link: number) => `orders.${link}`;
export const keeperOf = (link: number) => `keeper_${link + 1}`;
export const moduleOf = (kernel: string) => `simulated:${kernel}`;

/** A chain of bookkeepers: the modules, and the child specs. */
export function chain(links: number): { modules: [string, KernelModule][]; kernels: KernelInput[] } {
  const range = Array.from({ length: links }, (_, link) => link);
  return {
    modules: range.map((link) => [
      moduleOf(keeperOf(link)), bookkeeper(link + 1 < links ? topicOf(link + 1) : undefined) as KernelModule,
    ]),
    kernels: range.map((link) => ({
      id: keeperOf(link), module: moduleOf(keeperOf(link)), subscribes: [topicOf(link)], saveInterval: '50ms',
      dependsOn: ['message_bus'],
    })),
  };
}
