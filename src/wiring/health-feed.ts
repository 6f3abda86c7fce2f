/** Once a second: how every kernel is, over the bus to who watches trends. */
import type { BusConnection } from '../core/bus-connection.ts';
import type { ChildSpec } from '../core/kernel.ts';
import type { Clock, TimerId } from '../core/ports.ts';
import type { ThreadRegistry } from '../kernels/thread-registry.ts';
import type { HealthSample } from '../remediation/trend.ts';

const topic = 'health.sampled';
const everyMs = 1_000;
/** When this many samples wait for the bus, no more are sent: they would be stale. */
const unsettledMax = 5;

export class HealthFeed {
  readonly #clock: Clock;
  readonly #registry: ThreadRegistry;
  readonly #bus: BusConnection;
  readonly #limitsKb: ReadonlyMap<string, number>;
  readonly #isWanted: () => boolean;
  #timer: TimerId;

  constructor(parts: {
    clock: Clock; registry: ThreadRegistry; bus: BusConnection; specs: readonly ChildSpec[];
    /** Whether somebody subscribes to the topic: the bus is not woken for nobody. */
    isWanted: (topic: string) => boolean;
  }) {
    this.#isWanted = () => parts.isWanted(topic);
    this.#clock = parts.clock;
    this.#registry = parts.registry;
    this.#bus = parts.bus;
    this.#limitsKb = new Map(parts.specs.map(({ id, limits }) => [id, limits.heapMb * 1_024]));
  }

  start(): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#sample();
      this.start();
    }, everyMs);
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  #sample(): void {
    if (!this.#isWanted() || this.#bus.unsettled > unsettledMax) return;
    const atMs = this.#clock.now();
    const figures = this.#registry.figures().filter(({ alive }) => alive);
    const samples = figures.map(({ kernel, heapUsedKb, accepted, completed }): HealthSample => ({
      kernel, atMs, heapUsedKb, accepted, completed, heapLimitKb: this.#limitsKb.get(kernel) ?? 0,
    }));
    void this.#bus.publish(topic, samples);
  }
}
