/**
 * The light entry point for kernel modules, `grace-runtime/kernel`: what runs inside a kernel
 * thread should not load the whole runtime.
 */
import type { KernelModule } from './core/kernel.ts';

export type { BusClient } from './core/bus.ts';
export type { Inspect } from './core/inspection-wire.ts';
export type {
  KernelContext, KernelHandlers, KernelLog, KernelMessage, KernelModule,
} from './core/kernel.ts';

/**
 * Types a kernel module. Returns what it is given.
 *
 * @example
 * export const { start } = defineKernel<number>({
 *   start(ctx) {
 *     let count = ctx.restored ?? 0;
 *     return { handle: () => { count += 1; ctx.save(); return count; }, snapshot: () => count };
 *   },
 * });
 */
export function defineKernel<TState = unknown>(module: KernelModule<TState>): KernelModule<TState> {
  return module;
}
