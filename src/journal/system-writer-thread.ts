/**
 * The writer thread: synchronous I/O, because the shared libuv pool can be blocked by any kernel.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { systemFiles } from './system-files.ts';
import type { ToWriter, WriterStart } from './writer-protocol.ts';
import { writerLoop } from './writer-loop.ts';

const port = parentPort!;
const take = writerLoop({
  files: systemFiles,
  dir: (workerData as WriterStart).dir,
  now: { atMs: Number(process.hrtime.bigint()) / 1e6, wallMs: Date.now() },
  post: (message) => port.postMessage(message),
  later: setTimeout,
});

if (take) {
  port.on('message', (first: ToWriter) => {
    const messages = [first];
    for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) {
      messages.push(next.message as ToWriter);
    }
    if (!take(messages)) port.close();
  });
}
