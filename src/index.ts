/** The public names of Grace, one by one. */
export { createGrace, shippedPlaybooks } from './grace.ts';
export type { Grace, GraceOptions, KernelRow, Stopped, ZombieRow } from './grace.ts';
export { defineKernel } from './kernel.ts';
export type {
  BusClient, KernelContext, KernelHandlers, KernelLog, KernelMessage, KernelModule,
} from './kernel.ts';
export type { KernelInput } from './core/child-specs.ts';
export { BusConnection, type BusPort } from './core/bus-connection.ts';
export type { StandardSchema } from './core/standard-schema.ts';
export type { TriggerInput } from './core/trigger-rule.ts';
export { GraceError, errorCodes, toErrorRecord, type ErrorCode, type ErrorRecord } from './core/errors.ts';
export type { EventPayloads, EventType, MeshEvent, StepEnd } from './core/events.ts';
export type { Diagnosis, EvidenceBundle, Mitigation } from './core/diagnosis.ts';
export type { JournalEntry } from './core/journal.ts';
export type { DownReason, KernelStatus } from './core/kernel.ts';
export type { WorkerView } from './core/threads.ts';
export { graceKernels } from './kernel-modules.ts';
export { openJournalFolder, type JournalFolder } from './journal/journal-folder.ts';
export type { ActionCall } from './playbooks/action-protocol.ts';
export type { ActionInput } from './playbooks/host-actions.ts';
export { checkPlaybooks, type PlaybookCheck } from './playbooks/check.ts';
export { planPlaybook, type PlannedStep, type PlaybookPlan } from './playbooks/plan.ts';
export type { Leg, WorstCase } from './core/worst-case.ts';
