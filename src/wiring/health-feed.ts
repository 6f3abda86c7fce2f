/** Once a second: how every kernel is, over the bus to who watches trends, and past active monitors. */
import type { BusConnection } from '../core/bus-connection.ts';
import type { ChildSpec } from '../core/kernel.ts';
import type { Clock, TimerId } from '../core/ports.ts';
import type { ThreadRegistry } from '../kernels/thread-registry.ts';
import type { MitigationBook } from '../remediation/mitigations.ts';
import type { HealthSample } from '../remediation/trend.ts';
import type { Mesh } from '../triggers/mesh.ts';

const everyMs = 1_000;
/** The same warning is repeated after this long, ms. */
const quietMs = 30_000;
/** When this many samples wait for the bus, no more are sent: they would be stale. */
const unsettledMax = 5;

export class HealthFeed {
  readonly #clock: Clock;
  readonly #registry: ThreadRegistry;
  readonly #mitigations: MitigationBook;
  readonly #mesh: Mesh;
  readonly #bus: BusConnection;
  readonly #limitsKb: ReadonlyMap<string, number>;
  readonly #warnedAtMs = new Map<string, number>();
  #timer: TimerId;

  constructor(parts: {
    clock: Clock; registry: ThreadRegistry; mitigations: MitigationBook; mesh: Mesh; bus: BusConnection;
    specs: readonly ChildSpec[];
  }) {
    this.#clock = parts.clock;
    this.#registry = parts.registry;
    this.#mitigations = parts.mitigations;
    this.#mesh = parts.mesh;
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
    const atMs = this.#clock.now();
    const figures = this.#registry.figures().filter(({ alive }) => alive);
    for (const { kernel, why } of this.#mitigations.warnings(figures)) this.#warn(kernel, why, atMs);
    if (this.#bus.unsettled > unsettledMax) return;
    const samples = figures.map(({ kernel, heapUsedKb, accepted, completed }): HealthSample => ({
      kernel, atMs, heapUsedKb, accepted, completed, heapLimitKb: this.#limitsKb.get(kernel) ?? 0,
    }));
    void this.#bus.publish('health.sampled', samples);
  }

  #warn(kernel: string, warning: string, atMs: number): void {
    if (atMs - (this.#warnedAtMs.get(kernel) ?? -Infinity) < quietMs) return;
    this.#warnedAtMs.set(kernel, atMs);
    const payload = { kernel, epoch: this.#registry.runningEpoch(kernel) ?? 0, critical: false, warning };
    this.#mesh.publish({ type: 'kernel.warned', source: 'monitor', payload });
  }
}
