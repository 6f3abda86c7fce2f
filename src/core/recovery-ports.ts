/** What playbook actions may act on. The shipped actions act only through these. */
import type { KernelStatus } from './kernel.ts';

export interface KernelOverview {
  readonly kernel: string;
  readonly status: KernelStatus;
  readonly critical: boolean;
  /** It holds more memory than its monitor wants. */
  readonly full: boolean;
}

export interface RecoveryPorts {
  /** The state of every kernel, as its supervisor knows it. */
  overview(): readonly KernelOverview[];
  /** `owner` is the run: one that is superseded must not end the mode of the next. */
  enterEmergency(request: {
    reason: string; owner: string; incident: string; deadlineAtMs: number;
  }): void;
  leaveEmergency(owner: string): void;
  /**
   * Restarts what is down of the kernels an incident owns, and of `kernels`, also those that join
   * while it works. Resolves when each is ready.
   */
  restart(
    request: { kernels: readonly string[]; incident: string; emergency: boolean },
    signal: AbortSignal,
  ): Promise<readonly { readonly kernel: string; readonly restarted: boolean }[]>;
  /** Asks a kernel through its queue of work whether it can work. */
  probe(kernel: string, timeoutMs: number, signal: AbortSignal): Promise<boolean>;
  /** Sends the coding agent a task, without waiting for its answer. Returns the task's id. */
  requestDiagnosis(incident: string): string;
  record(incident: string, type: string, data: unknown): void;
  /** Resolves when all that was journalled is on the disk. */
  synced(): Promise<void>;
}
