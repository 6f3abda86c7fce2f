/**
 * What the writer of the journal does, in whichever thread: takes all that is waiting as one group, writes and
 * syncs it, and answers. A group that cannot be written is tried again.
 */
import { toErrorRecord } from '../core/errors.ts';
import type { Files } from '../core/ports.ts';
import type { FromWriter, ToWriter } from './writer-protocol.ts';
import { JournalWriter } from './writer.ts';

/** After a failed write the group is tried again this much later, ms. */
const retryMs = 250;

export interface WriterLoopOptions {
  readonly files: Files;
  readonly dir: string;
  /** For the entry that says that a torn tail was cut. */
  readonly now: { readonly atMs: number; readonly wallMs: number };
  post(message: FromWriter): void;
  later(work: () => void, ms: number): void;
}

/**
 * Opens the journal, and says what it found.
 *
 * @returns Takes messages; answers false when it was asked to close. Undefined when the journal was refused.
 */
export function writerLoop(
  { files, dir, now, post, later }: WriterLoopOptions,
): ((messages: readonly ToWriter[]) => boolean) | undefined {
  let opened: ReturnType<typeof JournalWriter.open>;
  try {
    opened = JournalWriter.open(files, dir, now);
  } catch (error) {
    post({ type: 'refused', error: toErrorRecord(error) });
    return undefined;
  }
  const { writer, found, tornBytes } = opened;
  let waiting: string[] = [];
  let batch = 0;

  function writeAll(): void {
    if (waiting.length === 0) return;
    try {
      writer.write(waiting);
      waiting = [];
      post({ type: 'synced', batch, sequence: writer.sequence });
    } catch (error) {
      post({ type: 'failed', error: toErrorRecord(error) });
      later(writeAll, retryMs);
    }
  }

  post({ type: 'opened', found, tornBytes });
  return (messages) => {
    let isOpen = true;
    for (const message of messages) {
      if (message.type === 'close') {
        isOpen = false;
      } else {
        waiting.push(...message.tails);
        batch = message.batch;
      }
    }
    writeAll();
    if (!isOpen) {
      writer.close();
      post({ type: 'closed' });
    }
    return isOpen;
  };
}
