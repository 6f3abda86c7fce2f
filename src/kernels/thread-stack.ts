/**
 * The stack of a thread that hangs, read from outside by V8's inspector, in process and without a
 * port. Only the thread with this id is touched; whoever does not stop in time is in a native call.
 *
 * A message to a thread that is on its way out aborts the whole process (Node 20.20,
 * `MainThreadInterface::Post`), and a thread that is left paused cannot be ended. So nobody ends a thread
 * while it is read, and a reading that has begun is always brought to its end.
 */
import type { Session } from 'node:inspector';
import type { StackFrame } from '../core/diagnosis.ts';

const framesMax = 20;

interface Attached { readonly sessionId: string; readonly workerInfo: { readonly title: string } }
interface Reply {
  readonly id?: number;
  readonly method?: string;
  readonly params?: {
    /** Of `Debugger.scriptParsed`. A frame's own `url` may be empty. */
    readonly scriptId?: string;
    readonly url?: string;
    readonly callFrames?: readonly {
      readonly functionName: string;
      readonly location: {
        readonly scriptId: string; readonly lineNumber: number; readonly columnNumber: number;
      };
    }[];
  };
}

/** The inspector attaches to all threads of the process: one reading at a time. */
let last: Promise<unknown> = Promise.resolve();

/** After a timeout: for the thread to hear that it need not pause any more, ms. */
const letGoMs = 50;

/**
 * Frames of the thread, innermost first; undefined when it did not stop within `timeoutMs`.
 *
 * @param signal - When aborted before the reading has begun, there is none.
 */
export function stackOf(
  threadId: number, timeoutMs: number, signal: AbortSignal,
): Promise<readonly StackFrame[] | undefined> {
  const reading = last.then(() => readStack(threadId, timeoutMs, signal)).catch(() => undefined);
  last = reading;
  return reading;
}

async function readStack(
  threadId: number, timeoutMs: number, signal: AbortSignal,
): Promise<readonly StackFrame[] | undefined> {
  const inspector = await import('node:inspector');
  if (signal.aborted) return undefined;
  const session = new inspector.Session();
  session.connect();
  try {
    const sessionId = await attachedTo(session, threadId);
    const late = pause(timeoutMs).then(() => undefined);
    const frames = await Promise.race([pauseAndRead(session, sessionId), late]);
    if (frames === undefined) {
      letGo(session, sessionId);
      await pause(letGoMs);
    }
    return frames;
  } finally {
    session.disconnect();
  }
}

/** Pauses the thread, reads, and lets it go on: a paused thread could not be ended. */
function pauseAndRead(session: Session, sessionId: string): Promise<readonly StackFrame[]> {
  return new Promise((resolve) => {
    let frames: readonly StackFrame[] = [];
    const scripts = new Map<string, string>();
    session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
      if (params.sessionId !== sessionId) return;
      const reply = JSON.parse(params.message) as Reply;
      if (reply.method === 'Debugger.scriptParsed') {
        scripts.set(reply.params!.scriptId!, reply.params!.url!);
      } else if (reply.method === 'Debugger.paused') {
        frames = framesOf(reply, scripts);
        letGo(session, sessionId);
      }
      if (reply.id === disabledId) resolve(frames);
    });
    tell(session, sessionId, 1, 'Debugger.enable');
    tell(session, sessionId, 2, 'Debugger.pause');
  });
}

const disabledId = 4;

function letGo(session: Session, sessionId: string): void {
  tell(session, sessionId, 3, 'Debugger.resume');
  tell(session, sessionId, disabledId, 'Debugger.disable');
}

function tell(session: Session, sessionId: string, id: number, method: string): void {
  session.post('NodeWorker.sendMessageToWorker', { sessionId, message: JSON.stringify({ id, method }) });
}

const pause = (ms: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, ms).unref();
  });

function attachedTo(session: Session, threadId: number): Promise<string> {
  return new Promise((resolve, reject) => {
    session.on('NodeWorker.attachedToWorker', ({ params }: { params: Attached }) => {
      // The session's own number is the order of attaching; the title has the thread's id.
      if (/\[worker (\d+)\]/.exec(params.workerInfo.title)?.[1] === String(threadId)) resolve(params.sessionId);
    });
    session.post('NodeWorker.enable', { waitForDebuggerOnStart: false }, (error) => {
      if (error) reject(error);
    });
  });
}

function framesOf({ params }: Reply, scripts: ReadonlyMap<string, string>): StackFrame[] {
  return (params?.callFrames ?? []).slice(0, framesMax).map(({ functionName, location }) => ({
    function: functionName || '(anonymous)',
    url: scripts.get(location.scriptId) ?? '',
    line: location.lineNumber + 1,
    column: location.columnNumber + 1,
  }));
}
