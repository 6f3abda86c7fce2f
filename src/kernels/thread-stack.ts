/**
 * The stack of a thread that hangs, read from outside by V8's inspector, in process and without a
 * port. Only the thread with this id is touched; whoever does not stop in time is in a native call.
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

/** Frames of the thread, innermost first; undefined when it did not stop within `timeoutMs`. */
export function stackOf(threadId: number, timeoutMs: number): Promise<readonly StackFrame[] | undefined> {
  const reading = last.then(() => readStack(threadId, timeoutMs)).catch(() => undefined);
  last = reading;
  return reading;
}

async function readStack(threadId: number, timeoutMs: number): Promise<readonly StackFrame[] | undefined> {
  const inspector = await import('node:inspector');
  const session = new inspector.Session();
  session.connect();
  let timer: NodeJS.Timeout | undefined;
  try {
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), timeoutMs);
      timer.unref();
    });
    return await Promise.race([pauseAndRead(session, threadId), late]);
  } finally {
    clearTimeout(timer);
    session.disconnect();
  }
}

/** Pauses the thread, reads, and lets it go on: a paused thread could not be ended. */
async function pauseAndRead(session: Session, threadId: number): Promise<readonly StackFrame[]> {
  const sessionId = await attachedTo(session, threadId);
  const tell = (id: number, method: string) => {
    session.post('NodeWorker.sendMessageToWorker', { sessionId, message: JSON.stringify({ id, method }) });
  };
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
        tell(3, 'Debugger.resume');
        tell(4, 'Debugger.disable');
      }
      if (reply.id === 4) resolve(frames);
    });
    tell(1, 'Debugger.enable');
    tell(2, 'Debugger.pause');
  });
}

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
