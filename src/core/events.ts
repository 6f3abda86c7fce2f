/**
 * The typed events of the mesh: every hop of signal -> trigger -> incident -> run -> remediation.
 * Events are facts in the past tense; `event.*` are what triggers fire, named by the seed.
 */
import type { Diagnosis, Mitigation } from './diagnosis.ts';
import type { ErrorRecord } from './errors.ts';
import type { DownReason } from './kernel.ts';

/** One event, as subscribers, the journal and listeners see it. */
export interface MeshEvent<T extends EventType = EventType> {
  readonly type: T;
  readonly id: string;
  /** The incident this belongs to, once there is one. */
  readonly correlationId: string | null;
  /** The event that caused this one. */
  readonly causationId: string | null;
  /** Length of the chain of causes; `eventDepthMax` at most. */
  readonly depth: number;
  /** Monotonic, ms. */
  readonly atMs: number;
  /** Wall clock, ms since the epoch: a label. */
  readonly wallMs: number;
  /** Who published it: an actor of the control plane, or a kernel. Stamped by the mesh's caller. */
  readonly source: string;
  readonly payload: EventPayloads[T];
}

/** `MeshEvent` as a union, so that `switch (event.type)` narrows the payload. */
export type AnyMeshEvent = { readonly [T in EventType]: MeshEvent<T> }[EventType];

export type EventType = keyof EventPayloads;

/** What an event has to know of the one that caused it. */
export type EventCause = Pick<MeshEvent, 'id' | 'depth' | 'correlationId'>;

/** What is known when an event is published; the mesh adds id, depth and times. */
export interface Announcement<T extends EventType = EventType> {
  readonly type: T;
  readonly payload: EventPayloads[T];
  readonly source: string;
  readonly correlationId?: string | null;
  readonly cause?: EventCause | undefined;
}
export type AnyAnnouncement = { readonly [T in EventType]: Announcement<T> }[EventType];

/** The port through which actors announce what happened. Never throws, never waits. */
export interface Announcer {
  publish<T extends EventType>(announcement: Announcement<T>): MeshEvent<T> | null;
}

/** Longest chain of events caused by one another. The seed's cascade limit. */
export const eventDepthMax = 10;

export interface EventPayloads {
  'host.started': { readonly kernels: number; readonly pid: number };
  'host.stopping': { readonly zombies: number };
  'host.unrecoverable': { readonly reason: string; readonly error: ErrorRecord | null };

  'kernel.ready': KernelRef & { readonly startedMs: number; readonly adoptedStandby: boolean };
  'kernel.down': KernelRef & { readonly reason: DownReason };
  'kernel.degraded': KernelRef & { readonly why: string };
  'kernel.healthy': KernelRef;
  'kernel.stopped': KernelRef;
  'kernel.quarantined': KernelRef & { readonly untilMs: number };
  'kernel.zombie': KernelRef & { readonly threadId: number };
  'kernel.warned': KernelRef & { readonly warning: string };
  'supervisor.exhausted': { readonly supervisor: string; readonly kernel: string };
  'monitor.amnesty_granted': { readonly lateMs: number };

  'event.incident': TriggerPayload;
  'event.emergency': TriggerPayload;
  'event.early_warning': TriggerPayload;
  /** A rule of the host fired. */
  'event.custom': TriggerPayload;

  /** A trigger fired, and no incident was opened for it. */
  'trigger.suppressed': {
    /** Id of what the trigger fired. */
    readonly event: string;
    readonly type: string;
    readonly kernels: readonly string[];
    readonly reason: 'cooldown' | 'quorum' | 'owned' | 'budget';
    readonly why: string;
    /** Until when it stays so, monotonic ms; null when that is not known. */
    readonly untilMs: number | null;
  };
  /** What was held back until now may fire again. */
  'cooldown.ended': { readonly cause: string };
  /** Events that the mesh did not deliver: `count` of them since it last said so. */
  'mesh.suppressed': {
    readonly type: string;
    readonly reason: 'storm' | 'depth';
    readonly why: string;
    readonly count: number;
    /** The event that the first of them was caused by. */
    readonly cause: string | null;
  };

  'incident.opened': IncidentPayload;
  'incident.joined': IncidentPayload & { readonly kernel: string };
  'incident.upgraded': IncidentPayload & { readonly supersededRun: string | null };
  'incident.recovered': IncidentPayload;
  'incident.reopened': IncidentPayload;
  'incident.watching': IncidentPayload & { readonly untilMs: number };
  'incident.closed': IncidentPayload & { readonly openMs: number };
  'incident.escalated': IncidentPayload & { readonly why: string };

  'run.started': RunRef & { readonly deadlineAtMs: number; readonly playbookHash: string };
  'run.step_started': RunRef & { readonly step: string; readonly attempt: number; readonly key: string };
  'run.step_ended': RunRef & StepEnd;
  'run.ended': RunRef & { readonly status: RunStatus; readonly ms: number; readonly why?: string };

  'emergency.entered': {
    readonly reason: string;
    /** The playbook run that asked for it. */
    readonly owner: string;
    readonly deadlineAtMs: number;
  };
  'emergency.left': {
    readonly owner: string;
    readonly why: 'asked' | 'deadline';
    readonly lastedMs: number;
  };

  'diagnosis.requested': {
    readonly taskId: string;
    readonly incident: string;
    readonly kernels: readonly string[];
  };
  'diagnosis.completed': { readonly taskId: string; readonly diagnosis: Diagnosis };
  'mitigation.applied': { readonly incident: string; readonly mitigation: Mitigation };
  'mitigation.reverted': {
    readonly incident: string;
    readonly mitigation: Mitigation;
    readonly why: string;
  };
  'fix.proposed': { readonly incident: string; readonly diagnosis: Diagnosis };
  'remediation.escalated': {
    readonly incident: string;
    readonly diagnosis: Diagnosis | null;
    readonly why: string;
  };

  'actor.restarted': { readonly actor: string; readonly error: string };
  'listener.failed': { readonly event: string; readonly error: string };
}

/** The same names at run time, to check what a host writes against. */
const namesOfEvents = {
  'host.started': true, 'host.stopping': true, 'host.unrecoverable': true, 'kernel.ready': true,
  'kernel.down': true, 'kernel.degraded': true, 'kernel.healthy': true, 'kernel.stopped': true,
  'kernel.quarantined': true, 'kernel.zombie': true, 'kernel.warned': true, 'supervisor.exhausted': true,
  'monitor.amnesty_granted': true, 'event.incident': true, 'event.emergency': true,
  'event.early_warning': true, 'event.custom': true, 'incident.opened': true, 'incident.joined': true,
  'trigger.suppressed': true, 'cooldown.ended': true, 'mesh.suppressed': true,
  'incident.upgraded': true, 'incident.recovered': true, 'incident.reopened': true,
  'incident.watching': true, 'incident.closed': true, 'incident.escalated': true, 'run.started': true,
  'run.step_started': true, 'run.step_ended': true, 'run.ended': true, 'emergency.entered': true,
  'emergency.left': true, 'diagnosis.requested': true, 'diagnosis.completed': true,
  'mitigation.applied': true, 'mitigation.reverted': true, 'fix.proposed': true,
  'remediation.escalated': true, 'actor.restarted': true, 'listener.failed': true,
} satisfies Record<EventType, true>;
export const eventTypes = Object.keys(namesOfEvents) as EventType[];

export interface KernelRef {
  readonly kernel: string;
  readonly epoch: number;
  readonly critical: boolean;
}

/** The payload of trigger events, field names as the seed published them. */
export interface TriggerPayload {
  readonly trigger_id: string;
  readonly playbook: string;
  readonly severity: 'medium' | 'high' | 'critical';
  readonly kernels_down: readonly string[];
  readonly kernels_degraded: readonly string[];
  readonly emergency_protocol: boolean;
  /** What a rule of the host gives its playbook. */
  readonly inputs?: Readonly<Record<string, unknown>>;
}

/** `custom`: a rule of the host opened it. */
export type IncidentSeverity = 'early_warning' | 'incident' | 'emergency' | 'custom';

export interface IncidentPayload {
  readonly incident: string;
  readonly severity: IncidentSeverity;
  /** Distinct kernels this incident owns, in the order they failed. */
  readonly kernels: readonly string[];
}

export interface RunRef {
  readonly run: string;
  readonly playbook: string;
  readonly incident: string;
}

export type RunStatus = 'completed' | 'failed' | 'deadline_missed' | 'cancelled';
export type StepStatus = 'done' | 'skipped' | 'failed' | 'cancelled';

export interface StepEnd {
  readonly step: string;
  readonly status: StepStatus;
  readonly attempts: number;
  readonly ms: number;
  readonly result?: unknown;
  readonly error?: string;
  /** It belongs to `finally`. */
  readonly closing?: true;
}
