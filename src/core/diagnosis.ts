/** Evidence in, cause out: what the `coding_agent` kernel is asked and what it answers. */
import type { ErrorRecord } from './errors.ts';
import type { DownReason } from './kernel.ts';

/** One fact, with a name that a diagnosis can cite. */
export interface EvidenceLine {
  /** Stable within the bundle, such as `message_bus.exit`. */
  readonly id: string;
  readonly kernel: string | null;
  readonly kind:
    | 'death' | 'error' | 'exit' | 'memory' | 'liveness' | 'stack' | 'os' | 'import' | 'configuration'
    | 'correlation' | 'history' | 'log';
  /** The fact in words, with its values. */
  readonly text: string;
  readonly data?: unknown;
}

export interface EvidenceBundle {
  readonly incident: string;
  readonly collectedAtMs: number;
  readonly kernels: readonly KernelEvidence[];
  readonly lines: readonly EvidenceLine[];
}

/** One call of a stack, 1-based. */
export interface StackFrame {
  readonly function: string;
  readonly url: string;
  readonly line: number;
  readonly column: number;
}

export interface KernelEvidence {
  readonly kernel: string;
  readonly epoch: number;
  readonly module: string;
  readonly reason: DownReason;
  readonly diedAtMs: number;
  readonly ranMs: number;
  readonly heapLimitMb: number;
  /** Newest last: what the thread published about itself before it ended. */
  readonly memory: readonly MemoryReading[];
  readonly lastError?: ErrorRecord;
  /** Of a thread that hung, innermost first; or that it could not be stopped to read them. */
  readonly stack?: readonly StackFrame[] | 'unreadable';
  /** Of a thread that hung, as the operating system reports it. */
  readonly osState?: string;
  /** Deaths of this kernel in the last ten minutes, this one included. */
  readonly deathsRecently: number;
}

export interface MemoryReading {
  readonly atMs: number;
  readonly heapUsedKb: number;
  readonly externalKb: number;
}

export type CauseCategory = 'dependency' | 'resource' | 'configuration' | 'unknown';

/** The field names of the seed, in camel case, and what the answer rests on. */
export interface Diagnosis {
  readonly category: CauseCategory;
  /** Such as `res.heap_leak` or `unk.ended_from_outside`. */
  readonly subcause: string;
  readonly rootCause: string;
  /** 0 to 1. */
  readonly confidence: number;
  /** Ids of the evidence lines it rests on. */
  readonly evidence: readonly string[];
  readonly actions: readonly string[];
  readonly preventiveMeasures: readonly string[];
  readonly mitigations: readonly MitigationRequest[];
}

/** A reversible overlay of the runtime. Never an edit of a file. */
export type MitigationRequest =
  | {
      readonly kind: 'monitor';
      readonly kernel: string;
      readonly metric: 'heapUsedKb' | 'externalKb';
      readonly warnAt: number;
    }
  | { readonly kind: 'limit'; readonly kernel: string; readonly heapMb: number }
  /** The bus holds back what the kernel subscribes to while its monitor warns. */
  | { readonly kind: 'breaker'; readonly kernel: string };

export type Mitigation = MitigationRequest & {
  readonly id: string;
  /** Whose remediation put it in force. */
  readonly incident: string;
  readonly appliedAtMs: number;
};

/** What the coding agent is asked. The names of the seed's artefact. */
export interface DiagnosticTask {
  readonly task_id: string;
  readonly task_type: 'diagnostics';
  readonly description: string;
  readonly evidence: EvidenceBundle;
}
