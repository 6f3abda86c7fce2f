/**
 * Two ports that are connected with each other, on virtual time. A message is copied when it is posted and
 * arrives later, in order; a thread that hangs gets nothing until it turns again, a dead one never. What was
 * posted before a port closed still arrives, as with a real MessagePort.
 */
import { EventEmitter } from 'node:events';
import type { Lane } from './lane.ts';

interface Posted {
  readonly message: unknown;
  readonly ports: readonly SimulatedPort[];
}

export class SimulatedPort extends EventEmitter {
  /** Whose loop delivers: the host's, or a thread's. */
  lane: Lane;
  #peer: SimulatedPort | undefined;
  readonly #waiting: Posted[] = [];
  #closed = false;
  /** Messages that have arrived while nobody listened: they wait, as in a real port that is not started. */
  #arrived = 0;

  constructor(lane: Lane) {
    super();
    this.lane = lane;
    this.on('newListener', (event) => {
      if (event !== 'message') return;
      for (; this.#arrived > 0; this.#arrived -= 1) this.lane.arrive(this, () => this.#deliver());
    });
  }

  static pair(lane: Lane): { port1: SimulatedPort; port2: SimulatedPort } {
    const [port1, port2] = [new SimulatedPort(lane), new SimulatedPort(lane)];
    port1.#peer = port2;
    port2.#peer = port1;
    return { port1, port2 };
  }

  postMessage(message: unknown, transfer: readonly SimulatedPort[] = []): void {
    const peer = this.#peer!;
    // What is handed over to nobody is closed.
    if (this.#closed || peer.#closed || this.lane.over) {
      for (const port of transfer) port.close();
      return;
    }
    for (const port of transfer) port.lane = peer.lane;
    peer.#waiting.push({ message: copy(message, transfer), ports: transfer });
    peer.lane.arrive(peer, () => peer.#deliver());
  }

  /** The oldest message that was posted and not delivered yet. */
  take(): { readonly message: unknown } | undefined {
    return this.#waiting.shift();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const { ports } of this.#waiting.splice(0)) for (const port of ports) port.close();
    const peer = this.#peer!;
    if (!peer.#closed) {
      // After what is on its way to the peer.
      peer.lane.arrive(peer, () => {
        while (peer.#waiting.length > 0 && peer.listenerCount('message') > 0) peer.#deliver();
        peer.#closed = true;
        peer.emit('close');
      });
    }
    if (!this.lane.over) this.lane.arrive(this, () => this.emit('close'));
  }

  ref(): void {
    // Nothing keeps a simulation alive.
  }

  unref(): void {
    // Nothing keeps a simulation alive.
  }

  #deliver(): void {
    if (this.listenerCount('message') === 0) {
      this.#arrived += 1;
      return;
    }
    const posted = this.#waiting.shift();
    if (!posted || this.#closed) return;
    this.emit('message', posted.message);
  }
}

/** Ports stand at the top of a message, or in a list there; the rest is plain data. */
function copy(message: unknown, transfer: readonly SimulatedPort[]): unknown {
  if (transfer.length === 0) return structuredClone(message);
  const hasPorts = (value: unknown): boolean =>
    value instanceof SimulatedPort || (Array.isArray(value) && value.some(hasPorts));
  return Object.fromEntries(Object.entries(message as object).map(([name, value]) => [
    name, hasPorts(value) ? value : structuredClone(value),
  ]));
}
