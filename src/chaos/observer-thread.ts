/**
 * The observer: a client of the bus in a thread of its own, outside the control plane. It runs the load,
 * sees for itself when a kernel answers again, and checks the books.
 */
import { parentPort } from 'node:worker_threads';
import { BusConnection } from '../index.ts';
import { checkBooks, readBooks, startLoad, type BooksVerdict, type Load } from '../reference-host/index.ts';
import type { FromObserver, ToObserver } from './observer-protocol.ts';

const port = parentPort!;
const post = (message: FromObserver) => port.postMessage(message);
const now = () => Number(process.hrtime.bigint()) / 1e6;
const pause = (ms: number) =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

const bus: BusConnection = new BusConnection({
  clock: {
    now, wallNow: Date.now, setTimeout, clearTimeout: (id) => clearTimeout(id as NodeJS.Timeout),
  },
  owner: 'observer',
  epoch: 1,
  currentMessage: () => undefined,
  deliver(message) {
    const { type, atMs, payload } = message.payload as { type: string; atMs: number; payload: unknown };
    post({ type: 'event', event: { type, atMs, payload } });
    bus.completed(message, { ok: true, value: null }, { saveRequested: false });
  },
  requestSave: () => undefined,
});

type Begin = Extract<ToObserver, { type: 'begin' }>;

let load: Load | undefined;
const exitedAtMs = new Map<string, number>();

/** Waits until the application answers, so that a fault hits a system that works. */
async function begin({ perSecond, requestsMin, timeoutMs }: Begin): Promise<void> {
  load = startLoad(bus, perSecond, timeoutMs);
  const deadlineAtMs = now() + 20_000;
  while (load.figures().ok < requestsMin) {
    if (now() > deadlineAtMs) {
      post({ type: 'failed', why: `only ${load.figures().ok} requests were answered in 20 s` });
      return;
    }
    await pause(20);
  }
  post({ type: 'steady' });
}

/** Asks every millisecond; a kernel serves when it answers a question asked after its thread exited. */
function watch(kernel: string): void {
  const timer = setInterval(() => {
    const sentAtMs = now();
    const serves = () => {
      const exited = exitedAtMs.get(kernel);
      if (exited === undefined || sentAtMs < exited) return;
      exitedAtMs.delete(kernel);
      clearInterval(timer);
      post({ type: 'serving', kernel, atMs: now() });
    };
    bus.request(kernel, { op: 'figures' }, { timeoutMs: 30_000 }).then(serves, () => undefined);
  }, 1);
}

async function finish(kernels: readonly string[], waitMs: number): Promise<void> {
  const answered = await load!.stop();
  const deadlineAtMs = now() + waitMs;
  let books: BooksVerdict = { balanced: false, handled: 0, problems: ['the books could not be read'] };
  do {
    try {
      books = checkBooks(await readBooks(bus, 2_000));
    } catch (error) {
      books = { balanced: false, handled: 0, problems: [String(error)] };
    }
    if (books.balanced && books.handled >= answered.acknowledged) break;
    await pause(50);
  } while (now() < deadlineAtMs);
  const asked = await Promise.all(kernels.map((kernel) =>
    bus.request(kernel, { op: 'figures' }, { timeoutMs: 3_000 }).then(() => [kernel], () => [])));
  post({ type: 'finished', load: answered, books, running: asked.flat() });
}

port.on('message', (message: ToObserver) => {
  switch (message.type) {
    case 'bus':
      bus.attach(message.port);
      break;
    case 'begin':
      void begin(message);
      break;
    case 'watch':
      for (const kernel of message.kernels) watch(kernel);
      break;
    case 'exited':
      exitedAtMs.set(message.kernel, message.atMs);
      break;
    case 'finish':
      void finish(message.kernels, message.waitMs);
      break;
  }
});
