/** Where kernel threads come from, as the registry needs it. Piscina in the host, a simulation in tests. */
import type { MessagePort } from 'node:worker_threads';
import type { StackFrame } from './diagnosis.ts';
import type { ThreadStart } from './thread-protocol.ts';

/** A new pair of ports that are connected with each other. */
export type NewChannel = () => { readonly port1: MessagePort; readonly port2: MessagePort };

/** What the host sees of a thread's Worker. */
export interface WorkerView {
  readonly threadId: number;
  readonly performance: { eventLoopUtilization(): { readonly idle: number; readonly active: number } };
  on(event: 'error', listener: (error: unknown) => void): unknown;
  once(event: 'exit', listener: (exitCode: number) => void): unknown;
  terminate(): Promise<unknown>;
  unref(): void;
}

/** What was learned from a thread that hangs. */
export interface HungLook {
  /** Its frames, or that it could not be stopped to read them. */
  readonly stack: readonly StackFrame[] | 'unreadable';
  /** Its state as the operating system reports it, such as `R (running)`. */
  readonly osState?: string;
}

export interface ThreadSource {
  readonly channel: NewChannel;
  /** The oldest message that was posted to this port and not delivered yet. */
  receiveNow(port: MessagePort): { readonly message: unknown } | undefined;
  /** Runs a kernel thread. The promise settles when the thread is over; it is no death notice. */
  run(heapMb: number, start: ThreadStart, signal: AbortSignal): Promise<unknown>;
  /** The Worker with this thread id, or undefined when it has ended already. */
  worker(heapMb: number, threadId: number): WorkerView | undefined;
  /** Looks at a thread that hangs. Nobody may end it meanwhile. */
  look(
    thread: { readonly threadId: number; readonly osThread: string | undefined }, withinMs: number, signal: AbortSignal,
  ): Promise<HungLook>;
  /** Ends all threads. Does not resolve while one is stuck in a native call: callers race it. */
  destroy(): Promise<void>;
}
