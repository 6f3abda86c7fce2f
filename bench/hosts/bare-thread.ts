/** A bare Worker: imports a kernel's module, says so, and waits for messages. */
import { parentPort, workerData } from 'node:worker_threads';

await import(workerData as string);
parentPort!.on('message', (message) => parentPort!.postMessage(message));
parentPort!.postMessage('loaded');
