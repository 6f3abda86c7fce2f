/**
 * The writer thread: takes all that is waiting as one group, writes and syncs it with synchronous I/O
 * (the shared libuv pool can be blocked by any kernel), and answers.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { toErrorRecord } from '../core/errors.ts';
import { systemFiles } from './system-files.ts';
import type { FromWriter, ToWriter, WriterStart } from './writer-protocol.ts';
import { JournalWriter } from './writer.ts';

/** After a failed write the group is tried again this much later, ms. */
const retryMs = 250;

const port = parentPort!;
const post = (message: FromWriter) => port.postMessage(message);

function run(): void {
  const { dir } = workerData as WriterStart;
  let opened: ReturnType<typeof JournalWriter.open>;
  try {
    opened = JournalWriter.open(systemFiles, dir, {
      atMs: Number(process.hrtime.bigint()) / 1e6, wallMs: Date.now(),
    });
  } catch (error) {
    post({ type: 'refused', error: toErrorRecord(error) });
    return;
  }
  const { writer, found, tornBytes } = opened;
  let waiting: string[] = [];
  let batch = 0;

  function writeAll(): boolean {
    if (waiting.length === 0) return true;
    try {
      writer.write(waiting);
      waiting = [];
      post({ type: 'synced', batch, sequence: writer.sequence });
      return true;
    } catch (error) {
      post({ type: 'failed', error: toErrorRecord(error) });
      return false;
    }
  }

  function take(message: ToWriter): boolean {
    if (message.type === 'close') return false;
    waiting.push(...message.tails);
    batch = message.batch;
    return true;
  }

  port.on('message', (first: ToWriter) => {
    let open = take(first);
    for (let next = receiveMessageOnPort(port); next && open; next = receiveMessageOnPort(port)) {
      open = take(next.message as ToWriter);
    }
    const written = writeAll();
    if (!open) {
      writer.close();
      post({ type: 'closed' });
      port.close();
    } else if (!written) {
      setTimeout(() => writeAll(), retryMs);
    }
  });
  post({ type: 'opened', found, tornBytes });
}

run();
