// Kernels and a bus in one process: the bus client and the router of production, with queues for wires
// that the test pumps, and deaths at any moment in between.
import { AsyncLocalStorage } from 'node:async_hooks';
import { Router } from '../../src/bus/router.ts';
import { BusConnection, type BusPort } from '../../src/core/bus-connection.ts';
import type { FromBus, ToBus } from '../../src/core/bus.ts';
import type { KernelMessage } from '../../src/core/kernel.ts';
import type { Clock } from '../../src/core/ports.ts';
import type { SavedState } from '../../src/core/thread-protocol.ts';

/** What a simulated kernel does: state in, messages out. */
export interface Behaviour<TState> {
  initial(): TState;
  handle(state: TState, message: KernelMessage, publish: (topic: string, payload: unknown) => void): void;
}

interface Wire {
  open: boolean;
  readonly toBus: ToBus[];
  readonly fromBus: FromBus[];
  listener: (message: FromBus) => void;
}

/** All wires, the bus that lives now, and what is kept of each kernel. */
export class SimulatedBus {
  readonly #clock: Clock;
  readonly #subscribers: Readonly<Record<string, readonly string[]>>;
  readonly #wires = new Map<string, Wire>();
  readonly #epochs = new Map<string, number>();
  readonly #connections = new Map<string, BusConnection>();
  #router: Router | undefined;

  constructor(clock: Clock, subscribers: Readonly<Record<string, readonly string[]>>) {
    this.#clock = clock;
    this.#subscribers = subscribers;
    this.startBus();
  }

  startBus(): void {
    this.#router = new Router('message_bus', () => null);
    this.#router.route(this.#subscribers, []);
    for (const [name, connection] of this.#connections) connection.attach(this.#wire(name));
  }

  /** The bus ends: what is on the wires is gone with it. */
  killBus(): void {
    this.#router = undefined;
    for (const wire of this.#wires.values()) wire.open = false;
  }

  connect(name: string, connection: BusConnection): void {
    this.#epochs.set(name, (this.#epochs.get(name) ?? 0) + 1);
    this.#connections.set(name, connection);
    connection.attach(this.#wire(name));
  }

  disconnect(name: string): void {
    const wire = this.#wires.get(name);
    if (wire) wire.open = false;
    this.#router?.detach(name, this.#epochs.get(name)!);
    this.#connections.delete(name);
  }

  /** Carries one message of one wire. False when nothing is under way. */
  pump(pick: number): boolean {
    const busy = [...this.#wires].filter(([, { open, toBus, fromBus }]) => open && toBus.length + fromBus.length > 0);
    const [name, wire] = busy[pick % busy.length] ?? [];
    if (!name || !wire) return false;
    const message = wire.toBus.shift();
    if (message) this.#router?.receive(name, this.#epochs.get(name)!, message);
    else wire.listener(wire.fromBus.shift()!);
    return true;
  }

  #wire(name: string): BusPort {
    const before = this.#wires.get(name);
    if (before) before.open = false;
    const wire: Wire = { open: this.#router !== undefined, toBus: [], fromBus: [], listener: () => undefined };
    this.#wires.set(name, wire);
    this.#router?.attach(name, this.#epochs.get(name)!, (message) => wire.fromBus.push(message));
    return {
      postMessage: (message) => {
        if (wire.open) wire.toBus.push(message);
      },
      on: (_, listener) => {
        wire.listener = listener;
      },
      close: () => {
        wire.open = false;
      },
      unref: () => undefined,
    };
  }

  get clock(): Clock {
    return this.#clock;
  }
}

/** A kernel that can die at any moment and comes back from what it saved last. */
export class SimulatedKernel<TState extends object> {
  readonly #name: string;
  readonly #bus: SimulatedBus;
  readonly #behaviour: Behaviour<TState>;
  readonly #work = new AsyncLocalStorage<{ message: KernelMessage; saveRequested: boolean }>();
  #saved: SavedState | undefined;
  #epoch = 0;
  #state: TState;
  #connection: BusConnection | undefined;
  #saveDue = false;

  constructor(name: string, bus: SimulatedBus, behaviour: Behaviour<TState>) {
    this.#name = name;
    this.#bus = bus;
    this.#behaviour = behaviour;
    this.#state = behaviour.initial();
    this.start();
  }

  get state(): TState {
    return this.#state;
  }

  start(): void {
    this.#epoch += 1;
    this.#state = structuredClone((this.#saved?.state as TState | undefined) ?? this.#behaviour.initial());
    this.#saveDue = false;
    const connection: BusConnection = new BusConnection({
      clock: this.#bus.clock,
      owner: this.#name,
      epoch: this.#epoch,
      restored: this.#saved,
      currentMessage: () => this.#work.getStore()?.message,
      deliver: (message) => this.#handle(connection, message),
      requestSave: () => this.#requestSave(),
    });
    this.#connection = connection;
    this.#bus.connect(this.#name, connection);
  }

  die(): void {
    this.#connection = undefined;
    this.#bus.disconnect(this.#name);
  }

  get alive(): boolean {
    return this.#connection !== undefined;
  }

  /** Publishes something of its own accord. */
  publish(topic: string, payload: unknown): Promise<void> {
    return this.#connection!.publish(topic, payload);
  }

  /** The save that is due, if any. Between asking for it and this, the kernel may die. */
  save(): boolean {
    if (!this.#saveDue || !this.#connection) return false;
    this.#saveDue = false;
    const { outbox, handled } = this.#connection.collectForSave();
    const before = this.#saved?.handled ?? [];
    this.#saved = { state: structuredClone(this.#state), outbox, handled: [...before, ...handled] };
    this.#connection.afterSave();
    return true;
  }

  #requestSave(): void {
    const work = this.#work.getStore();
    if (work) work.saveRequested = true;
    this.#saveDue = true;
  }

  #handle(connection: BusConnection, message: KernelMessage): void {
    const work = { message, saveRequested: false };
    this.#work.run(work, () => {
      this.#behaviour.handle(this.#state, message, (topic, payload) => void connection.publish(topic, payload));
      this.#requestSave();
    });
    connection.completed(message, { ok: true, value: null }, work);
  }
}
