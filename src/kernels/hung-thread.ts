/** What can be learned from a thread that hangs, before it is ended: it is fenced off and harms nobody. */
import { readFileSync } from 'node:fs';
import type { HungLook } from '../core/threads.ts';
import { stackOf } from './thread-stack.ts';

export async function lookAtHung(
  thread: { readonly threadId: number; readonly osThread: string | undefined }, withinMs: number, signal: AbortSignal,
): Promise<HungLook> {
  const osState = osStateOf(thread.osThread);
  const stack = (await stackOf(thread.threadId, withinMs, signal)) ?? 'unreadable';
  return { stack, ...(osState !== undefined && { osState }) };
}

/** `R (running)` burns a core, `S (sleeping)` waits for something (proc(5), /proc/pid/task/tid/status). */
function osStateOf(osThread: string | undefined): string | undefined {
  if (osThread === undefined) return undefined;
  try {
    return /^State:\s*(.+)$/m.exec(readFileSync(`/proc/${osThread}/status`, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}
