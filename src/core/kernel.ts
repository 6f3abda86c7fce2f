/**
 * The contract between Grace and a kernel: what a kernel module exports, what it is given, and how
 * a host describes it. Types only; `define-kernel.ts` has the helper that types a module.
 */
import type { MessagePort } from 'node:worker_threads';
import type { BusClient } from './bus.ts';
import type { ErrorRecord } from './errors.ts';
import type { Inspect } from './inspection-wire.ts';

/** What the module of a kernel has to export. */
export interface KernelModule<TState = unknown> {
  /** Runs once per epoch. The kernel is ready when the returned promise resolves. */
  start(ctx: KernelContext<TState>): KernelHandlers<TState> | Promise<KernelHandlers<TState>>;
}

/** What a started kernel offers. Everything is optional. */
export interface KernelHandlers<TState = unknown> {
  /** Work. One call at a time unless the child spec says `concurrency`. Its result is the answer. */
  handle?(message: KernelMessage): unknown;
  /** "Am I able to work?" Runs on the same queue as work. Throw, or return false, for no. */
  probe?(): boolean | void | Promise<boolean | void>;
  /** The state to start from after a restart: structured-cloneable, and small. */
  snapshot?(): TState;
  /** Asked first; after `shutdown` the thread is ended. */
  stop?(): void | Promise<void>;
  /** What the host itself tells the kernel, outside the queue of work. Used by `message_bus`. */
  control?(payload: unknown, ports: readonly MessagePort[]): void;
}

/** A unit of work, as `handle` gets it. */
export interface KernelMessage {
  /** The same when the message is delivered again. */
  readonly id: string;
  /** The topic of a published message; `request` for one that waits for an answer. */
  readonly topic: string;
  readonly payload: unknown;
  /** Who sent it, stamped by the port it came by: a kernel id or `host`. */
  readonly from: string;
  readonly kind: 'published' | 'request';
}

/** What `start` gets. */
export interface KernelContext<TState = unknown> {
  readonly id: string;
  /** Counts the starts of this kernel. What a former epoch sends is refused. */
  readonly epoch: number;
  readonly config: Readonly<Record<string, unknown>>;
  /** What `snapshot()` returned last, or undefined at the first start. */
  readonly restored: TState | undefined;
  /** Aborted when the kernel has to stop. */
  readonly signal: AbortSignal;
  readonly log: KernelLog;
  readonly bus: BusClient;
  /**
   * Shows the kernel's own actors in the inspector: `createActor(machine, { inspect: ctx.inspect })`.
   * Undefined while the inspector is off.
   */
  readonly inspect: Inspect | undefined;
  /** Says that a long piece of work is getting on. */
  progress(): void;
  /** Asks for `snapshot()` to be taken soon; at most once in `saveInterval`. */
  save(): void;
}

export interface KernelLog {
  debug(message: string, data?: object): void;
  info(message: string, data?: object): void;
  warn(message: string, data?: object): void;
  error(message: string, data?: object): void;
}

export type RestartType = 'permanent' | 'transient' | 'temporary';
export type SupervisorId = 'critical' | 'platform' | 'application';

/**
 * How a host describes a kernel, with every default filled in and durations in milliseconds.
 * `parseChildSpecs` makes it from what the host wrote.
 */
export interface ChildSpec {
  readonly id: string;
  /** Absolute `file:` URL of the module. */
  readonly module: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Watched by the heartbeat trigger, recovered by playbooks, with standby. Default false. */
  readonly critical: boolean;
  /** Which supervisor starts it. Default: `critical` when critical, else `application`. */
  readonly supervisor: SupervisorId;
  /** When to start it again after it ended. Default permanent. */
  readonly restart: RestartType;
  /** Its end may end its supervisor (auto_shutdown). Default false. */
  readonly significant: boolean;
  /** How long `stop()` may take, ms; `brutal_kill` does not ask. Default 5 s. */
  readonly shutdown: number | 'brutal_kill';
  /** Kernels whose `ready` it waits for at boot. Default none. */
  readonly dependsOn: readonly string[];
  readonly limits: {
    /** Old-generation heap of the thread, MiB. Best effort in V8. Default 128. */
    readonly heapMb: number;
    /** Memory outside the heap (buffers) at which the thread is ended, MiB. Default 512. */
    readonly externalMb: number;
  };
  /** Threads that have loaded its module and wait to be adopted. Default 1 when critical, else 0. */
  readonly standby: 0 | 1;
  /** It owns a port or a lock: the former thread has to end before the next starts. */
  readonly exclusive: boolean;
  readonly liveness: {
    /** Without a sign of life for longer: degraded, ms. */
    readonly tardyMs: number;
    /** Without a sign of life for longer: down, ms. */
    readonly silentMs: number;
    /** With work waiting and none done for a third of this: degraded; for all of it: down, ms. */
    readonly stalledMs: number;
  };
  /** From adoption to `ready`, ms. Default 10 s. */
  readonly startDeadlineMs: number;
  /** Shortest time between two snapshots, ms. Default 1 s. */
  readonly saveIntervalMs: number;
  /** Calls of `handle` at a time. Default 1. */
  readonly concurrency: number;
  /** Topics delivered to it. A message is held for it while it is down. */
  readonly subscribes: readonly string[];
}

/** Why a thread is no longer there. The earliest notice wins. */
export interface DownReason {
  /**
   * `threw`: an error ended it. `exited`: it called process.exit or ran out of work.
   * `ended_from_outside`: the thread was gone without last words, and Grace had not ended it.
   * `out_of_memory`: V8 reached its heap limit. `silent`: no sign of life, Grace ended it.
   * `start_failed`, `start_timeout`: it never became ready. `shutdown`, `killed`: Grace stopped it.
   */
  readonly kind:
    | 'threw' | 'exited' | 'ended_from_outside' | 'out_of_memory' | 'silent'
    | 'start_failed' | 'start_timeout' | 'shutdown' | 'killed';
  /** Which notice came first. */
  readonly notice: 'last_words' | 'port_close' | 'worker_exit' | 'monitor' | 'supervisor';
  readonly exitCode?: number;
  readonly error?: ErrorRecord;
}

export type KernelStatus =
  | 'starting' | 'running' | 'degraded' | 'stopping' | 'down' | 'quarantined';
