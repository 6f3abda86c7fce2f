/**
 * The host's side of the message bus: gives every client a port to the bus that lives now, and every
 * client a new one when the bus is replaced. Messages never pass through here.
 */
import type { MessagePort } from 'node:worker_threads';
import type { BusControl } from '../core/bus.ts';
import type { ChildSpec } from '../core/kernel.ts';
import type { NewChannel } from '../core/threads.ts';

/** What the hub needs from the threads. */
export interface BusThreads {
  readonly channel: NewChannel;
  /** Posts to the `message_bus` kernel, outside its queue of work. */
  control(payload: BusControl, ports: readonly MessagePort[]): void;
  /** Hands a running kernel its port to the bus. */
  handPort(kernel: string, port: MessagePort): void;
}

interface Client {
  /** Topics beyond those of the child specs. */
  readonly topics: readonly string[];
  readonly epoch: number;
  readonly hand: (port: MessagePort) => void;
}

export const busKernel = 'message_bus';

export class BusHub {
  readonly #threads: BusThreads;
  readonly #specs: readonly ChildSpec[];
  readonly #sheddable: readonly string[];
  readonly #clients = new Map<string, Client>();
  #busRuns = false;
  #shedding = false;
  /** Kernels whose topics are held back by a breaker. */
  readonly #holding = new Set<string>();

  constructor(specs: readonly ChildSpec[], sheddable: readonly string[], threads: BusThreads) {
    this.#threads = threads;
    this.#specs = specs;
    this.#sheddable = sheddable;
  }

  /** A kernel of this epoch is about to start. Returns its port when there is a bus. */
  connectKernel(kernel: string, epoch: number): MessagePort | undefined {
    if (kernel === busKernel) return undefined;
    const hand = (port: MessagePort) => this.#threads.handPort(kernel, port);
    return this.#connect(kernel, { epoch, hand, topics: [] });
  }

  /** Makes the host, or an observer, a client of the bus. `hand` gets a port now or later, often. */
  connectClient(name: string, hand: (port: MessagePort) => void, topics: readonly string[] = []): void {
    const port = this.#connect(name, { epoch: 1, hand, topics });
    if (topics.length > 0) this.#route();
    if (port) hand(port);
  }

  /** Says whether anybody gets messages of this topic. */
  hasSubscribers(topic: string): boolean {
    for (const { topics } of this.#clients.values()) if (topics.includes(topic)) return true;
    return this.#specs.some(({ subscribes }) => subscribes.includes(topic));
  }

  disconnectClient(name: string): void {
    const client = this.#clients.get(name);
    if (!client) return;
    this.#clients.delete(name);
    if (client.topics.length > 0) this.#route();
    if (this.#busRuns) this.#threads.control({ kind: 'detach', client: name, epoch: client.epoch }, []);
  }

  /** The bus is ready: everybody gets a port to it. */
  busReady(): void {
    this.#busRuns = true;
    this.#route();
    if (this.#shedding) this.#threads.control({ kind: 'shed', on: true }, []);
    for (const kernel of this.#holding) this.#threads.control({ kind: 'hold', client: kernel, on: true }, []);
    for (const [name, client] of this.#clients) client.hand(this.#channel(name, client.epoch));
  }

  busOver(): void {
    this.#busRuns = false;
  }

  /** The kernel's thread is over: what it still sends is refused. */
  kernelOver(kernel: string, epoch: number): void {
    if (this.#clients.get(kernel)?.epoch !== epoch) return;
    this.disconnectClient(kernel);
  }

  /** Holds topics marked sheddable back, or lets them through again. */
  shed(on: boolean): void {
    this.#shedding = on;
    if (this.#busRuns) this.#threads.control({ kind: 'shed', on }, []);
  }

  /** Holds back everything a kernel subscribes to, or delivers it again. Nothing is lost meanwhile. */
  hold(kernel: string, on: boolean): void {
    if (on === this.#holding.has(kernel)) return;
    if (on) this.#holding.add(kernel);
    else this.#holding.delete(kernel);
    if (this.#busRuns) this.#threads.control({ kind: 'hold', client: kernel, on }, []);
  }

  #connect(name: string, client: Client): MessagePort | undefined {
    this.#clients.set(name, client);
    return this.#busRuns ? this.#channel(name, client.epoch) : undefined;
  }

  #channel(client: string, epoch: number): MessagePort {
    const { port1, port2 } = this.#threads.channel();
    this.#threads.control({ kind: 'attach', client, epoch }, [port2]);
    return port1;
  }

  #route(): void {
    if (!this.#busRuns) return;
    const routes: BusControl = {
      kind: 'routes', subscribers: this.#subscribers(), sheddable: this.#sheddable,
    };
    this.#threads.control(routes, []);
  }

  #subscribers(): Record<string, string[]> {
    const subscribers: Record<string, string[]> = {};
    for (const { id, subscribes } of this.#specs) {
      for (const topic of subscribes) (subscribers[topic] ??= []).push(id);
    }
    for (const [name, { topics }] of this.#clients) {
      for (const topic of topics) (subscribers[topic] ??= []).push(name);
    }
    return subscribers;
  }
}
