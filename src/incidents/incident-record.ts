/** What is kept of one incident while it is open, from the events of the mesh. */
import type { Diagnosis } from '../core/diagnosis.ts';
import type {
  AnyMeshEvent, IncidentSeverity, MeshEvent, RunStatus, StepEnd,
} from '../core/events.ts';

export interface RunRecord {
  readonly run: string;
  readonly playbook: string;
  readonly playbookHash: string;
  readonly steps: readonly StepEnd[];
  readonly status: RunStatus | 'running';
  readonly why: string | null;
  readonly ms: number;
}

/** How the host was at one moment. */
export interface Dump {
  readonly wallMs: number;
  readonly atMs: number;
  readonly system_state: 'normal' | 'emergency';
  readonly cause: string;
  readonly kernel_states: Readonly<Record<string, { readonly status: string; readonly critical: boolean }>>;
  readonly restart_counts: Readonly<Record<string, number>>;
}

export interface ResourceSample {
  readonly wallMs: number;
  readonly atMs: number;
  readonly rssMb: number;
  readonly hostHeapMb: number;
  readonly kernelHeapMb: Readonly<Record<string, number>>;
}

export interface IncidentRecord {
  readonly incident: string;
  severity: IncidentSeverity;
  kernels: readonly string[];
  state: 'open' | 'closed' | 'escalated';
  openedAtMs: number;
  readonly triggers: MeshEvent<'event.incident' | 'event.emergency' | 'event.early_warning' | 'event.custom'>[];
  readonly runs: Map<string, RunRecord>;
  taskId: string | null;
  diagnosis: Diagnosis | null;
  mitigations: number;
  report: string | null;
  readonly dumps: Dump[];
  readonly samples: ResourceSample[];
}

/** Dumps and samples kept of one incident. */
export const dumpsMax = 500;

/** Collects the incidents of a runtime. Pure bookkeeping: events in, records out. */
export class IncidentRecords {
  readonly #records = new Map<string, IncidentRecord>();
  readonly #triggers = new Map<string, IncidentRecord['triggers'][number]>();

  open(): IncidentRecord[] {
    return [...this.#records.values()].filter(({ state }) => state === 'open');
  }

  get(incident: string): IncidentRecord | undefined {
    return this.#records.get(incident);
  }

  forget(incident: string): void {
    this.#records.delete(incident);
  }

  take(event: AnyMeshEvent): void {
    switch (event.type) {
      case 'event.incident':
      case 'event.emergency':
      case 'event.early_warning':
      case 'event.custom':
        this.#triggers.set(event.id, event);
        if (this.#triggers.size > 100) this.#triggers.delete(this.#triggers.keys().next().value!);
        return;
      case 'incident.opened':
        this.#records.set(event.payload.incident, newRecord(event.payload.incident, event.atMs));
        this.#change(event);
        return;
      case 'incident.upgraded':
      case 'incident.joined':
      case 'incident.reopened':
        this.#change(event);
        return;
      default:
        this.#detail(event);
    }
  }

  #change(event: MeshEvent<'incident.opened' | 'incident.upgraded' | 'incident.joined' | 'incident.reopened'>) {
    const { incident, severity, kernels } = event.payload;
    const record = this.#records.get(incident);
    if (!record) return;
    Object.assign(record, { severity, kernels });
    const trigger = event.causationId && this.#triggers.get(event.causationId);
    if (trigger) record.triggers.push(trigger);
  }

  #detail(event: AnyMeshEvent): void {
    const record = event.correlationId === null ? undefined : this.#records.get(event.correlationId);
    if (!record) return;
    switch (event.type) {
      case 'run.started': {
        const { run, playbook, playbookHash } = event.payload;
        record.runs.set(run, { run, playbook, playbookHash, steps: [], status: 'running', why: null, ms: 0 });
        break;
      }
      case 'run.step_ended': {
        const { run: id, playbook: _playbook, incident: _incident, ...ended } = event.payload;
        const run = record.runs.get(id);
        if (run) record.runs.set(id, { ...run, steps: [...run.steps, ended] });
        break;
      }
      case 'run.ended': {
        const { run: id, status, ms, why } = event.payload;
        const run = record.runs.get(id);
        if (run) record.runs.set(id, { ...run, status, ms, why: why ?? null });
        break;
      }
      case 'diagnosis.requested':
        record.taskId = event.payload.taskId;
        break;
      case 'diagnosis.completed':
        record.diagnosis = event.payload.diagnosis;
        break;
      case 'mitigation.applied':
        record.mitigations += 1;
        break;
      case 'remediation.escalated':
        record.report = event.payload.why;
        break;
      case 'incident.closed':
      case 'incident.escalated':
        record.state = event.type === 'incident.closed' ? 'closed' : 'escalated';
        record.severity = event.payload.severity;
        break;
      default:
        break;
    }
  }
}

const newRecord = (incident: string, openedAtMs: number): IncidentRecord => ({
  incident, severity: 'incident', kernels: [], state: 'open', openedAtMs, triggers: [], runs: new Map(),
  taskId: null, diagnosis: null, mitigations: 0, report: null, dumps: [], samples: [],
});

