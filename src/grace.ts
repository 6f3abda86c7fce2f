/** `createGrace`: a runtime inside this process, made of its parts, started and stopped as a whole. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MessagePort } from 'node:worker_threads';
import { z } from 'zod';
import { BusHub, busKernel } from './bus/bus-hub.ts';
import { BusConnection } from './core/bus-connection.ts';
import type { BusClient } from './core/bus.ts';
import { configIssue } from './core/config-error.ts';
import { parseChildSpecs, type KernelInput } from './core/child-specs.ts';
import { durationPattern, parseDuration } from './core/duration.ts';
import { GraceError, toErrorRecord } from './core/errors.ts';
import { eventTypes, type EventPayloads, type EventType, type MeshEvent } from './core/events.ts';
import type { Mitigation } from './core/diagnosis.ts';
import type { Inspect } from './core/inspection-wire.ts';
import type { ChildSpec, KernelStatus } from './core/kernel.ts';
import type { Log } from './core/ports.ts';
import type { ThreadSource, WorkerView } from './core/threads.ts';
import type { TriggerInput, TriggerRule } from './core/trigger-rule.ts';
import { inspectorPort, type InspectOption } from './inspection/inspect-option.ts';
import type { Inspector } from './inspection/inspector.ts';
import type { HostJournal } from './journal/host-journal.ts';
import { ThreadRegistry } from './kernels/thread-registry.ts';
import { shippedActions, type ActionRegistry } from './playbooks/actions.ts';
import { allActions, type ActionInput } from './playbooks/host-actions.ts';
import { besideShipped, loadPlaybooks, type Answers, type PlaybookLibrary } from './playbooks/library.ts';
import type { LogLevel } from './system/log.ts';
import { createMesh, type Mesh } from './triggers/mesh.ts';
import { ControlPlane } from './wiring/control-plane.ts';
import { HealthFeed } from './wiring/health-feed.ts';
import { IncidentKeeper } from './wiring/incident-keeper.ts';
import { Overlays } from './wiring/overlays.ts';
import { recoveryPorts, remediationWork } from './wiring/recovery.ts';
import { systemWorld } from './wiring/system-world.ts';
import { parseRules } from './wiring/trigger-rules.ts';
import type { World } from './wiring/world.ts';

export interface GraceOptions {
  readonly kernels: readonly KernelInput[];
  /**
   * Folder of playbooks beside the three that ship. Its own win: by their id, and by the event they are `on`.
   */
  readonly playbooks?: string;
  /** Actions by name, for playbooks to use. Default none but those that ship. */
  readonly actions?: Readonly<Record<string, ActionInput>>;
  /** Rules that open an incident when an event meets their condition. Default none. */
  readonly triggers?: readonly TriggerInput[];
  /** Where the journal and the artefacts are kept. Default `.grace`. */
  readonly dataDir?: string;
  /** Topics that the bus holds back in emergency mode. Default none. */
  readonly sheddable?: readonly string[];
  /** How long a kernel that died too often is left alone before it is tried again. Default `30s`. */
  readonly quarantine?: string;
  /** False turns supervisors and playbooks off: what a chaos scenario must fail under. Default true. */
  readonly recovery?: boolean;
  /**
   * Serves the Stately inspector on a port of the loopback interface: `true`, or `port` 0, takes any free
   * one. Whoever can reach it sees the state of every actor. Default false.
   */
  readonly inspect?: InspectOption;
  /** Diagnostics on standard error. Default `warn`. */
  readonly logLevel?: LogLevel;
}

/** A kernel as `grace ps` shows it. */
export interface KernelRow {
  readonly kernel: string;
  readonly status: KernelStatus;
  readonly critical: boolean;
  readonly epoch: number;
  readonly restarts: number;
  readonly threadId: number;
  readonly heapMb: number;
}

export interface ZombieRow {
  /** Its id; `action.<name>` for an action of the host. */
  readonly kernel: string;
  readonly epoch: number;
  readonly threadId: number;
}

/** What `stop` resolves with: the threads that could not be ended. */
export interface Stopped {
  readonly zombies: readonly ZombieRow[];
}

type Listener<T extends EventType> = (payload: EventPayloads[T], event: MeshEvent<T>) => unknown;

export interface Grace {
  /** Where the journal and the artefacts are kept, absolute. */
  readonly dataDir: string;
  /** The host as a client of the message bus. */
  readonly bus: BusClient;
  /** Where viewers of the inspector connect, such as `ws://127.0.0.1:8787`; undefined while it does not serve. */
  readonly inspectorUrl: string | undefined;
  /**
   * Starts all kernels. Resolves when every one is ready.
   *
   * @throws GRACE_KERNEL_START_FAILED, GRACE_KERNEL_START_TIMEOUT, GRACE_KERNEL_MODULE_INVALID,
   * GRACE_JOURNAL_CORRUPT, GRACE_INSPECTOR_UNAVAILABLE, GRACE_RUNTIME_STATE. Nothing half-started stays.
   */
  start(): Promise<void>;
  /** Stops all kernels, syncs the journal. Resolves with the threads that could not be ended. */
  stop(): Promise<Stopped>;
  /**
   * Calls `listener` at each event of a type. Returns how to stop it. Its errors harm nobody.
   *
   * @throws GRACE_CONFIG_INVALID when there is no such event.
   */
  on<T extends EventType>(type: T, listener: Listener<T>): () => void;
  kernels(): readonly KernelRow[];
  /** Asks a kernel to do something, past the bus. @throws GRACE_KERNEL_NOT_RUNNING, or its own error. */
  call(kernel: string, payload: unknown, timeoutMs?: number): Promise<unknown>;
  /** Overlays of the runtime that remediation has put in force: limits, monitors, breakers. */
  mitigations(): readonly Mitigation[];
  /** Takes an overlay out of force again, and journals that. @throws GRACE_MITIGATION_UNKNOWN */
  revertMitigation(id: string, why: string): Mitigation;
  /**
   * Makes another thread a client of the bus: `hand` gets a port now, and at each new bus. The events
   * of the control plane are published on the topic `grace.events` for those who subscribe to it.
   */
  connectBus(name: string, hand: (port: MessagePort) => void, topics?: readonly string[]): () => void;
  /** The Worker of a kernel, for fault injection. Grace is not told what is done to it. */
  unsafeWorker(kernel: string): WorkerView | undefined;
  /** Entries of the journal that are on the disk, after a sync. */
  flushJournal(): Promise<number>;
}

/** How long `stop` waits for threads that do not end, ms. */
const closeDeadlineMs = 3_000;
const callTimeoutMs = 5_000;
const eventsTopic = 'grace.events';

/** The folder of the playbooks that ship, from the source tree and from the package alike. */
export function shippedPlaybooks(): string {
  const here = fileURLToPath(new URL('.', import.meta.url));
  return [join(here, '../playbooks'), join(here, '../../playbooks')].find((dir) => existsSync(dir))!;
}

/**
 * Makes a runtime. Checks everything that can be checked before anything starts.
 *
 * @throws GRACE_CONFIG_INVALID, GRACE_KERNEL_DUPLICATE, GRACE_KERNEL_MODULE_UNKNOWN,
 * GRACE_DEPENDENCY_UNKNOWN, GRACE_DEPENDENCY_CYCLE, GRACE_ACTION_MODULE_INVALID, GRACE_PLAYBOOK_INVALID,
 * GRACE_PLAYBOOK_OVER_SLO.
 * @example
 * const grace = await createGrace({ kernels: [{ id: 'mail', module: new URL('./mail.js', import.meta.url) }] });
 * await grace.start();
 * await grace.stop(); // { zombies: [] }
 */
export function createGrace(options: GraceOptions): Promise<Grace> {
  return createGraceIn(systemWorld, options);
}

/**
 * Makes a runtime in another world than the real one.
 *
 * @internal
 */
export async function createGraceIn(world: World, options: GraceOptions): Promise<Grace> {
  checkShape(options);
  const specs = parseChildSpecs(options.kernels);
  for (const spec of specs) checkModule(world, spec);
  const threads = world.actionThreads();
  const { actions, modules } = allActions(
    options.actions ?? {}, (start, signal) => threads.run(start, signal),
  );
  shipped ??= loadPlaybooks(shippedPlaybooks(), shippedActions);
  const own = options.playbooks === undefined ? new Map() : loadPlaybooks(options.playbooks, actions);
  const playbooks = besideShipped(shipped, own);
  const rules = parseRules(options.triggers ?? [], playbooks.library);
  for (const [module, names] of modules) await threads.check(module, names);
  return new Runtime(world, options, { specs, rules, actions, threads, ...playbooks });
}

/** Read and proven once: what ships does not change. */
let shipped: PlaybookLibrary | undefined;

/** What `createGrace` has checked. */
interface Checked {
  readonly specs: readonly ChildSpec[];
  readonly rules: readonly TriggerRule[];
  readonly library: PlaybookLibrary;
  readonly answers: Answers;
  readonly actions: ActionRegistry;
  readonly threads: ReturnType<World['actionThreads']>;
}

/** One schema for each option, so that none can be forgotten here. What is inside is checked by its owner. */
const optionSchemas = {
  kernels: z.array(z.unknown()),
  playbooks: z.string().optional(),
  actions: z.record(z.string(), z.unknown()).optional(),
  triggers: z.array(z.unknown()).optional(),
  dataDir: z.string().min(1).optional(),
  sheddable: z.array(z.string()).optional(),
  quarantine: z.string().regex(durationPattern, 'a duration such as 30s').optional(),
  inspect: z.union([z.boolean(), z.strictObject({ port: z.number().optional() })]).optional(),
  recovery: z.boolean().optional(),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).optional(),
} satisfies Record<keyof GraceOptions, z.ZodType>;

function checkShape(options: GraceOptions): void {
  const parsed = z.strictObject(optionSchemas).safeParse(options);
  if (!parsed.success) throw configIssue('', options, parsed.error.issues[0]!);
}

class Runtime implements Grace {
  readonly dataDir: string;
  readonly bus: BusClient = {
    publish: (topic, payload) => this.#bus.publish(topic, payload),
    request: (kernel, payload, options) => this.#hold(this.#bus.request(kernel, payload, options)),
  };
  readonly #bus: BusConnection;
  readonly #world: World;
  readonly #threads: ThreadSource;
  readonly #specs: readonly ChildSpec[];
  readonly #log: Log;
  readonly #mesh: Mesh;
  readonly #registry: ThreadRegistry;
  readonly #hub: BusHub;
  readonly #overlays: Overlays;
  readonly #checked: Checked;
  readonly #recovery: boolean;
  readonly #quarantineMs: number;
  readonly #health: HealthFeed;
  readonly #keeper: IncidentKeeper;
  readonly #inspectorPort: number | undefined;
  readonly #ready = new Set<string>();
  #state: 'new' | 'starting' | 'running' | 'stopping' | 'stopped' = 'new';
  #journal: HostJournal | undefined;
  #inspector: Inspector | undefined;
  #controlPlane: ControlPlane | undefined;
  #emergency = false;
  #openIncidents = 0;
  #booted: Promise<void> | undefined;
  #stopped: Promise<Stopped> | undefined;
  #tornDown: Promise<Stopped> | undefined;
  /** A boot that is under way gives up when it is asked to stop. */
  readonly #stopAsked = new AbortController();
  /** What the host waits for now: only that keeps the process alive. */
  readonly #held = new Set<unknown>();
  #alive: NodeJS.Timeout | undefined;

  constructor(world: World, options: GraceOptions, checked: Checked) {
    const { specs } = checked;
    const { clock } = world;
    this.#world = world;
    this.#mesh = createMesh(clock, world.random);
    this.dataDir = resolve(options.dataDir ?? '.grace');
    this.#specs = specs;
    this.#checked = checked;
    this.#recovery = options.recovery ?? true;
    this.#quarantineMs = parseDuration(options.quarantine ?? '30s');
    this.#inspectorPort = inspectorPort(options.inspect);
    this.#log = world.newLog(options.logLevel ?? 'warn');
    this.#threads = world.kernelThreads(specs.length, this.#log);
    this.#hub = new BusHub(specs, options.sheddable ?? [], {
      channel: () => this.#threads.channel(),
      control: (payload, ports) => this.#registry.post(busKernel, { type: 'control', payload, ports }, ports),
      handPort: (kernel, port) => this.#registry.post(kernel, { type: 'bus', port }, [port]),
    });
    this.#registry = new ThreadRegistry(specs, {
      clock,
      log: this.#log,
      threads: this.#threads,
      inspect: this.#inspectorPort !== undefined,
      connectBus: (kernel, epoch) => this.#hub.connectKernel(kernel, epoch),
      onReady: (kernel) => {
        if (kernel === busKernel) this.#hub.busReady();
      },
      onOver: (kernel, epoch) => {
        if (kernel === busKernel) this.#hub.busOver();
        this.#hub.kernelOver(kernel, epoch);
        this.#inspector?.threadOver(kernel, epoch);
      },
      onWarning: (kernel, epoch, { name, message }) => {
        const payload = { kernel, epoch, critical: false, warning: `${name}: ${message}` };
        this.#mesh.publish({ type: 'kernel.warned', source: `kernel.${kernel}`, payload });
      },
      onZombie: (kernel, epoch, threadId) => {
        const payload = { kernel, epoch, critical: false, threadId };
        this.#mesh.publish({ type: 'kernel.zombie', source: 'registry', payload });
      },
      onInspected: (kernel, epoch, message, dropped) =>
        this.#inspector?.fromThread(kernel, epoch, message, dropped),
      onAmnesty: (lateMs) => {
        this.#mesh.publish({ type: 'monitor.amnesty_granted', source: 'monitor', payload: { lateMs } });
      },
      onFull: (kernel, full) => this.#overlays.onFull(kernel, full),
    });
    this.#overlays = new Overlays({ clock, specs, registry: this.#registry, hub: this.#hub });
    this.#bus = new BusConnection({
      clock, owner: 'host', epoch: 1,
      currentMessage: () => undefined,
      deliver: (message) => this.#onProposal(message),
      requestSave: () => undefined,
    });
    // What self_healing proposes is for the host to decide.
    this.#hub.connectClient('host', (port) => this.#bus.attach(port), ['healing.proposed']);
    this.#health = new HealthFeed({
      clock, registry: this.#registry, bus: this.#bus, specs,
      isWanted: (topic) => this.#hub.hasSubscribers(topic),
    });
    this.#keeper = new IncidentKeeper(
      join(this.dataDir, 'incidents'), this.#mesh,
      { dump: () => this.#dump(), resources: () => this.#resources() },
      { clock, log: this.#log, writeArtefacts: world.writeArtefacts },
    );
    this.#subscribe();
  }

  get inspectorUrl(): string | undefined {
    return this.#inspector?.url;
  }

  async start(): Promise<void> {
    if (this.#state !== 'new') throw wrongState('start', this.#state);
    this.#state = 'starting';
    this.#booted = this.#boot(this.#stopAsked.signal);
    await this.#hold(this.#booted);
  }

  stop(): Promise<Stopped> {
    if (this.#state === 'new') this.#state = 'stopped';
    if (!this.#booted) return Promise.resolve({ zombies: [] });
    this.#stopped ??= this.#hold(this.#stop(this.#booted));
    return this.#stopped;
  }

  on<T extends EventType>(type: T, listener: Listener<T>): () => void {
    if (!eventTypes.includes(type)) {
      throw new GraceError(
        'GRACE_CONFIG_INVALID', `There is no event "${type}". There are: ${eventTypes.join(', ')}.`,
        { details: { type } },
      );
    }
    return this.#mesh.subscribe([type], (event) => {
      const result = listener(event.payload as EventPayloads[T], event as unknown as MeshEvent<T>);
      if (result instanceof Promise) result.catch((error: unknown) => this.#onListenerError(type, error));
    });
  }

  kernels(): KernelRow[] {
    const statuses = new Map(this.#controlPlane?.statuses().map((row) => [row.kernel, row.status]));
    return this.#registry.figures().map(({ kernel, epoch, threadId, heapUsedKb }) => ({
      kernel,
      status: statuses.get(kernel) ?? 'down',
      critical: this.#specs.some(({ id, critical }) => id === kernel && critical),
      epoch,
      restarts: Math.max(0, epoch - 1),
      threadId,
      heapMb: Number((heapUsedKb / 1_024).toFixed(1)),
    }));
  }

  call(kernel: string, payload: unknown, timeoutMs = callTimeoutMs): Promise<unknown> {
    return this.#hold(this.#registry.call(kernel, payload, timeoutMs));
  }

  connectBus(
    name: string, hand: (port: MessagePort) => void, topics: readonly string[] = [],
  ): () => void {
    this.#hub.connectClient(name, hand, topics);
    return () => this.#hub.disconnectClient(name);
  }

  mitigations(): readonly Mitigation[] {
    return this.#overlays.active();
  }

  revertMitigation(id: string, why: string): Mitigation {
    const mitigation = this.#overlays.revert(id);
    if (!mitigation) {
      throw new GraceError(
        'GRACE_MITIGATION_UNKNOWN',
        `There is no mitigation "${id}" in force. In force: ` +
          `${this.mitigations().map((one) => one.id).join(', ') || 'none'}.`,
        { details: { id } },
      );
    }
    const payload = { incident: mitigation.incident, mitigation, why };
    this.#mesh.publish({
      type: 'mitigation.reverted', source: 'host', correlationId: mitigation.incident, payload,
    });
    return mitigation;
  }

  unsafeWorker(kernel: string): WorkerView | undefined {
    return this.#registry.worker(kernel);
  }

  async flushJournal(): Promise<number> {
    await this.#journal?.flush();
    return this.#journal?.synced ?? 0;
  }

  async #boot(stopAsked: AbortSignal): Promise<void> {
    try {
      this.#inspector = await this.#openInspector();
      const opening = this.#world.lockJournal(join(this.dataDir, 'journal'), this.#log).open();
      // Modules are loaded while the journal is read; nothing is started before it is found whole.
      this.#registry.preload();
      const journal = await opening;
      this.#journal = journal;
      stopAsked.throwIfAborted();
      this.#controlPlane = this.#newControlPlane(journal, this.#inspector?.inspect);
      await this.#allReady(this.#controlPlane, stopAsked);
      this.#registry.replenish();
      this.#health.start();
      this.#state = 'running';
      const payload = { kernels: this.#specs.length, pid: process.pid };
      this.#mesh.publish({ type: 'host.started', source: 'host', payload });
    } catch (error) {
      await this.#tearDown();
      this.#state = 'stopped';
      throw error;
    }
  }

  /** What serves viewers is only loaded when it is on. */
  async #openInspector(): Promise<Inspector | undefined> {
    if (this.#inspectorPort === undefined) return undefined;
    const { Inspector } = await import('./inspection/inspector.ts');
    return Inspector.open(this.#inspectorPort, this.#world.clock, this.#log);
  }

  async #stop(booted: Promise<void>): Promise<Stopped> {
    this.#state = 'stopping';
    this.#stopAsked.abort(wrongState('start', 'stopping'));
    await booted.catch(() => undefined);
    const stopped = await this.#tearDown();
    this.#state = 'stopped';
    return stopped;
  }

  /** Kernels first, then what they may still write to. */
  #tearDown(): Promise<Stopped> {
    this.#tornDown ??= (async () => {
      this.#health.stop();
      await this.#controlPlane?.stop();
      const stuck = await Promise.all([
        this.#registry.close(closeDeadlineMs), this.#checked.threads.close(closeDeadlineMs),
      ]);
      const zombies = stuck.flat();
      await this.#inspector?.close();
      this.#inspector = undefined;
      this.#mesh.publish({ type: 'host.stopping', source: 'host', payload: { zombies: zombies.length } });
      this.#bus.close();
      await this.#keeper.settled();
      await this.#journal?.close();
      return { zombies };
    })();
    return this.#tornDown;
  }

  /** Every handle of ours lets the process end; while somebody waits for an answer, it must not. */
  async #hold<T>(answer: Promise<T>): Promise<T> {
    this.#held.add(answer);
    this.#alive ??= setInterval(() => undefined, 60_000);
    try {
      return await answer;
    } finally {
      this.#held.delete(answer);
      if (this.#held.size === 0) {
        clearInterval(this.#alive);
        this.#alive = undefined;
      }
    }
  }

  #newControlPlane(journal: HostJournal, inspect: Inspect | undefined): ControlPlane {
    const { clock } = this.#world;
    const recovery = {
      specs: this.#specs, clock, mesh: this.#mesh, journal, registry: this.#registry,
      overlays: this.#overlays, controlPlane: () => this.#controlPlane!,
    };
    const { library, answers, actions, rules } = this.#checked;
    const playbooks = [...library.values()].map(({ playbook }) => playbook);
    return new ControlPlane({
      specs: this.#specs, clock, log: this.#log, mesh: this.#mesh, registry: this.#registry,
      library, answers, actions, rules, recovery: this.#recovery, quarantineMs: this.#quarantineMs,
      inspect,
      ports: recoveryPorts(recovery),
      remediation: remediationWork(recovery),
      incidents: {
        watchMs: 2_000, remediationMs: 60_000,
        slos: Object.fromEntries(playbooks.map(({ id, sloMs }) => [id, sloMs])),
        cooldowns: Object.fromEntries(playbooks.map(({ id, cooldownMs }) => [id, cooldownMs])),
        inputs: { kernels_min: Math.ceil(this.#specs.length * 0.9) },
      },
    });
  }

  /** Starts the control plane, and waits until every kernel has said ready or one cannot. */
  #allReady(controlPlane: ControlPlane, stopAsked: AbortSignal): Promise<void> {
    return new Promise((resolveReady, reject) => {
      stopAsked.addEventListener('abort', () => reject(stopAsked.reason), { once: true });
      const unsubscribe = this.#mesh.subscribe(['kernel.ready', 'host.unrecoverable'], (event) => {
        if (event.type === 'host.unrecoverable') {
          unsubscribe();
          reject(startFailure(event.payload));
        } else if (event.type === 'kernel.ready') {
          this.#ready.add(event.payload.kernel);
          if (this.#ready.size < this.#specs.length) return;
          unsubscribe();
          resolveReady();
        }
      });
      controlPlane.start();
      if (this.#specs.length === 0) {
        unsubscribe();
        resolveReady();
      }
    });
  }

  #subscribe(): void {
    this.#mesh.subscribe('*', (event) => {
      const { id, type, source, correlationId, causationId, depth, atMs, wallMs, payload } = event;
      const data = { id, causationId, depth, payload };
      this.#journal?.append({ type, actor: source, incident: correlationId, data, atMs, wallMs });
    });
    this.#mesh.subscribe('*', (event) => {
      if (this.#hub.hasSubscribers(eventsTopic)) void this.#bus.publish(eventsTopic, event);
    });
    this.#mesh.subscribe(['emergency.entered', 'emergency.left'], (event) => {
      this.#emergency = event.type === 'emergency.entered';
      this.#hub.shed(this.#emergency);
    });
    this.#mesh.subscribe(
      ['incident.opened', 'incident.closed', 'incident.escalated', 'kernel.ready'],
      (event) => {
        if (event.type === 'incident.opened') this.#openIncidents += 1;
        else if (event.type !== 'kernel.ready') this.#openIncidents -= 1;
        // New standbys compete with a recovery for the cores: they wait until it is over.
        if (this.#openIncidents === 0 && this.#state === 'running') this.#registry.replenish();
      },
    );
  }

  /** What self_healing proposes. It is said and journalled; nothing is restarted on a forecast. */
  #onProposal(message: Parameters<BusConnection['completed']>[0]): void {
    const { kernel, why } = message.payload as { kernel: string; why: string };
    const payload = { kernel, epoch: 0, critical: false, warning: why };
    this.#mesh.publish({ type: 'kernel.warned', source: 'kernel.self_healing', payload });
    this.#bus.completed(message, { ok: true, value: null }, { saveRequested: false });
  }

  #onListenerError(event: string, error: unknown): void {
    const payload = { event, error: toErrorRecord(error).message };
    this.#mesh.publish({ type: 'listener.failed', source: 'host', payload });
  }

  #dump() {
    const rows = this.#controlPlane?.statuses() ?? [];
    return {
      system_state: this.#emergency ? ('emergency' as const) : ('normal' as const),
      kernel_states: Object.fromEntries(rows.map(({ kernel, status, critical }) => [
        kernel, { status, critical },
      ])),
      restart_counts: Object.fromEntries(rows.map(({ kernel }) => [
        kernel, this.#controlPlane?.restarts(kernel) ?? 0,
      ])),
    };
  }

  #resources() {
    const { rss, heapUsed } = this.#world.memoryUsage();
    return {
      rssMb: Number((rss / 1_048_576).toFixed(1)),
      hostHeapMb: Number((heapUsed / 1_048_576).toFixed(1)),
      kernelHeapMb: Object.fromEntries(this.#registry.figures().map(({ kernel, heapUsedKb }) => [
        kernel, Number((heapUsedKb / 1_024).toFixed(1)),
      ])),
    };
  }
}

function checkModule(world: World, { id, module }: ChildSpec): void {
  if (world.hasModule(module)) return;
  const isFile = module.startsWith('file:');
  throw new GraceError(
    'GRACE_KERNEL_MODULE_UNKNOWN',
    `The module of kernel "${id}" ${isFile ? 'does not exist' : 'is not a file: URL'}: ${module}. ` +
      "Write it as new URL('./kernel.js', import.meta.url).",
    { details: { kernel: id, module } },
  );
}

function startFailure({ reason, error }: EventPayloads['host.unrecoverable']): GraceError {
  const code = error?.code?.startsWith('GRACE_KERNEL') ? error.code : 'GRACE_KERNEL_START_FAILED';
  return new GraceError(code as 'GRACE_KERNEL_START_FAILED', `${reason} Nothing was left running.`, {
    details: { error },
  });
}

const wrongState = (asked: string, state: string) => new GraceError(
  'GRACE_RUNTIME_STATE',
  `This runtime cannot ${asked}: it is ${state}. Make another one with createGrace.`,
  { details: { state } },
);
