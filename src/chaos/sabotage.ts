/** Between a scenario and the saboteur in a victim's thread. */
import type { Grace, KernelInput } from '../index.ts';

/** What `config.sabotage` of a victim holds. */
export interface Sabotage {
  readonly module: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** What has taken effect, readable while the thread hangs. */
  readonly effects: SharedArrayBuffer;
  /** After the first fault: fail again so long after each start, while any crashes are left. */
  readonly crashes?: { readonly afterMs: number };
}

export interface Order {
  readonly cause: 'throw' | 'exit' | 'hang' | 'leak' | 'tardy';
  /** All victims fail at the same instant, monotonic ms. */
  readonly atMs: number;
  /** Not then, but in the middle of the next piece of work whose payload has this property. */
  readonly inWork?: string;
}

/** Slots of `effects`, as indexes into an Int32Array. */
export const effect = { begun: 0, crashesLeft: 1 } as const;

const suffix = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
const saboteur = new URL(`./saboteur.kernel${suffix}`, import.meta.url);

/** The same kernel with a fault in it, and where to see whether the fault has begun. */
export function sabotaged(
  kernel: KernelInput, crashes?: { readonly times: number; readonly afterMs: number },
): { readonly kernel: KernelInput; readonly effects: Int32Array } {
  const effects = new SharedArrayBuffer(8);
  const flags = new Int32Array(effects);
  Atomics.store(flags, effect.crashesLeft, crashes?.times ?? 0);
  const sabotage: Sabotage = {
    module: String(kernel.module), config: kernel.config ?? {}, effects, ...(crashes && { crashes }),
  };
  return { kernel: { ...kernel, module: saboteur, config: { sabotage } }, effects: flags };
}

/** Tells a victim to fail; resolves when it knows, before it does. */
export async function order(grace: Grace, kernel: string, what: Order): Promise<void> {
  await grace.call(kernel, { sabotage: what });
}
