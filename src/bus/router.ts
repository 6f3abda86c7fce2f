/**
 * Who gets which message: the heart of the `message_bus` kernel, without threads. It holds what is
 * not acknowledged yet; a fresh router starts empty, and publishers fill it again.
 */
import type { BusFigures, FromBus, ToBus } from '../core/bus.ts';

type Send = (message: FromBus) => void;

interface Held {
  readonly topic: string;
  readonly payload: unknown;
  readonly from: string;
  /** Subscribers that have not acknowledged it. */
  readonly pending: Set<string>;
}

interface Asked {
  readonly to: string;
  readonly from: string;
  readonly payload: unknown;
}

/** Messages held at most. Beyond it the bus takes none: publishers keep theirs and send again. */
export const backlogMax = 100_000;
const askedMax = 10_000;

export class Router {
  readonly #clients = new Map<string, { readonly epoch: number; readonly send: Send }>();
  readonly #held = new Map<string, Held>();
  /** Ids of held messages per subscriber, oldest first. */
  readonly #due = new Map<string, Set<string>>();
  readonly #asked = new Map<string, Asked>();
  /** Settled in this turn, per publisher. */
  readonly #settled = new Map<string, string[]>();
  readonly #answerSelf: (payload: unknown) => unknown;
  readonly #name: string;
  #subscribers: Readonly<Record<string, readonly string[]>> = {};
  #sheddable: ReadonlySet<string> = new Set();
  #shedding = false;
  readonly #holding = new Set<string>();
  #delivered = 0;
  #heldBackTotal = 0;

  /** @param answerSelf - Answers requests to the bus itself, which is called `name`. */
  constructor(name: string, answerSelf: (payload: unknown) => unknown) {
    this.#name = name;
    this.#answerSelf = answerSelf;
  }

  route(subscribers: Readonly<Record<string, readonly string[]>>, sheddable: readonly string[]): void {
    this.#subscribers = subscribers;
    this.#sheddable = new Set(sheddable);
  }

  /** A client speaks with this epoch from now on. Everything it has not acknowledged comes again. */
  attach(client: string, epoch: number, send: Send): void {
    if ((this.#clients.get(client)?.epoch ?? 0) > epoch) return;
    this.#clients.set(client, { epoch, send });
    for (const id of this.#due.get(client) ?? []) this.#deliver(id, client);
    for (const [id, { to, from, payload }] of this.#asked) {
      if (to === client) send({ type: 'request', id, payload, from });
    }
  }

  detach(client: string, epoch: number): void {
    if (this.#clients.get(client)?.epoch === epoch) this.#clients.delete(client);
  }

  /** Takes what a client sent. An older epoch than the attached one is refused. */
  receive(client: string, epoch: number, message: ToBus): void {
    if (this.#clients.get(client)?.epoch !== epoch) return;
    switch (message.type) {
      case 'publish':
        this.#publish(client, message);
        break;
      case 'acknowledge':
        for (const id of message.ids) this.#acknowledge(client, id);
        break;
      case 'request':
        this.#request(client, message);
        break;
      case 'reply':
        this.#asked.delete(message.id);
        this.#send(message.to, { type: 'reply', id: message.id, result: message.result });
        break;
    }
  }

  /** Holds sheddable topics back, or delivers what was held back. */
  shed(on: boolean): void {
    this.#shedding = on;
    if (on) return;
    for (const [id, { topic, pending }] of this.#held) {
      if (!this.#sheddable.has(topic)) continue;
      for (const subscriber of pending) this.#deliver(id, subscriber);
    }
  }

  /** Holds one subscriber's messages back, or delivers what was held back. Requests still pass. */
  hold(client: string, on: boolean): void {
    if (on) {
      this.#holding.add(client);
    } else if (this.#holding.delete(client)) {
      for (const id of this.#due.get(client) ?? []) this.#deliver(id, client);
    }
  }

  figures(): BusFigures {
    let waiting = 0;
    let heldBack = 0;
    for (const { topic, pending } of this.#held.values()) {
      if (this.#isHeldBack(topic)) heldBack += 1;
      for (const subscriber of pending) if (!this.#clients.has(subscriber)) waiting += 1;
    }
    return { delivered: this.#delivered, waiting, heldBack, heldBackTotal: this.#heldBackTotal };
  }

  #publish(from: string, { id, topic, payload }: Extract<ToBus, { type: 'publish' }>): void {
    if (this.#held.has(id) || this.#held.size >= backlogMax) return;
    const subscribers = this.#subscribers[topic] ?? [];
    if (subscribers.length === 0) {
      this.#settle(from, id);
      return;
    }
    this.#held.set(id, { topic, payload, from, pending: new Set(subscribers) });
    if (this.#isHeldBack(topic)) this.#heldBackTotal += 1;
    for (const subscriber of subscribers) {
      const due = this.#due.get(subscriber) ?? new Set();
      this.#due.set(subscriber, due.add(id));
      this.#deliver(id, subscriber);
    }
  }

  #deliver(id: string, subscriber: string): void {
    const held = this.#held.get(id);
    if (!held || this.#isHeldBack(held.topic) || this.#holding.has(subscriber)) return;
    if (!this.#clients.has(subscriber)) return;
    const { topic, payload, from } = held;
    this.#delivered += 1;
    this.#send(subscriber, { type: 'deliver', id, topic, payload, from });
  }

  #acknowledge(subscriber: string, id: string): void {
    const held = this.#held.get(id);
    if (!held?.pending.delete(subscriber)) return;
    this.#due.get(subscriber)?.delete(id);
    if (held.pending.size > 0) return;
    this.#held.delete(id);
    this.#settle(held.from, id);
  }

  #request(from: string, { id, to, payload }: Extract<ToBus, { type: 'request' }>): void {
    if (to === this.#name) {
      this.#send(from, { type: 'reply', id, result: { ok: true, value: this.#answerSelf(payload) } });
      return;
    }
    this.#asked.set(id, { to, from, payload });
    if (this.#asked.size > askedMax) {
      const [oldest] = this.#asked.keys();
      this.#asked.delete(oldest!);
    }
    this.#send(to, { type: 'request', id, payload, from });
  }

  /** The settled messages of one turn go in one message to each publisher. */
  #settle(publisher: string, id: string): void {
    if (this.#settled.size === 0) queueMicrotask(() => this.#sendSettled());
    const ids = this.#settled.get(publisher) ?? [];
    this.#settled.set(publisher, ids);
    ids.push(id);
  }

  #sendSettled(): void {
    for (const [publisher, ids] of this.#settled) this.#send(publisher, { type: 'settled', ids });
    this.#settled.clear();
  }

  #isHeldBack(topic: string): boolean {
    return this.#shedding && this.#sheddable.has(topic);
  }

  #send(client: string, message: FromBus): void {
    this.#clients.get(client)?.send(message);
  }
}
