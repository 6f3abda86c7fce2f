/** Keeps generations of the application's figures with their SHA-256, and checks them when asked. */
import { createHash } from 'node:crypto';
import { defineKernel } from '../../kernel.ts';

interface Generation {
  readonly number: number;
  readonly content: string;
  readonly sha256: string;
}

const generationsKept = 5;
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const isWhole = ({ content, sha256: expected }: Generation) => sha256(content) === expected;

export const { start } = defineKernel<Generation[]>({
  start(ctx) {
    let generations = ctx.restored ?? [];
    const books = ctx.config['books'] as readonly string[];

    async function take(): Promise<void> {
      const figures = await Promise.all(books.map(async (book) => [
        book, await ctx.bus.request(book, { op: 'figures' }, { timeoutMs: 2_000 }),
      ]));
      const content = JSON.stringify(Object.fromEntries(figures as [string, unknown][]));
      const number = (generations.at(-1)?.number ?? 0) + 1;
      generations = [...generations, { number, content, sha256: sha256(content) }].slice(-generationsKept);
      ctx.save();
    }

    return {
      async handle({ topic, payload }) {
        if (topic === 'snapshot.due') {
          // A book that is down now is in the next generation.
          await take().catch((error: unknown) => ctx.log.debug(`no snapshot: ${String(error)}`));
          return null;
        }
        const { op } = payload as { readonly op?: string };
        if (op === 'newest') return generations.at(-1) ?? null;
        return { generations: generations.length, whole: generations.filter(isWhole).length };
      },
      probe: () => generations.every(isWhole),
      snapshot: () => generations,
    };
  },
});
