import { stringify } from 'yaml';
import type { RunStatus, StepEnd } from '../core/events.ts';

export interface RunRecord {
  readonly run: string;
  readonly playbook: string;
  readonly playbookHash: string;
  readonly stepsTotal: number;
  readonly status: RunStatus;
  readonly why?: string;
  readonly ms: number;
  readonly steps: readonly StepEnd[];
  readonly kernelsRecovered: number;
  readonly kernelsTotal: number;
}

/** The playbook execution log of the seed, as YAML. */
export function runLog(record: RunRecord): string {
  const { run, playbook, playbookHash, status, why, ms, steps, stepsTotal } = record;
  const completed = steps.filter((step) => step.status === 'done' || step.status === 'skipped').length;
  return stringify({
    playbook_id: playbook,
    run_id: run,
    playbook_sha256: playbookHash,
    execution_time: `${(ms / 1_000).toFixed(3)}s`,
    steps_completed: `${completed}/${stepsTotal}`,
    success: status === 'completed',
    status,
    ...(why !== undefined && { why }),
    kernels_recovered: `${record.kernelsRecovered}/${record.kernelsTotal}`,
    steps: steps.map((step) => ({
      id: step.step,
      status: step.status,
      attempts: step.attempts,
      ms: Number(step.ms.toFixed(3)),
      ...(step.result !== undefined && { result: step.result }),
      ...(step.error !== undefined && { error: step.error }),
    })),
  });
}
