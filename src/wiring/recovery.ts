/** What playbook actions and remediation do to the running host. */
import type { RecoveryPorts } from '../core/recovery-ports.ts';
import type { Diagnosis, DiagnosticTask, KernelEvidence } from '../core/diagnosis.ts';
import { toErrorRecord } from '../core/errors.ts';
import type { Journal } from '../core/journal.ts';
import type { ChildSpec } from '../core/kernel.ts';
import type { Clock } from '../core/ports.ts';
import type { ThreadRegistry } from '../kernels/thread-registry.ts';
import { collectEvidence } from '../remediation/evidence.ts';
import type { Mesh } from '../triggers/mesh.ts';
import type { ControlPlane, RemediationWork } from './control-plane.ts';
import type { Overlays } from './overlays.ts';

export interface RecoveryOptions {
  readonly specs: readonly ChildSpec[];
  readonly clock: Clock;
  readonly mesh: Mesh;
  readonly journal: Journal;
  readonly registry: ThreadRegistry;
  readonly overlays: Overlays;
  /** Late bound: the control plane is made of these ports. */
  controlPlane(): ControlPlane;
}

const codingAgent = 'coding_agent';
/** A diagnosis takes milliseconds; a coding agent that needs longer is asked again. */
const diagnoseTimeoutMs = 10_000;
/** How long the exit of a Worker is waited for, or the stack of one that hung, ms. */
const settleMs = 2_500;
const recentlyMs = 600_000;

export function recoveryPorts(options: RecoveryOptions): RecoveryPorts {
  const { clock, mesh, journal, registry, controlPlane } = options;

  /** Resolves with whether the kernel runs in the end. */
  async function ensureRunning(
    kernel: string, incident: string, emergency: boolean, signal: AbortSignal,
  ): Promise<boolean> {
    const status = controlPlane().statuses().find((one) => one.kernel === kernel)?.status;
    if (status === 'running') return true;
    // A restart that another run of this incident began goes on: only wait for it.
    if (status === 'starting') return becomesReady(mesh, kernel, signal);
    return (await controlPlane().restart(kernel, incident, emergency)) === null;
  }

  return {
    overview: () => controlPlane().statuses().map((row) => ({ ...row, full: registry.isFull(row.kernel) })),

    enterEmergency({ reason, owner, incident, deadlineAtMs }) {
      controlPlane().send('emergency', {
        type: 'emergency.enter_requested', reason, owner, incident, deadlineAtMs, atMs: clock.now(),
      } as { type: string });
    },

    leaveEmergency(owner) {
      controlPlane().send('emergency', {
        type: 'emergency.leave_requested', owner, atMs: clock.now(),
      } as { type: string });
    },

    restart({ kernels, incident, emergency }, signal) {
      return new Promise((resolve, reject) => {
        const results = new Map<string, boolean | undefined>();
        const finish = () => {
          if ([...results.values()].includes(undefined)) return;
          unsubscribe();
          controlPlane().send('incidents', { type: 'run.restarting_done', incident } as { type: string });
          resolve([...results].map(([kernel, restarted]) => ({ kernel, restarted: restarted === true })));
        };
        const begin = (kernel: string) => {
          if (results.has(kernel)) return;
          results.set(kernel, undefined);
          ensureRunning(kernel, incident, emergency, signal)
            .catch(() => false)
            .then((restarted) => {
              results.set(kernel, restarted);
              finish();
            })
            .catch(reject);
        };
        const unsubscribe = mesh.subscribe(['incident.joined'], (event) => {
          if (event.type === 'incident.joined' && event.correlationId === incident) begin(event.payload.kernel);
        });
        signal.addEventListener('abort', () => {
          unsubscribe();
          reject(new Error('the restart was ended'));
        }, { once: true });
        for (const kernel of kernels) begin(kernel);
        if (kernels.length === 0) finish();
      });
    },

    probe: (kernel, timeoutMs, signal) => registry.probe(kernel, timeoutMs, signal),

    requestDiagnosis(incident) {
      const taskId = `diag_${incident}`;
      controlPlane().send('incidents', {
        type: 'remediation.requested', incident, taskId, atMs: clock.now(),
      } as { type: string });
      return taskId;
    },

    record(incident, type, data) {
      journal.append({
        type, actor: 'playbook', incident, data, atMs: clock.now(), wallMs: clock.wallNow(),
      });
    },

    synced: () => journal.flush(),
  };
}

export function remediationWork(options: RecoveryOptions): RemediationWork {
  const { specs, clock, mesh, registry, overlays } = options;

  return {
    async collectEvidence(incident, kernels) {
      const deaths = await registry.deaths.settled(kernels, settleMs);
      const evidence = deaths.map((death): KernelEvidence => {
        const spec = specs.find(({ id }) => id === death.kernel)!;
        const { kernel, epoch, reason, diedAtMs, startedAtMs, memory, stack, osState } = death;
        const deathsRecently = registry.deaths.all
          .filter((other) => other.kernel === kernel && diedAtMs - other.diedAtMs <= recentlyMs).length;
        return {
          kernel, epoch, reason, diedAtMs, memory, deathsRecently, module: spec.module,
          ranMs: diedAtMs - startedAtMs, heapLimitMb: spec.limits.heapMb,
          ...(stack && { stack }), ...(osState && { osState }),
        };
      });
      return collectEvidence(incident, clock.now(), evidence);
    },

    /** Waits until the coding agent is back, and asks it; when it dies over it, asks the next one. */
    async diagnose(task: DiagnosticTask, signal: AbortSignal): Promise<Diagnosis> {
      while (!signal.aborted) {
        if (registry.runningEpoch(codingAgent) === undefined && !(await becomesReady(mesh, codingAgent, signal))) {
          break;
        }
        try {
          return (await registry.call(codingAgent, task, diagnoseTimeoutMs, signal)) as Diagnosis;
        } catch (error) {
          // Only its death is a reason to ask again; its own error is the answer.
          if (toErrorRecord(error).code !== 'GRACE_KERNEL_NOT_RUNNING') throw error;
        }
      }
      throw new Error('nobody waits for the diagnosis any more');
    },

    async applyMitigations(incident, requests) {
      return requests.map((request) => {
        const { mitigation, replaced } = overlays.apply(incident, request);
        for (const old of replaced) {
          mesh.publish({
            type: 'mitigation.reverted', source: 'remediation', correlationId: incident,
            payload: { incident: old.incident, mitigation: old, why: `replaced by ${mitigation.id}` },
          });
        }
        mesh.publish({
          type: 'mitigation.applied', source: 'remediation', correlationId: incident,
          payload: { incident, mitigation },
        });
        return mitigation;
      });
    },
  };
}

/** Resolves with true at the kernel's next `kernel.ready`, with false when nobody waits any more. */
function becomesReady(mesh: Mesh, kernel: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (ready: boolean) => {
      unsubscribe();
      resolve(ready);
    };
    const unsubscribe = mesh.subscribe(['kernel.ready'], (event) => {
      if (event.type === 'kernel.ready' && event.payload.kernel === kernel) done(true);
    });
    signal.addEventListener('abort', () => done(false), { once: true });
  });
}
