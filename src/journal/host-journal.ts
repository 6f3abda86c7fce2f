/**
 * The host's end of the journal. Appending queues and returns; the records of one turn go to the writer
 * thread together. If the thread dies, another one takes over, and what was not synced is sent again.
 */
import { GraceError, type ErrorRecord } from '../core/errors.ts';
import type { Journal, JournalRecord } from '../core/journal.ts';
import type { Clock, Log } from '../core/ports.ts';
import { recordTail } from './format.ts';
import type { FromWriter, ToWriter } from './writer-protocol.ts';

/** Records that wait for the writer, at most. What comes beyond is counted, and the count written. */
const waitingMax = 100_000;
const restartsMax = 5;

/** What the host sees of the writer's thread. */
export interface WriterThread {
  on(event: 'message', listener: (message: FromWriter) => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  once(event: 'exit', listener: () => void): unknown;
  postMessage(message: ToWriter): void;
  ref(): void;
  unref(): void;
}

export interface JournalSurroundings {
  readonly clock: Clock;
  readonly log: Log;
  /** Makes this process the only writer. Returns how to give that back. @throws GRACE_RUNTIME_STATE */
  lock(dir: string): () => void;
  /** Starts a thread that writes to the journal in `dir`. */
  startWriter(dir: string): WriterThread;
  /** Does something after the present turn of the loop. */
  later(work: () => void): unknown;
}

interface Batch {
  readonly batch: number;
  tails: readonly string[];
}

interface Waiter {
  readonly batch: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class HostJournal implements Journal {
  readonly #dir: string;
  readonly #around: JournalSurroundings;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #unlock: () => void;
  readonly #unsynced: Batch[] = [];
  #fresh: JournalRecord[] = [];
  #waiting = 0;
  #dropped = 0;
  #batch = 0;
  #sequence = 0;
  #waiters: Waiter[] = [];
  #worker: WriterThread | undefined;
  #restarts = 0;
  #hasOpened = false;
  /** Whether the writer that lives now has told what it found: until then it is sent nothing. */
  #isOpen = false;
  #failure: GraceError | undefined;

  private constructor(dir: string, around: JournalSurroundings) {
    this.#dir = dir;
    this.#around = around;
    this.#clock = around.clock;
    this.#log = around.log;
    this.#unlock = around.lock(dir);
  }

  /**
   * Takes the journal of a data directory for this process. It has to be opened then.
   *
   * @throws GRACE_RUNTIME_STATE when another process writes to it.
   */
  static lock(dir: string, around: JournalSurroundings): HostJournal {
    return new HostJournal(dir, around);
  }

  /** Opens the journal, or begins one; gives the lock back when it cannot. @throws GRACE_JOURNAL_CORRUPT */
  async open(): Promise<this> {
    try {
      await this.#startWriter();
      return this;
    } catch (error) {
      this.#unlock();
      throw error;
    }
  }

  /** Entries that are on the disk. */
  get synced(): number {
    return this.#sequence;
  }

  append(record: JournalRecord): void {
    if (this.#waiting >= waitingMax) {
      this.#dropped += 1;
      return;
    }
    if (this.#dropped > 0) this.#sayDropped();
    this.#queue(record);
  }

  flush(): Promise<void> {
    this.#post();
    if (this.#unsynced.length === 0) return Promise.resolve();
    if (this.#failure) return Promise.reject(this.#failure);
    this.#worker?.ref();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ batch: this.#batch, resolve, reject });
    });
  }

  /** Syncs what is left and ends the writer. */
  async close(): Promise<void> {
    await this.flush().catch((error: unknown) => {
      this.#log.error({ error: String(error) }, 'the journal was closed with records that are not synced');
    });
    const worker = this.#worker;
    if (worker) {
      worker.ref();
      // Its exit is what we want now: it is not started again.
      this.#worker = undefined;
      await new Promise<void>((resolve) => {
        worker.once('exit', () => resolve());
        worker.postMessage({ type: 'close' } satisfies ToWriter);
      });
    }
    this.#unlock();
  }

  /** Writing it out waits until the turn is over: a recovery may be under way in it. */
  #queue(record: JournalRecord): void {
    this.#waiting += 1;
    if (this.#fresh.push(record) === 1) this.#around.later(() => this.#post());
  }

  #sayDropped(): void {
    const data = { records: this.#dropped };
    this.#dropped = 0;
    this.#queue({
      type: 'journal.records_dropped', actor: 'journal', incident: null, data, atMs: this.#clock.now(),
      wallMs: this.#clock.wallNow(),
    });
  }

  /** Sends what was appended in this turn as one batch. */
  #post(): void {
    if (this.#fresh.length === 0) return;
    this.#batch += 1;
    const batch: Batch = { batch: this.#batch, tails: this.#fresh.map(recordTail) };
    this.#fresh = [];
    this.#unsynced.push(batch);
    // All that is not synced is sent when it opens: sent now too, it would be written twice.
    if (this.#isOpen) this.#worker?.postMessage({ type: 'write', ...batch } satisfies ToWriter);
  }

  #startWriter(): Promise<void> {
    const worker = this.#around.startWriter(this.#dir);
    this.#worker = worker;
    this.#isOpen = false;
    return new Promise((resolve, reject) => {
      worker.on('error', (error) => {
        this.#log.error({ error: String(error) }, 'the journal writer failed');
      });
      worker.once('exit', () => {
        if (this.#worker === worker) this.#onExit();
        reject(new GraceError('GRACE_JOURNAL_WRITE_FAILED', `The writer of ${this.#dir} did not start.`));
      });
      worker.on('message', (message: FromWriter) => {
        switch (message.type) {
          case 'opened':
            this.#onOpened(message.found, message.tornBytes);
            worker.unref();
            resolve();
            break;
          case 'refused':
            this.#worker = undefined;
            reject(asGraceError(message.error));
            break;
          case 'synced':
            this.#onSynced(message.batch, message.sequence);
            break;
          case 'failed':
            this.#onFailed(message.error);
            break;
          case 'closed':
            break;
        }
      });
    });
  }

  /** A new writer tells how far the one before it got: what is on the disk is not sent again. */
  #onOpened(found: number, tornBytes: number): void {
    if (tornBytes > 0) {
      this.#log.warn({ bytes: tornBytes }, 'the journal ended within a line; the torn tail was cut');
    }
    let written = this.#hasOpened ? found - this.#sequence : 0;
    this.#hasOpened = true;
    this.#isOpen = true;
    this.#sequence = found;
    while (written > 0 && this.#unsynced.length > 0) {
      const [oldest] = this.#unsynced;
      const count = Math.min(written, oldest!.tails.length);
      written -= count;
      this.#waiting -= count;
      oldest!.tails = oldest!.tails.slice(count);
      if (oldest!.tails.length === 0) this.#unsynced.shift();
    }
    for (const batch of this.#unsynced) {
      this.#worker?.postMessage({ type: 'write', ...batch } satisfies ToWriter);
    }
  }

  #onSynced(batch: number, sequence: number): void {
    this.#failure = undefined;
    this.#restarts = 0;
    this.#sequence = sequence;
    while (this.#unsynced[0] && this.#unsynced[0].batch <= batch) {
      this.#waiting -= this.#unsynced.shift()!.tails.length;
    }
    const done = this.#waiters.filter((waiter) => waiter.batch <= batch);
    this.#waiters = this.#waiters.filter((waiter) => waiter.batch > batch);
    if (this.#waiters.length === 0) this.#worker?.unref();
    for (const { resolve } of done) resolve();
  }

  #onFailed(error: ErrorRecord): void {
    this.#failure = asGraceError(error);
    this.#log.error({ error: error.message }, 'the journal could not be written; it is tried again');
    this.#rejectAll(this.#failure);
  }

  #onExit(): void {
    this.#worker = undefined;
    this.#restarts += 1;
    const failure = new GraceError(
      'GRACE_JOURNAL_WRITE_FAILED', `The journal writer of ${this.#dir} ended ${this.#restarts} times.`,
    );
    if (this.#restarts > restartsMax) {
      this.#failure = failure;
      this.#rejectAll(failure);
      return;
    }
    this.#startWriter().catch((error: unknown) => this.#rejectAll(error as Error));
  }

  #rejectAll(error: Error): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { reject } of waiters) reject(error);
  }
}

function asGraceError({ code, message, details }: ErrorRecord): GraceError {
  const known = code === 'GRACE_JOURNAL_CORRUPT' || code === 'GRACE_JOURNAL_WRITE_FAILED';
  return new GraceError(known ? code : 'GRACE_JOURNAL_WRITE_FAILED', message, details ? { details } : {});
}
