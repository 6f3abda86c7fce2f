/** What can be learned from a thread that hangs, before it is ended: it is fenced off and harms nobody. */
import { readFileSync } from 'node:fs';
import type { Death } from './death-records.ts';
import { stackOf } from './thread-stack.ts';
import type { ThreadHandle } from './thread-handle.ts';

export async function lookAtHung(
  thread: ThreadHandle, withinMs: number, signal: AbortSignal,
): Promise<Pick<Death, 'stack' | 'osState'>> {
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
