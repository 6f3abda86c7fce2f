/**
 * The rules of an OTP supervisor as a pure function: state and event in, state and commands out.
 *
 * Semantics after `lib/stdlib/src/supervisor.erl` of Erlang/OTP 25. Starting and stopping a child take
 * time here, so what OTP does inside one call is a plan, carried out step by step; what arrives
 * meanwhile waits in a mailbox. Under one_for_one children do not touch one another, so they restart
 * beside each other and need no plan.
 *
 * What OTP lacks is a policy that says *when* a restart happens: a claim by an incident, backoff,
 * quarantine. Without a policy every restart happens at once, as in OTP.
 */
import { backoffMs, seedOf, type BackoffSettings } from './backoff.ts';
import type { ErrorRecord } from './errors.ts';
import type { ChildSpec, DownReason, RestartType } from './kernel.ts';
import { addRestart, type RestartLimit, type RestartWindow } from './restart-intensity.ts';

export type Strategy = 'one_for_one' | 'one_for_all' | 'rest_for_one';
export type AutoShutdown = 'never' | 'any_significant' | 'all_significant';

export interface SupervisorSettings {
  readonly id: string;
  readonly strategy: Strategy;
  /** OTP's restart intensity; null leaves it to the windows of the policy. */
  readonly intensity: RestartLimit | null;
  readonly autoShutdown: AutoShutdown;
  readonly policy: RestartPolicy | null;
}

export interface RestartPolicy {
  readonly backoff: BackoffSettings;
  /** More deaths of one child than any of these allows put it in quarantine. */
  readonly windows: readonly RestartLimit[];
  readonly quarantineMs: number;
  /** How long a dead critical child waits for an incident to claim it, ms. */
  readonly claimWindowMs: number;
  /** Restarts of one child that one owner may ask for as an emergency. */
  readonly emergencyBudget: number;
}

/** The policy of the design. */
export const defaultPolicy: RestartPolicy = {
  backoff: { firstMs: 100, factor: 2, maxMs: 30_000, jitter: 0.2, resetAfterMs: 60_000 },
  windows: [{ restartsMax: 3, periodMs: 10_000 }, { restartsMax: 10, periodMs: 600_000 }],
  quarantineMs: 30_000,
  claimWindowMs: 100,
  emergencyBudget: 3,
};

/** What the rules need of a child spec. */
export type SupervisedSpec =
  Pick<ChildSpec, 'id' | 'restart' | 'shutdown' | 'significant' | 'critical'>;

export interface SupervisedChild {
  readonly spec: SupervisedSpec;
  /** `undefined`: known and not running. `waiting`: to be restarted when its time has come. */
  status: 'undefined' | 'starting' | 'alive' | 'stopping' | 'waiting';
  waitingFor: 'claim' | 'claimer' | 'backoff' | 'quarantine' | 'retry' | null;
  dueAtMs: number;
  claimedBy: string | null;
  /** When it last became alive, ms. */
  aliveAtMs: number;
  /** Restarts since the last stable run. */
  attempts: number;
  /** Restarts in all. */
  restarts: number;
  deaths: readonly RestartWindow[];
  /** It died more often than a window allows. */
  overLimit: boolean;
  /** Emergency restarts per owner. */
  spent: Readonly<Record<string, number>>;
  /** What happens once it has stopped. */
  afterStop: 'keep' | 'start' | null;
  requestId: string | null;
}

interface Plan {
  readonly kind: 'boot' | 'group' | 'end';
  readonly stop: readonly string[];
  readonly start: readonly string[];
  /** Set when this plan ends the supervisor. */
  readonly end: Ending | null;
}

interface Ending {
  readonly reason: EndReason;
  readonly error: ErrorRecord | null;
}

export type EndReason = 'shutdown' | 'stopped' | 'start_failed';

export interface SupervisorState {
  readonly settings: SupervisorSettings;
  readonly children: readonly SupervisedChild[];
  readonly window: RestartWindow;
  readonly plan: Plan | null;
  readonly mailbox: readonly SupervisorEvent[];
  /** A supervisor that is restored does not boot a second time. */
  readonly booted: boolean;
  readonly ended: Ending | null;
}

interface Timed { readonly atMs: number }
interface Request extends Timed { readonly id: string; readonly requestId?: string }

export type SupervisorEvent =
  | (Timed & { readonly type: 'supervisor.boot' })
  | (Timed & { readonly type: 'supervisor.stop' })
  | (Timed & { readonly type: 'child.started'; readonly id: string })
  | (Timed & { readonly type: 'child.start_failed'; readonly id: string; readonly error: ErrorRecord })
  | (Timed & { readonly type: 'child.down'; readonly id: string; readonly reason: DownReason })
  | (Timed & { readonly type: 'child.due'; readonly id: string })
  | (Timed & {
      readonly type: 'child.claimed'; readonly id: string; readonly by: string; readonly untilMs: number;
    })
  | (Timed & { readonly type: 'claims.released'; readonly by: string })
  | (Request & {
      readonly type: 'child.restart_requested';
      /** Ends the child first when it runs, and skips backoff and quarantine. */
      readonly force: boolean;
      /** Counted against the budget of `by`. */
      readonly emergency: boolean;
      readonly by: string;
    })
  | (Request & { readonly type: 'child.terminate_requested' })
  | (Request & { readonly type: 'child.delete_requested' })
  | (Request & { readonly type: 'child.start_requested'; readonly spec: SupervisedSpec });

type RequestEvent = Extract<SupervisorEvent, {
  type: 'child.restart_requested' | 'child.terminate_requested' | 'child.delete_requested'
    | 'child.start_requested';
}>;

export type Refusal =
  'not_found' | 'running' | 'restarting' | 'already_present' | 'start_failed' | 'budget_exhausted';

export type SupervisorCommand =
  | { readonly do: 'start'; readonly id: string }
  | { readonly do: 'stop'; readonly id: string; readonly how: number | 'brutal_kill' }
  /** Replaces an alarm of the same id that has not rung. */
  | { readonly do: 'wake'; readonly id: string; readonly atMs: number }
  | { readonly do: 'quarantine'; readonly id: string; readonly untilMs: number }
  | { readonly do: 'forget'; readonly id: string }
  | { readonly do: 'add'; readonly id: string }
  | { readonly do: 'answer'; readonly requestId: string; readonly refused: Refusal | null }
  | { readonly do: 'exhausted'; readonly id: string };

/** Says whether a transient child that ended this way is left alone. */
export const isCleanExit = (reason: DownReason): boolean =>
  reason.kind === 'shutdown' || (reason.kind === 'exited' && reason.exitCode === 0);

export function newSupervisor(
  settings: SupervisorSettings, specs: readonly SupervisedSpec[],
): SupervisorState {
  const children = specs.map(newChild);
  return { settings, children, window: [], plan: null, mailbox: [], booted: false, ended: null };
}

/**
 * Takes one event into account.
 *
 * @returns The new state, and what is to be done, in this order.
 */
export function supervise(state: SupervisorState, event: SupervisorEvent) {
  const turn = new Turn(state);
  turn.take(event);
  return { state: turn.state(), commands: turn.commands };
}

const newChild = (spec: SupervisedSpec): SupervisedChild => ({
  spec, status: 'undefined', waitingFor: null, dueAtMs: 0, claimedBy: null, aliveAtMs: 0,
  attempts: 0, restarts: 0, deaths: [], overLimit: false, spent: {}, afterStop: null, requestId: null,
});

/** One event being dealt with: a working copy of the state, and the commands so far. */
class Turn {
  readonly commands: SupervisorCommand[] = [];
  readonly #settings: SupervisorSettings;
  #children: SupervisedChild[];
  #window: RestartWindow;
  #plan: Plan | null;
  #mailbox: SupervisorEvent[];
  #booted: boolean;
  #ended: SupervisorState['ended'];

  constructor(state: SupervisorState) {
    this.#settings = state.settings;
    this.#children = state.children.map((child) => ({ ...child }));
    this.#window = state.window;
    this.#plan = state.plan;
    this.#mailbox = [...state.mailbox];
    this.#booted = state.booted;
    this.#ended = state.ended;
  }

  state(): SupervisorState {
    return {
      settings: this.#settings, children: this.#children, window: this.#window, plan: this.#plan,
      mailbox: this.#mailbox, booted: this.#booted, ended: this.#ended,
    };
  }

  take(event: SupervisorEvent): void {
    if (this.#ended) return;
    if (this.#plan && event.type !== 'supervisor.stop') {
      if (!this.#advance(event)) this.#mailbox.push(event);
    } else {
      this.#react(event);
    }
    while (!this.#plan && !this.#ended && this.#mailbox.length > 0) this.#react(this.#mailbox.shift()!);
  }

  #react(event: SupervisorEvent): void {
    switch (event.type) {
      case 'supervisor.boot':
        if (this.#booted) break;
        this.#booted = true;
        this.#begin({
          kind: 'boot', stop: [], start: this.#children.map(({ spec }) => spec.id), end: null,
        });
        break;
      case 'supervisor.stop':
        this.#end('stopped');
        break;
      case 'child.started':
        this.#alive(this.#find(event.id), event.atMs);
        break;
      case 'child.start_failed':
        this.#startFailed(this.#find(event.id), event.atMs);
        break;
      case 'child.down':
        this.#down(this.#find(event.id), event.reason, event.atMs);
        break;
      case 'child.due':
        this.#due(this.#find(event.id), event.atMs);
        break;
      case 'child.claimed':
        this.#claim(this.#find(event.id), event);
        break;
      case 'claims.released':
        for (const child of this.#children) if (child.claimedBy === event.by) this.#unclaim(child, event.atMs);
        break;
      default:
        this.#request(event);
    }
  }

  // Requests, with OTP's answers.

  #request(event: RequestEvent): void {
    const child = this.#find(event.id);
    const answer = (refused: Refusal | null) => this.#answer(event.requestId ?? null, refused);
    if (event.type === 'child.start_requested') {
      if (child) return answer(child.status === 'undefined' ? 'already_present' : 'running');
      const added = newChild(event.spec);
      this.#children.push(added);
      this.commands.push({ do: 'add', id: added.spec.id });
      this.#start(added, event.requestId ?? null);
      return undefined;
    }
    if (!child) return answer('not_found');
    switch (event.type) {
      case 'child.restart_requested':
        return event.force ? this.#force(child, event) : this.#restartChild(child, event.requestId ?? null);
      case 'child.terminate_requested':
        return this.#terminateChild(child, event.requestId ?? null);
      case 'child.delete_requested':
        if (child.status === 'undefined') {
          this.#forget(child);
          return answer(null);
        }
        return answer(child.status === 'waiting' ? 'restarting' : 'running');
    }
  }

  #restartChild(child: SupervisedChild, requestId: string | null): void {
    if (child.status === 'undefined') this.#start(child, requestId);
    else this.#answer(requestId, child.status === 'waiting' ? 'restarting' : 'running');
  }

  #terminateChild(child: SupervisedChild, requestId: string | null): void {
    if (child.status === 'undefined' || child.status === 'waiting') {
      this.#settleStopped(child);
      this.#answer(requestId, null);
      return;
    }
    this.#stop(child, 'keep');
    child.requestId = requestId;
  }

  /** A restart that an incident asks for. Within the budget nothing holds it up. */
  #force(
    child: SupervisedChild, event: Extract<SupervisorEvent, { type: 'child.restart_requested' }>,
  ): void {
    const budget = this.#settings.policy?.emergencyBudget ?? Infinity;
    const spent = child.spent[event.by] ?? 0;
    if (event.emergency && spent >= budget) {
      this.commands.push({ do: 'exhausted', id: child.spec.id });
      this.#answer(event.requestId ?? null, 'budget_exhausted');
      return;
    }
    if (event.emergency) child.spent = { ...child.spent, [event.by]: spent + 1 };
    child.claimedBy = null;
    child.restarts += 1;
    if (child.status === 'alive' || child.status === 'starting') {
      this.commands.push({ do: 'stop', id: child.spec.id, how: 'brutal_kill' });
      child.status = 'stopping';
    }
    if (child.status === 'stopping') {
      child.afterStop = 'start';
      child.requestId = event.requestId ?? null;
      return;
    }
    this.#start(child, event.requestId ?? null);
  }

  // What happens to children by themselves.

  #alive(child: SupervisedChild | undefined, atMs: number): void {
    if (child?.status !== 'starting') return;
    child.status = 'alive';
    child.aliveAtMs = atMs;
    this.#answer(child.requestId, null);
    child.requestId = null;
  }

  #startFailed(child: SupervisedChild | undefined, atMs: number): void {
    if (child?.status === 'stopping') return this.#down(child, { kind: 'killed', notice: 'supervisor' }, atMs);
    if (child?.status !== 'starting') return undefined;
    const wasAsked = child.requestId !== null;
    this.#answer(child.requestId, 'start_failed');
    child.requestId = null;
    // A start that was asked for by hand is not tried again (OTP); one of a restart counts and is.
    if (wasAsked && this.#settings.policy === null) child.status = 'undefined';
    else this.#wait(child, atMs, 'retry');
    return undefined;
  }

  #down(child: SupervisedChild | undefined, reason: DownReason, atMs: number): void {
    if (!child) return;
    if (child.status === 'stopping') {
      const { afterStop, requestId } = child;
      if (afterStop === 'start') {
        child.afterStop = null;
        this.#start(child, requestId);
      } else {
        this.#settleStopped(child);
        this.#answer(requestId, null);
      }
      return;
    }
    if (child.status !== 'alive') return;
    if (restartsAfter(child.spec.restart, reason)) {
      this.#wait(child, atMs, 'death');
      return;
    }
    this.#settleStopped(child);
    this.#autoShutdown(child);
  }

  #autoShutdown({ spec }: SupervisedChild): void {
    const { autoShutdown } = this.#settings;
    if (autoShutdown === 'never' || !spec.significant) return;
    const left = this.#children.some((child) => child.spec.significant && child.status !== 'undefined');
    if (autoShutdown === 'any_significant' || !left) this.#end('shutdown');
  }

  // When a restart happens.

  /** The child has to be started again: now (OTP), or when the policy says so. */
  #wait(child: SupervisedChild, atMs: number, why: 'death' | 'retry'): void {
    const { policy } = this.#settings;
    child.status = 'waiting';
    if (!policy) {
      child.waitingFor = 'retry';
      // OTP restarts after a death at once, and leaves a failed restart to a message to itself.
      if (why === 'death') this.#restart(child, atMs);
      else this.#mailbox.push({ type: 'child.due', id: child.spec.id, atMs });
      return;
    }
    if (child.aliveAtMs > 0 && atMs - child.aliveAtMs >= policy.backoff.resetAfterMs) child.attempts = 0;
    child.attempts += 1;
    const steps = policy.windows.map((limit, index) => addRestart(child.deaths[index] ?? [], atMs, limit));
    child.deaths = steps.map((step) => step.window);
    child.overLimit = steps.some((step) => step.exceeded);
    if (child.spec.critical && why === 'death') {
      // An incident bypasses backoff and quarantine within its own budget: it is asked first. A claim
      // that came before the news of the death counts.
      if (child.claimedBy) this.#waitUntil(child, 'claimer', child.dueAtMs);
      else this.#waitUntil(child, 'claim', atMs + policy.claimWindowMs);
    } else {
      this.#restartByPolicy(child, atMs);
    }
  }

  /** Nobody else restarts it: the supervisor does, after backoff or quarantine. */
  #restartByPolicy(child: SupervisedChild, atMs: number): void {
    const { quarantineMs } = this.#settings.policy!;
    if (!child.overLimit) {
      this.#backOff(child, atMs);
      return;
    }
    child.overLimit = false;
    const untilMs = atMs + quarantineMs;
    this.commands.push({ do: 'quarantine', id: child.spec.id, untilMs });
    this.#waitUntil(child, 'quarantine', untilMs);
  }

  #backOff(child: SupervisedChild, atMs: number): void {
    const { backoff } = this.#settings.policy!;
    const delayMs = backoffMs(child.attempts, seedOf(child.spec.id), backoff);
    if (delayMs > 0) this.#waitUntil(child, 'backoff', atMs + delayMs);
    else this.#restart(child, atMs);
  }

  #waitUntil(child: SupervisedChild, what: SupervisedChild['waitingFor'], dueAtMs: number): void {
    child.waitingFor = what;
    child.dueAtMs = dueAtMs;
    this.commands.push({ do: 'wake', id: child.spec.id, atMs: dueAtMs });
  }

  #due(child: SupervisedChild | undefined, atMs: number): void {
    if (child?.status !== 'waiting' || atMs < child.dueAtMs) return;
    const { waitingFor } = child;
    child.claimedBy = null;
    if (waitingFor === 'claim' || waitingFor === 'claimer') this.#restartByPolicy(child, atMs);
    else this.#restart(child, atMs);
  }

  #claim(
    child: SupervisedChild | undefined, event: Extract<SupervisorEvent, { type: 'child.claimed' }>,
  ): void {
    if (!child || child.status === 'undefined') return;
    child.claimedBy = event.by;
    if (child.status === 'waiting' && child.waitingFor !== 'quarantine') {
      this.#waitUntil(child, 'claimer', event.untilMs);
    } else {
      child.dueAtMs = event.untilMs;
    }
  }

  #unclaim(child: SupervisedChild, atMs: number): void {
    child.claimedBy = null;
    if (child.status === 'waiting' && child.waitingFor === 'claimer') this.#restartByPolicy(child, atMs);
  }

  // Restarts.

  #restart(child: SupervisedChild, atMs: number): void {
    const { intensity, strategy } = this.#settings;
    if (intensity) {
      const step = addRestart(this.#window, atMs, intensity);
      this.#window = step.window;
      if (step.exceeded) {
        this.commands.push({ do: 'exhausted', id: child.spec.id });
        this.#settleStopped(child);
        this.#end('shutdown');
        return;
      }
    }
    child.restarts += 1;
    if (strategy === 'one_for_one') {
      this.#start(child, null);
      return;
    }
    const first = strategy === 'one_for_all' ? 0 : this.#children.indexOf(child);
    this.#settleStopped(child);
    const affected = this.#children.slice(first);
    const stop = affected.filter(isRunning).map(({ spec }) => spec.id).toReversed();
    const start = affected
      .filter(({ spec }) => spec.restart !== 'temporary')
      .map(({ spec }) => spec.id);
    this.#begin({ kind: 'group', stop, start, end: null });
  }

  #start(child: SupervisedChild, requestId: string | null): void {
    child.status = 'starting';
    child.waitingFor = null;
    child.requestId = requestId;
    this.commands.push({ do: 'start', id: child.spec.id });
  }

  #stop(child: SupervisedChild, afterStop: SupervisedChild['afterStop']): void {
    child.status = 'stopping';
    child.afterStop = afterStop;
    this.commands.push({ do: 'stop', id: child.spec.id, how: child.spec.shutdown });
  }

  /** It has stopped for good, or until somebody starts it. A temporary one is forgotten. */
  #settleStopped(child: SupervisedChild): void {
    child.status = 'undefined';
    child.waitingFor = null;
    child.afterStop = null;
    child.requestId = null;
    if (child.spec.restart === 'temporary') this.#forget(child);
  }

  #forget(child: SupervisedChild): void {
    this.#children = this.#children.filter((other) => other !== child);
    this.commands.push({ do: 'forget', id: child.spec.id });
  }

  // Plans: stop some, one after the other, then start some, one after the other.

  /** Stops all children, the last one first, and ends. Who waits for an answer gets one. */
  #end(reason: EndReason, error: ErrorRecord | null = null): void {
    const stop = this.#children.filter(isRunning).map(({ spec }) => spec.id).toReversed();
    for (const event of this.#mailbox) {
      if ('requestId' in event) this.#answer(event.requestId ?? null, 'not_found');
    }
    this.#mailbox = this.#mailbox.filter(({ type }) => type === 'child.down');
    this.#begin({ kind: 'end', stop, start: [], end: { reason, error } });
  }

  #begin(plan: Plan): void {
    this.#plan = plan;
    this.#step();
  }

  /** Does the next step of the plan, or ends it. */
  #step(): void {
    const plan = this.#plan!;
    const [stopId] = plan.stop;
    if (stopId !== undefined) {
      const child = this.#find(stopId)!;
      const known = this.#mailbox.findIndex((event) => event.type === 'child.down' && event.id === stopId);
      if (known >= 0) {
        // It has died already, and we have not got round to it.
        this.#mailbox.splice(known, 1);
        this.#stepStopped(child);
      } else if (child.status !== 'stopping') {
        this.#stop(child, 'keep');
      }
      return;
    }
    const [startId] = plan.start;
    if (startId !== undefined) {
      this.#start(this.#find(startId)!, null);
      return;
    }
    this.#plan = null;
    this.#ended = plan.end;
  }

  #stepStopped(child: SupervisedChild): void {
    const { requestId } = child;
    this.#settleStopped(child);
    this.#answer(requestId, null);
    this.#plan = { ...this.#plan!, stop: this.#plan!.stop.slice(1) };
    this.#step();
  }

  /** True when the event is the next one the plan waits for. */
  #advance(event: SupervisorEvent): boolean {
    const plan = this.#plan!;
    if (event.type !== 'child.started' && event.type !== 'child.down' && event.type !== 'child.start_failed') {
      return false;
    }
    const child = this.#find(event.id);
    if (!child) return true;
    if (plan.stop[0] === event.id) {
      if (event.type !== 'child.started') this.#stepStopped(child);
      return true;
    }
    if (plan.stop.length > 0 || plan.start[0] !== event.id) return false;
    if (event.type === 'child.started') {
      this.#alive(child, event.atMs);
      this.#plan = { ...plan, start: plan.start.slice(1) };
      this.#step();
    } else {
      this.#stepFailed(child, event);
    }
    return true;
  }

  #stepFailed(child: SupervisedChild, event: SupervisorEvent): void {
    const { kind } = this.#plan!;
    this.#plan = null;
    if (kind === 'boot') {
      child.status = 'undefined';
      this.#end('start_failed', event.type === 'child.start_failed' ? event.error : null);
      return;
    }
    this.#wait(child, event.atMs, 'retry');
  }

  #find(id: string): SupervisedChild | undefined {
    return this.#children.find(({ spec }) => spec.id === id);
  }

  #answer(requestId: string | null, refused: Refusal | null): void {
    if (requestId !== null) this.commands.push({ do: 'answer', requestId, refused });
  }
}

const isRunning = ({ status }: SupervisedChild) =>
  status === 'alive' || status === 'starting' || status === 'stopping';

function restartsAfter(restart: RestartType, reason: DownReason): boolean {
  return restart === 'permanent' || (restart === 'transient' && !isCleanExit(reason));
}
