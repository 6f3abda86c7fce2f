/** Recovery by hand, without supervision, journal or playbook: the floor that Grace is measured against. */
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';

const suffix = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

export interface Thread {
  readonly worker: Worker;
  readonly port: MessagePort;
}

/** Starts a thread, and resolves when it has loaded. */
export async function load(): Promise<Thread> {
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(new URL(`./standby-thread${suffix}`, import.meta.url), {
    workerData: { port: port2 }, transferList: [port2],
  });
  await new Promise((resolve) => {
    port1.once('message', resolve);
  });
  return { worker, port: port1 };
}

/**
 * Kills `count` threads at once, and resolves with the time until each has a successor that answers
 * from its state, ms.
 *
 * @param warm - With standbys that have loaded; without, a new Worker is started.
 */
export async function recoverByHand(count: number, warm: boolean): Promise<number> {
  const serving = await Promise.all(Array.from({ length: count }, load));
  const standbys = warm ? await Promise.all(Array.from({ length: count }, load)) : [];
  const successors: Thread[] = [];
  const began = performance.now();
  const answered = serving.map(({ worker, port }, index) =>
    new Promise<void>((resolve) => {
      // The close of its port is the earliest notice of a thread that was ended from outside.
      port.once('close', () => {
        void (async () => {
          const successor = standbys[index] ?? (await load());
          successors.push(successor);
          successor.port.once('message', () => resolve());
          successor.port.postMessage({ adopt: 41 });
        })();
      });
      void worker.terminate();
    }));
  await Promise.all(answered);
  const ms = performance.now() - began;
  await Promise.all(successors.map(({ worker }) => worker.terminate()));
  return ms;
}
