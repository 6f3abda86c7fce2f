/**
 * The message bus as its users see it, and the wire between a client and the `message_bus` kernel.
 *
 * A published message is kept by its publisher until every subscriber acknowledged it, and a
 * subscriber acknowledges only what its saved state contains. So the death of any thread, the bus
 * included, loses nothing: what is unacknowledged is sent again and recognised by its id.
 */
import type { ErrorRecord } from './errors.ts';

export interface BusClient {
  /**
   * Sends a message to all subscribers of `topic`.
   *
   * @returns A promise that resolves when every subscriber has acknowledged it. Kernels need not
   * await it: the client keeps the message and sends it again when the bus was replaced.
   */
  publish(topic: string, payload: unknown): Promise<void>;
  /**
   * Asks one kernel and waits for its answer. Sent again when the bus or the kernel was replaced.
   *
   * @param options.timeoutMs - Default 5,000.
   * @throws GRACE_BUS_TIMEOUT when no answer came in time; the error of the kernel when it threw.
   */
  request(kernel: string, payload: unknown, options?: { timeoutMs?: number }): Promise<unknown>;
}

/** What a client posts to the bus. */
export type ToBus =
  | { readonly type: 'publish'; readonly id: string; readonly topic: string; readonly payload: unknown }
  | { readonly type: 'acknowledge'; readonly ids: readonly string[] }
  | { readonly type: 'request'; readonly id: string; readonly to: string; readonly payload: unknown }
  | { readonly type: 'reply'; readonly id: string; readonly to: string; readonly result: BusResult };

/** What the bus posts to a client. */
export type FromBus =
  | {
      readonly type: 'deliver';
      readonly id: string;
      readonly topic: string;
      readonly payload: unknown;
      readonly from: string;
    }
  /** Every subscriber has acknowledged these. */
  | { readonly type: 'settled'; readonly ids: readonly string[] }
  | { readonly type: 'request'; readonly id: string; readonly payload: unknown; readonly from: string }
  | { readonly type: 'reply'; readonly id: string; readonly result: BusResult };

export type BusResult =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: ErrorRecord };

/** Published by the bus about itself. */
export interface BusFigures {
  readonly delivered: number;
  /** Waiting for a subscriber that is not attached. */
  readonly waiting: number;
  /** Held back now, because their topic is sheddable and the host is in emergency mode. */
  readonly heldBack: number;
  /** Held back since the bus started. */
  readonly heldBackTotal: number;
}

/** What the host tells the `message_bus` kernel, as the payload of a `control` message. */
export type BusControl =
  /** Who gets which topic, and which topics are held back in an emergency. Sent first. */
  | {
      readonly kind: 'routes';
      readonly subscribers: Readonly<Record<string, readonly string[]>>;
      readonly sheddable: readonly string[];
    }
  /** A client of this epoch speaks through the port that comes along. Older ones are refused. */
  | { readonly kind: 'attach'; readonly client: string; readonly epoch: number }
  | { readonly kind: 'detach'; readonly client: string; readonly epoch: number }
  | { readonly kind: 'shed'; readonly on: boolean }
  /** Holds back what one client subscribes to. */
  | { readonly kind: 'hold'; readonly client: string; readonly on: boolean };
