/**
 * The Stately inspector of a runtime: shows every actor of the host, and of those kernel threads that
 * pass `ctx.inspect` to theirs, to whoever watches. Nothing that goes wrong in here reaches the host.
 */
import { InspectionFeed } from '../core/inspection-feed.ts';
import { prefixed, type Inspect, type WireMessage } from '../core/inspection-wire.ts';
import type { Clock, Log } from '../core/ports.ts';
import { ActorBook } from './actor-book.ts';
import { ViewerServer } from './viewer-server.ts';

const messagesPerSecond = 5_000;

export class Inspector {
  /** For the actors of the host. */
  readonly inspect: Inspect;
  readonly #book: ActorBook;
  readonly #server: ViewerServer;
  readonly #log: Log;

  private constructor(book: ActorBook, server: ViewerServer, clock: Clock, log: Log) {
    this.#book = book;
    this.#server = server;
    this.#log = log;
    const feed = new InspectionFeed({
      clock, messagesPerSecond, send: (message, dropped) => this.#show('host', message, dropped),
    });
    this.inspect = feed.inspect;
  }

  /**
   * Serves from now on.
   *
   * @param port - 0 for any free one.
   * @throws GRACE_INSPECTOR_UNAVAILABLE
   */
  static async open(port: number, clock: Clock, log: Log): Promise<Inspector> {
    const book = new ActorBook(clock);
    const server = await ViewerServer.listen(port, () => book.actors().map((actor) => JSON.stringify(actor)));
    return new Inspector(book, server, clock, log);
  }

  /** Where viewers connect. */
  get url(): string {
    return `ws://127.0.0.1:${this.#server.port}`;
  }

  /** What an actor inside a kernel thread did. */
  fromThread(kernel: string, epoch: number, message: WireMessage, dropped: number): void {
    this.#harmless(() => this.#show(`${kernel}.${epoch}`, message, dropped));
  }

  /** The actors of the thread are no more. */
  threadOver(kernel: string, epoch: number): void {
    this.#harmless(() => {
      for (const last of this.#book.drop(`${kernel}.${epoch}/`)) this.#server.broadcast(JSON.stringify(last));
    });
  }

  async close(): Promise<void> {
    await this.#server.close();
  }

  #show(thread: string, message: WireMessage, dropped: number): void {
    if (dropped > 0) this.#log.debug({ thread, dropped }, 'inspection events were left out');
    const named = prefixed(message, `${thread}/`);
    this.#book.note(named);
    if (this.#server.hasViewers) this.#server.broadcast(JSON.stringify(named));
  }

  #harmless(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#log.debug({ error: String(error) }, 'the inspector could not show something');
    }
  }
}
