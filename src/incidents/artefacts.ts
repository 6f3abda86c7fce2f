/** The artefacts of the seed, made from an incident's record: file name to content. */
import { stringify } from 'yaml';
import { redact } from '../core/redact.ts';
import type { IncidentRecord, RunRecord } from './incident-record.ts';

export function artefactsOf(record: IncidentRecord): Readonly<Record<string, string>> {
  const run = [...record.runs.values()].at(-1);
  return {
    'trigger-event.json': json(triggerEvents(record)),
    'control-plane-dumps.json': json(record.dumps.map(stamped)),
    'resource-timeline.json': json(record.samples.map(stamped)),
    'coding-agent-task.json': json(codingAgentTask(record)),
    ...(run && { 'playbook-execution-log.yaml': executionLog(record, run) }),
    ...(record.report !== null && { 'report.json': json(report(record)) }),
  };
}

/** The newest event that was fired, in the shape of the seed, and those before it. */
function triggerEvents(record: IncidentRecord) {
  const events = record.triggers.map((trigger) => {
    const { playbook, kernels_down, kernels_degraded, emergency_protocol, severity } = trigger.payload;
    return {
      source: trigger.type === 'event.custom' ? trigger.payload.trigger_id : 'critical_kernel_trigger',
      event_type: trigger.type,
      event_id: trigger.id,
      caused_by: trigger.causationId,
      timestamp: new Date(trigger.wallMs).toISOString(),
      payload: { playbook, severity, kernels_down, kernels_degraded, emergency_protocol },
    };
  });
  const newest = events.at(-1);
  return newest ? { ...newest, incident: record.incident, before: events.slice(0, -1) } : null;
}

function executionLog(record: IncidentRecord, run: RunRecord): string {
  const { playbook, playbookHash, status, why, ms, steps } = run;
  const counted = steps.filter((step) => step.status !== 'cancelled');
  const good = counted.filter((step) => step.status === 'done' || step.status === 'skipped');
  const restarts = steps.find((step) => (step.result as { restarted?: unknown } | undefined)?.restarted);
  const { restarted = [] } = (restarts?.result ?? {}) as { restarted?: readonly string[] };
  return stringify({
    playbook_id: playbook,
    run_id: run.run,
    playbook_sha256: playbookHash,
    execution_time: `${(ms / 1_000).toFixed(3)}s`,
    steps_completed: `${good.length}/${steps.length}`,
    success: status === 'completed',
    status,
    ...(why !== null && { why }),
    kernels_recovered: `${restarted.length}/${record.kernels.length}`,
    superseded_runs: [...record.runs.values()].slice(0, -1).map((other) => ({
      run_id: other.run, playbook_id: other.playbook, status: other.status,
    })),
    steps: steps.map(({ step, ms: stepMs, ...rest }) => ({ id: step, ms: Number(stepMs.toFixed(3)), ...rest })),
  });
}

function codingAgentTask({ taskId, kernels, diagnosis, mitigations, severity }: IncidentRecord) {
  const noun = kernels.length === 1 ? 'kernel' : 'critical kernels';
  return {
    task_id: taskId,
    task_type: 'diagnostics',
    description: `${severity === 'emergency' ? 'Emergency' : 'Incident'}: ${kernels.length} ${noun} failed`,
    kernels,
    analysis: diagnosis && {
      root_cause: diagnosis.rootCause,
      root_cause_category: diagnosis.category,
      subcause: diagnosis.subcause,
      confidence: diagnosis.confidence,
      evidence: diagnosis.evidence,
      fix_actions: diagnosis.actions,
      preventive_measures: diagnosis.preventiveMeasures,
      fix_generated: diagnosis.mitigations.length > 0,
      fix_applied: mitigations > 0,
    },
  };
}

const report = ({ incident, kernels, report: why, diagnosis }: IncidentRecord) => ({
  incident, kernels, escalated_because: why, diagnosis,
});

const json = (value: unknown) => `${JSON.stringify(value, redact, 2)}\n`;

const stamped = <T extends { readonly wallMs: number }>({ wallMs, ...rest }: T) => ({
  timestamp: new Date(wallMs).toISOString(), ...rest,
});
