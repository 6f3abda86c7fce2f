/**
 * What every scenario plays on: the reference host under load, an observer outside the control plane,
 * and what is found in the end. The verdict rests on what the observer saw.
 */
import { join } from 'node:path';
import {
  createGrace, openJournalFolder, type Diagnosis, type EventType, type Grace, type GraceOptions,
  type KernelInput, type StepEnd,
} from '../index.ts';
import { referenceHost } from '../reference-host/index.ts';
import { inject, type Cause, type Injected } from './faults.ts';
import { narrate } from './narrate.ts';
import { Observer } from './observer.ts';
import type { Check, ScenarioReport } from './report.ts';
import { sabotaged } from './sabotage.ts';

export interface ScenarioOptions {
  readonly dataDir: string;
  /** False: supervisor and playbooks off. The scenario must fail then. */
  readonly recovery: boolean;
  /** Called with what happens, as it happens. */
  readonly onProgress?: (line: string) => void;
  /** Serves the Stately inspector meanwhile. */
  readonly inspect?: GraceOptions['inspect'];
  /** Called with where the inspector serves, when it does. */
  readonly onInspector?: (url: string) => void;
}

export interface StageOptions extends ScenarioOptions {
  readonly scenario: string;
  readonly cause: Cause;
  readonly detector?: Detector;
  /** Kernels that will fail. */
  readonly victims: readonly string[];
  /** After their first fault the victims fail again after each start, so many times. */
  readonly crashes?: { readonly times: number; readonly afterMs: number };
  readonly host?: Partial<GraceOptions>;
}

/** `watchdog`: no trigger and no playbook, only liveness and the supervisor. */
export type Detector = 'heartbeat' | 'watchdog';

interface Seen { readonly type: string; readonly atMs: number; readonly payload: unknown }
export type Facts = Omit<ScenarioReport, 'checks' | 'passed'>;

const ordersPerSecond = 200;
const requestsBefore = 100;
/** Load goes on for this long after the recovery: what comes later must be handled too, ms. */
const loadAfterMs = 300;
/** Without recovery nothing will happen: no need to wait for the SLO. */
const controlWaitMs = 3_000;
const requestTimeoutMs = 10_000;

export class Stage {
  readonly grace: Grace;
  readonly victims: readonly string[];
  readonly #options: StageOptions;
  readonly #observer = new Observer();
  readonly #effects: ReadonlyMap<string, Int32Array>;
  readonly #say: (line: string) => void;
  #before: ReadonlyMap<string, number> = new Map();
  #timed: readonly Injected[] = [];
  #timings: ScenarioReport['timings'] | undefined;
  #steps: ScenarioReport['steps'] | undefined;

  private constructor(grace: Grace, options: StageOptions, effects: ReadonlyMap<string, Int32Array>) {
    this.grace = grace;
    this.victims = options.victims;
    this.#options = options;
    this.#effects = effects;
    this.#say = options.onProgress ?? (() => undefined);
  }

  /** Boots the host with faults in its victims, begins the load, plays, and takes everything down again. */
  static async play(
    options: StageOptions, play: (stage: Stage) => Promise<ScenarioReport>,
  ): Promise<ScenarioReport> {
    const { kernels, ...rest } = referenceHost(options.dataDir);
    const effects = new Map<string, Int32Array>();
    const cast = kernels.map((kernel): KernelInput => {
      const role = options.detector === 'watchdog' ? watchedOnly(kernel) : kernel;
      if (!options.victims.includes(kernel.id)) return role;
      const victim = sabotaged(role, options.crashes);
      effects.set(kernel.id, victim.effects);
      return victim.kernel;
    });
    const grace = await createGrace({
      ...rest, ...options.host, kernels: cast, recovery: options.recovery, inspect: options.inspect ?? false,
      logLevel: 'error',
    });
    const stage = new Stage(grace, options, effects);
    try {
      await stage.#open();
      return await play(stage);
    } finally {
      await stage.#observer.close();
      await grace.stop();
    }
  }

  get events(): readonly Seen[] {
    return this.#observer.events;
  }

  /** Whether each of these kernels answered a question that was asked after its fault took effect. */
  served(kernels: readonly string[] = this.victims): boolean {
    return kernels.every((kernel) => this.#observer.serving.has(kernel));
  }

  count(...types: readonly EventType[]): number {
    return this.events.filter(({ type }) => (types as readonly string[]).includes(type)).length;
  }

  has(...types: readonly EventType[]): boolean {
    return this.count(...types) > 0;
  }

  say(line: string): void {
    this.#say(line);
  }

  /** Makes kernels fail, and has the observer look for when they serve again. */
  async fail(
    kernels: readonly string[], cause: Cause = this.#options.cause, inWork?: string,
  ): Promise<readonly Injected[]> {
    this.#say(`${cause}: ${kernels.join(', ')}${inWork ? ` in the next work with a ${inWork}` : ''}`);
    this.#observer.watch(kernels);
    const injected = await inject(this.grace, kernels, cause, this.#effects, ({ kernel, effectAtMs }) =>
      this.#observer.exited(kernel, effectAtMs!), inWork);
    return injected;
  }

  /** Takes times and steps of these faults' recovery, as they are now. The report will have them. */
  time(injected: readonly Injected[], fixVerifiedMs: number | null = null): void {
    this.#timed = injected;
    this.#timings = { ...this.#timings ?? this.#timesOf(injected), fixVerifiedMs };
    this.#steps ??= this.#stepsDone();
  }

  /** Waits until the observer's picture satisfies `holds`, at most so long; shorter without recovery. */
  until(holds: () => boolean, waitMs: number): Promise<boolean> {
    return this.#observer.until(holds, this.#options.recovery ? waitMs : Math.min(waitMs, controlWaitMs));
  }

  /** Ends the load, checks books and journal, and says what was found. */
  async finish(checksOf: (facts: Facts) => readonly Check[]): Promise<ScenarioReport> {
    await pause(loadAfterMs);
    const timed = this.#timed;
    this.#say('checking the books');
    const { recovery, dataDir, scenario, cause, detector = 'heartbeat' } = this.#options;
    const kernels = [...this.#before.keys()];
    const finished = await this.#observer.finish(kernels, recovery ? 20_000 : 3_000);
    const after = this.grace.kernels();
    const mitigations = this.grace.mitigations();
    await this.grace.stop();
    const journal = openJournalFolder(dataDir).verify();
    const { diagnosis } = (this.#last('diagnosis.completed')?.payload ?? {}) as { diagnosis?: Diagnosis };
    const opened = this.events.find(({ type }) => type === 'incident.opened');
    const incident = (opened?.payload as { incident: string } | undefined)?.incident ?? null;
    const effectProven = timed.length > 0 && timed.every(({ effectAtMs }) => effectAtMs !== undefined)
      && new Set(timed.map(({ threadId }) => threadId)).size === timed.length;
    const facts: Facts = {
      scenario, cause, detector, recovery, effectProven,
      timings: this.#timings ?? this.#timesOf(timed),
      collateralRestarts: after
        .filter(({ kernel }) => !this.victims.includes(kernel))
        .reduce((sum, { kernel, epoch }) => sum + epoch - this.#before.get(kernel)!, 0),
      restarts: Object.fromEntries(this.victims.map((kernel) =>
        [kernel, (after.find((row) => row.kernel === kernel)?.epoch ?? 0) - this.#before.get(kernel)!])),
      kernelsRunning: finished.running.length,
      kernelsTotal: kernels.length,
      criticalRecovered: this.victims.filter((kernel) => finished.running.includes(kernel)).length,
      clientRequests: {
        ok: finished.load.ok, failed: finished.load.failed, waitedMaxMs: finished.load.waitedMaxMs,
      },
      steps: this.#steps ?? this.#stepsDone(),
      journal: { verified: journal.ok, entries: journal.entries },
      invariants: {
        balanced: finished.books.balanced, acknowledged: finished.load.acknowledged,
        handled: finished.books.handled, problems: finished.books.problems,
      },
      diagnosis: diagnosis
        ? {
            category: diagnosis.category, subcause: diagnosis.subcause, confidence: diagnosis.confidence,
            evidence: diagnosis.evidence, rootCause: diagnosis.rootCause,
          }
        : null,
      mitigations: mitigations.map(({ kind, kernel }) => `${kind} of ${kernel}`),
      incident,
      artefacts: incident ? join(dataDir, 'incidents', incident) : null,
    };
    const checks = [...commonChecks(facts), ...checksOf(facts)];
    return { ...facts, checks, passed: checks.every(({ ok }) => ok) };
  }

  async #open(): Promise<void> {
    this.#say('booting the reference host: 20 kernels');
    await this.grace.start();
    if (this.grace.inspectorUrl) this.#options.onInspector?.(this.grace.inspectorUrl);
    this.grace.connectBus('observer', (port) => this.#observer.hand(port), ['grace.events']);
    this.#say(`load: ${ordersPerSecond} orders a second`);
    const timeoutMs = this.#options.recovery ? requestTimeoutMs : controlWaitMs;
    await this.#observer.begin(ordersPerSecond, requestsBefore, timeoutMs);
    this.#before = new Map(this.grace.kernels().map(({ kernel, epoch }) => [kernel, epoch]));
    narrate(this.grace, this.#say);
  }

  /**
   * From the injection, ms. A leak takes effect when it ends the thread, each at its own time: there the
   * first effect is where detection counts from, the last one where the recovery does.
   */
  #timesOf(timed: readonly Injected[]): ScenarioReport['timings'] {
    const injectedAtMs = timed[0]?.atMs ?? 0;
    const effects = timed.map(({ effectAtMs }) => effectAtMs ?? Infinity);
    const isLeak = this.#options.cause === 'leak';
    const first = isLeak ? Math.min(...effects) : injectedAtMs;
    const last = isLeak ? Math.max(...effects) : injectedAtMs;
    const since = (from: number, atMs: number | undefined) =>
      atMs === undefined || !Number.isFinite(from) ? null : round(Math.max(0, atMs - from));
    const fired = this.events.find(({ type, atMs }) =>
      /^event\.(incident|emergency|early_warning)$/.test(type) && atMs >= injectedAtMs);
    const served = timed.map(({ kernel, effectAtMs }) => {
      const atMs = this.#observer.serving.get(kernel);
      return atMs === undefined || effectAtMs === undefined
        ? null : atMs - (isLeak ? effectAtMs : injectedAtMs);
    });
    const allServed = served.length > 0 && served.every((ms) => ms !== null);
    return {
      effectMs: effects.every(Number.isFinite) ? round(Math.max(...effects) - injectedAtMs) : null,
      detectedMs: since(first, fired?.atMs),
      servingMs: allServed ? round(Math.max(...served.map((ms) => ms!))) : null,
      playbookClosedMs: since(last, this.#last('run.ended', isCompleted)?.atMs),
      diagnosedMs: since(last, this.#last('diagnosis.completed')?.atMs),
      fixVerifiedMs: null,
    };
  }

  /** Of the last emergency run that completed, or else of the last run. */
  #stepsDone(): ScenarioReport['steps'] {
    const ended = this.#last('run.ended', (payload) => isCompleted(payload) && isEmergency(payload))
      ?? this.#last('run.ended', isCompleted);
    const run = (ended?.payload as { run?: string } | undefined)?.run;
    return this.events
      .filter(({ type }) => type === 'run.step_ended')
      .map(({ payload }) => payload as StepEnd & { readonly run: string })
      .filter((step) => step.run === run && !step.closing)
      .map(({ step, status, ms }) => ({ id: step, status, ms: round(ms) }));
  }

  #last(type: EventType, holds: (payload: unknown) => boolean = () => true): Seen | undefined {
    return this.events.findLast((event) => event.type === type && holds(event.payload));
  }
}

/** What holds for every scenario. */
function commonChecks(facts: Facts): Check[] {
  const { timings, invariants, journal } = facts;
  return [
    check('the fault took effect', facts.effectProven, inMs(timings.effectMs)),
    check('every victim serves again', timings.servingMs !== null, inMs(timings.servingMs)),
    check('no healthy kernel was restarted', facts.collateralRestarts === 0, `${facts.collateralRestarts}`),
    check('at least 18 of 20 kernels answer', facts.kernelsRunning >= 18, `${facts.kernelsRunning}`),
    check('all victims answer in the end', facts.criticalRecovered === Object.keys(facts.restarts).length,
      `${facts.criticalRecovered}`),
    check('the books balance', invariants.balanced, invariants.problems.join('; ') || 'they do'),
    check('nothing acknowledged was lost', invariants.handled >= invariants.acknowledged,
      `${invariants.handled} handled, ${invariants.acknowledged} acknowledged`),
    check('the journal verifies', journal.verified, `${journal.entries} entries`),
  ];
}

export const check = (name: string, ok: boolean, found: string): Check => ({ check: name, ok, found });
/** That none of these events was seen. */
export const none = (name: string, seen: number): Check => check(name, seen === 0, seen === 0 ? 'none' : `${seen}`);

export const inMs = (value: number | null) => (value === null ? 'never' : `${value} ms`);
export const pause = (ms: number) =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
const round = (ms: number) => Number(ms.toFixed(2));
const isEmergency = (payload: unknown) =>
  (payload as { playbook: string }).playbook === 'emergency_critical_kernel_recovery';
const isCompleted = (payload: unknown) => (payload as { status: string }).status === 'completed';

/** A kernel that the standard watchdog looks after: slower liveness, and its supervisor restarts it. */
const watchedOnly = (kernel: KernelInput): KernelInput =>
  kernel.critical ? { ...kernel, critical: false, supervisor: 'critical' } : kernel;
