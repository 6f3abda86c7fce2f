/** What can be learned from a thread that hangs, before it is ended: it is fenced off and harms nobody. */
import type { HungLook } from '../core/threads.ts';
import { osStateOf } from './os-thread.ts';
import { stackOf } from './thread-stack.ts';

export async function lookAtHung(
  thread: { readonly threadId: number; readonly osThread: string | undefined }, withinMs: number, signal: AbortSignal,
): Promise<HungLook> {
  const osState = osStateOf(thread.osThread);
  const stack = (await stackOf(thread.threadId, withinMs, signal)) ?? 'unreadable';
  return { stack, ...(osState !== undefined && { osState }) };
}
