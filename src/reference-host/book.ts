/**
 * The form of an application kernel: a small state, what it does for each topic, and figures that can be
 * checked from outside. Every change is saved, so what is acknowledged is in the books.
 */
import { defineKernel, type KernelModule } from '../kernel.ts';

export interface Book<TState> {
  initial(): TState;
  /** What to do for a message. Changes `state`, and returns what to publish. */
  on: Readonly<Record<string, (state: TState, payload: never) => readonly Publication[] | void>>;
  figures(state: TState): Readonly<Record<string, number>>;
}

export interface Publication {
  readonly topic: string;
  readonly payload: unknown;
}

export function defineBook<TState>(book: Book<TState>): KernelModule<TState> {
  return defineKernel<TState>({
    start(ctx) {
      const state = ctx.restored ?? book.initial();
      return {
        handle({ topic, payload, kind }) {
          if (kind === 'request') return book.figures(state);
          const work = book.on[topic];
          if (!work) throw new Error(`${ctx.id} does not know the topic ${topic}`);
          const publications = work(state, payload as never) ?? [];
          for (const publication of publications) void ctx.bus.publish(publication.topic, publication.payload);
          ctx.save();
          return null;
        },
        /** Able to work: the books add up to numbers. */
        probe: () => Object.values(book.figures(state)).every(Number.isFinite),
        snapshot: () => state,
      };
    },
  });
}
