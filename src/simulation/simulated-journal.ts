/** The writer of the journal on virtual time, with a disk that can be slow, refuse, or lose its writer. */
import { EventEmitter } from 'node:events';
import { writerLoop } from '../journal/writer-loop.ts';
import type { FromWriter, ToWriter } from '../journal/writer-protocol.ts';
import type { WriterThread } from '../journal/host-journal.ts';
import { Lane } from './lane.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { SimulatedDisk } from './simulated-disk.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** A writer that is about to die waits for another group at most this long, ms. */
const unheardMs = 1_000;

export class SimulatedWriter extends EventEmitter implements WriterThread {
  readonly lane: Lane;
  readonly #host: Lane;
  readonly #random: SeededRandom;
  readonly #inbox: ToWriter[] = [];
  #take: ReturnType<typeof writerLoop>;
  #isDue = false;
  #isUnheard = false;

  constructor(
    dir: string, disk: SimulatedDisk,
    { clock, host, random }: { clock: VirtualClock; host: Lane; random: SeededRandom },
  ) {
    super();
    this.#host = host;
    this.#random = random;
    this.lane = new Lane(clock, random);
    this.lane.setTimeout(() => {
      this.#take = writerLoop({
        files: disk, dir, now: { atMs: clock.now(), wallMs: clock.wallNow() },
        post: (message) => this.#answer(message),
        later: (work, ms) => this.lane.setTimeout(work, ms),
      });
      if (this.#inbox.length > 0) this.#due();
    }, random.between(20, 60));
  }

  postMessage(message: ToWriter): void {
    this.#inbox.push(message);
    if (this.#take) this.#due();
  }

  /**
   * Ends between two groups: what was not synced has to be sent again. Or after the next group, before it has
   * told of it: what is on the disk must not be sent again.
   */
  die(): void {
    if (this.#random.chance(0.5)) {
      this.#end();
    } else {
      this.#isUnheard = true;
      this.lane.setTimeout(() => this.#end(), unheardMs);
    }
  }

  ref(): void {
    // Nothing keeps a simulation alive.
  }

  unref(): void {
    // Nothing keeps a simulation alive.
  }

  /** Writing and syncing a group takes its time; what comes meanwhile is the next one. */
  #due(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.lane.setTimeout(() => {
      this.#isDue = false;
      const isOpen = this.#take!(this.#inbox.splice(0));
      if (!isOpen || this.#isUnheard) this.#end();
    }, this.#random.between(0.1, 1.5));
  }

  #end(): void {
    if (this.lane.over) return;
    this.lane.over = true;
    this.#host.arrive(this, () => this.emit('exit'));
  }

  #answer(message: FromWriter): void {
    if (this.#isUnheard) return;
    this.#host.arrive(this, () => this.emit('message', message));
  }
}
