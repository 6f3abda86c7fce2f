/** A runtime of production in a simulated world, with a chain of bookkeepers under load. */
import { start as messageBus } from '../bus/message-bus.kernel.ts';
import type { KernelInput } from '../core/child-specs.ts';
import type { AnyMeshEvent, EventPayloads, EventType } from '../core/events.ts';
import { eventTypes } from '../core/events.ts';
import type { KernelModule } from '../core/kernel.ts';
import { createGraceIn, type Grace } from '../grace.ts';
import { start as codingAgent } from '../remediation/coding-agent.kernel.ts';
import { start as selfHealing } from '../remediation/self-healing.kernel.ts';
import type { Fault } from './faults.ts';
import { SimulatedWorld } from './simulated-world.ts';
import type { SimulatedThread } from './simulated-thread.ts';
import { chain, moduleOf, topicOf } from './workload.ts';

export interface Topology {
  /** Bookkeepers in the chain, 1 or more. */
  readonly links: number;
  /** How many of them are critical, beside the three of Grace itself. */
  readonly criticalLinks: number;
}

export const graceCritical = ['message_bus', 'self_healing', 'coding_agent'] as const;

/** What happened, in the order in which it happened. */
export type Happening =
  | { readonly is: 'event'; readonly event: AnyMeshEvent }
  | { readonly is: 'adopted'; readonly kernel: string; readonly epoch: number; readonly atMs: number }
  /** The host ended a thread that serves its kernel and has nothing wrong with it. */
  | { readonly is: 'healthy_ended'; readonly kernel: string; readonly epoch: number; readonly atMs: number };

export interface Acknowledgement { readonly order: number; readonly atMs: number }

export class SimulatedHost {
  readonly world: SimulatedWorld;
  readonly history: Happening[] = [];
  readonly acknowledged: Acknowledgement[] = [];
  readonly critical: readonly string[];
  readonly kernels: readonly string[];
  readonly links: number;
  grace!: Grace;
  published = 0;
  readonly #inputs: readonly KernelInput[];
  readonly #startFails = new Map<string, number>();
  readonly #startsLate = new Map<string, number>();
  #stopping = false;
  readonly #openIncidents = new Set<string>();
  #emergencies = 0;

  constructor(seed: number, { links, criticalLinks }: Topology) {
    const { modules, kernels } = chain(links);
    const own: [string, KernelModule][] = [
      ['message_bus', { start: messageBus }], ['self_healing', { start: selfHealing as never }],
      ['coding_agent', { start: codingAgent as never }],
    ];
    this.links = links;
    this.#inputs = [
      { id: 'message_bus', module: moduleOf('message_bus'), critical: true },
      {
        id: 'self_healing', module: moduleOf('self_healing'), critical: true, dependsOn: ['message_bus'],
        subscribes: ['health.sampled'],
      },
      { id: 'coding_agent', module: moduleOf('coding_agent'), critical: true, dependsOn: ['message_bus'] },
      ...kernels.map((kernel, link) => ({ ...kernel, critical: link < criticalLinks })),
    ];
    this.kernels = this.#inputs.map(({ id }) => id);
    this.critical = this.#inputs.filter(({ critical }) => critical).map(({ id }) => id);
    this.world = new SimulatedWorld(
      seed, new Map([...own.map(([id, module]) => [moduleOf(id), module] as const), ...modules]),
      {
        startOf: (kernel) => this.#startOf(kernel),
        adopted: ({ kernel, epoch }) => this.history.push({ is: 'adopted', kernel, epoch, atMs: this.#now }),
        ended: (thread) => this.#ended(thread),
      },
    );
  }

  /** Boots, and lets time go by until every kernel is ready. */
  async start(quarantine: string): Promise<void> {
    const { time } = this.world;
    this.grace = await createGraceIn(this.world, {
      kernels: this.#inputs, dataDir: '/simulated', logLevel: 'silent', quarantine,
    });
    for (const type of eventTypes) {
      this.grace.on(type, (_: EventPayloads[EventType], event) => this.#onEvent(event as unknown as AnyMeshEvent));
    }
    let ready = false;
    let failure: unknown;
    this.grace.start().then(() => (ready = true), (error: unknown) => (failure = error));
    await time.advanceUntil(() => ready || failure !== undefined, 60_000);
    if (!ready) throw new Error('the host did not start', { cause: failure });
  }

  /** Publishes orders, so many a second, for so long, ms. */
  publishOrders(perSecond: number, forMs: number): void {
    const everyMs = 1_000 / perSecond;
    const untilMs = this.#now + forMs;
    const next = () => {
      this.published += 1;
      const order = this.published;
      void this.grace.bus.publish(topicOf(0), { order }).then(() => {
        this.acknowledged.push({ order, atMs: this.#now });
      });
      if (this.#now + everyMs < untilMs) this.world.host.setTimeout(next, everyMs);
    };
    this.world.host.setTimeout(next, everyMs);
  }

  /** Makes a fault happen now. */
  inject({ kind, kernel, amount }: Fault): void {
    const { host, disk, writer } = this.world;
    if (kernel !== null && kind === 'fails_to_start') this.#startFails.set(kernel, amount);
    if (kernel !== null && kind === 'starts_late') this.#startsLate.set(kernel, amount);
    if (kind === 'host_stands_still') host.standStill(amount);
    if (kind === 'writer_dies') writer?.die();
    if (kind === 'disk_refuses') {
      let left = amount;
      disk.beforeEach = (operation) => {
        if (operation !== 'write' || left <= 0) return;
        left -= 1;
        throw new Error('planted: ENOSPC');
      };
    }
    const thread = kernel === null ? undefined : this.world.threads.serving(kernel);
    if (thread) strike(thread, kind, amount);
  }

  /** What is left of faults that wait for their occasion is taken back. */
  stopFaults(): void {
    this.#startFails.clear();
    this.#startsLate.clear();
    this.world.disk.beforeEach = () => undefined;
  }

  /** No incident is open, no emergency on, every kernel runs and is well, and nothing published is unsettled. */
  isWhole(): boolean {
    return this.grace.kernels().every(({ status }) => status === 'running') && this.unwell().length === 0
      && this.#openIncidents.size === 0 && this.#emergencies === 0
      && this.acknowledged.length === this.published;
  }

  /** Kernels with something wrong that nobody has found or ended yet, whatever their supervisors believe. */
  unwell(): string[] {
    return this.kernels.filter((kernel) => {
      const thread = this.world.threads.serving(kernel);
      return !thread?.ready || thread.ailment !== undefined;
    });
  }

  /** Asks a kernel, and lets time go by until it answers. Undefined when it does not. */
  async ask(kernel: string): Promise<unknown> {
    let answer: unknown;
    let over = false;
    this.grace.call(kernel, { op: 'figures' }, 5_000)
      .then((value) => (answer = value), () => undefined)
      .finally(() => (over = true));
    await this.world.time.advanceUntil(() => over, 10_000);
    return answer;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    let over = false;
    void this.grace.stop().then(() => (over = true));
    await this.world.time.advanceUntil(() => over, 60_000);
  }

  get #now(): number {
    return this.world.time.now();
  }

  #onEvent(event: AnyMeshEvent): void {
    this.history.push({ is: 'event', event });
    if (event.type === 'incident.opened') this.#openIncidents.add(event.payload.incident);
    if (event.type === 'incident.closed' || event.type === 'incident.escalated') {
      this.#openIncidents.delete(event.payload.incident);
    }
    if (event.type === 'emergency.entered') this.#emergencies += 1;
    if (event.type === 'emergency.left') this.#emergencies -= 1;
  }

  #startOf(kernel: string): { ms: number; fails: boolean } {
    const fails = this.#startFails.get(kernel) ?? 0;
    this.#startFails.set(kernel, Math.max(0, fails - 1));
    const lateMs = this.#startsLate.get(kernel);
    this.#startsLate.delete(kernel);
    return { ms: lateMs ?? this.world.random.between(0.1, 3), fails: fails > 0 };
  }

  #ended({ kernel, epoch, ready, mayBeEnded }: SimulatedThread): void {
    if (this.#stopping || !ready || mayBeEnded) return;
    this.history.push({ is: 'healthy_ended', kernel, epoch, atMs: this.#now });
  }
}

function strike(thread: SimulatedThread, kind: Fault['kind'], amount: number): void {
  const error = { name: 'TypeError', message: 'planted: it threw' };
  if (kind === 'kill') thread.kill();
  if (kind === 'throw') thread.die('threw', error);
  if (kind === 'exit') thread.die('exited');
  if (kind === 'hang') thread.hang(Infinity, 'hangs');
  if (kind === 'stuck') thread.getStuck(amount);
  if (kind === 'late') thread.hang(amount, 'late');
  if (kind === 'leak') thread.leak();
}
