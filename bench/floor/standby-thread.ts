/** What one would write by hand: a thread that has loaded everything and waits for its state. */
import 'xstate';
import 'yaml';
import { workerData, type MessagePort } from 'node:worker_threads';
import { hang, type HangOrder } from '../hangs.ts';

const { port } = workerData as { readonly port: MessagePort };
let count = 0;
port.on('message', (message: { readonly adopt?: number; readonly hang?: HangOrder; readonly proof: BigInt64Array }) => {
  if (message.hang) {
    void hang(message.hang, message.proof);
    return;
  }
  if (message.adopt !== undefined) count = message.adopt;
  count += 1;
  port.postMessage(count);
});
port.postMessage('loaded');
