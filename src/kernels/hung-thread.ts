/** What can be learned from a thread that hangs, before it is ended: it is fenced off and harms nobody. */
import type { Death } from './death-records.ts';
import { osStateOf } from './os-thread.ts';
import { stackOf } from './thread-stack.ts';
import type { ThreadHandle } from './thread-handle.ts';

export async function lookAtHung(
  thread: ThreadHandle, withinMs: number, signal: AbortSignal,
): Promise<Pick<Death, 'stack' | 'osState'>> {
  const osState = osStateOf(thread.osThread);
  const stack = (await stackOf(thread.threadId, withinMs, signal)) ?? 'unreadable';
  return { stack, ...(osState !== undefined && { osState }) };
}
