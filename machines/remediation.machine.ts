/**
 * What is done about the cause: evidence, then a diagnosis by the coding agent, then what the policy of
 * its category allows.
 *
 * | state                | what is true while it lasts                        | leaves on              |
 * | -------------------- | -------------------------------------------------- | ---------------------- |
 * | working.collecting   | the evidence is put together                       | done, failed           |
 * | working.diagnosing   | the task waits for, or is with, the coding agent   | the diagnosis, failed  |
 * | working.mitigating   | overlays of the runtime are applied (resource)     | done, failed           |
 * | mitigated            | they are in place, journalled and reversible       | final                  |
 * | review               | a change waits for approval (configuration, imports) | final                |
 * | escalated            | people have the report; nothing was touched        | final                  |
 *
 * All of `working` is over at its deadline: a cause nobody named in time is escalated too.
 */
import { assign, setup } from 'xstate';
import { toErrorRecord } from '../src/core/errors.ts';
import type {
  Diagnosis, DiagnosticTask, EvidenceBundle, Mitigation, MitigationRequest,
} from '../src/core/diagnosis.ts';
import type { AnyAnnouncement, EventCause } from '../src/core/events.ts';
import { requiredAction, requiredActor, requiredAlarm } from './required.ts';

export interface RemediationInput {
  readonly taskId: string;
  readonly incident: string;
  readonly kernels: readonly string[];
  /** Absolute, ms. */
  readonly deadlineAtMs: number;
  /** The event that opened the incident. */
  readonly cause: EventCause;
}

export type RemediationOutcome = 'mitigated' | 'review' | 'escalated';

export interface RemediationOutput {
  readonly outcome: RemediationOutcome;
  readonly diagnosis: Diagnosis | null;
}

export interface Context extends RemediationInput {
  readonly evidence: EvidenceBundle | null;
  readonly diagnosis: Diagnosis | null;
}

export const remediationMachine = setup({
  types: {
    input: {} as RemediationInput, context: {} as Context, output: {} as RemediationOutput,
  },
  actors: {
    alarm: requiredAlarm(),
    collectEvidence: requiredActor<EvidenceBundle, { incident: string; kernels: readonly string[] }>(
      'collectEvidence',
    ),
    /** Waits for the coding agent to be back, and asks it. */
    diagnose: requiredActor<Diagnosis, DiagnosticTask>('diagnose'),
    applyMitigations: requiredActor<
      readonly Mitigation[], { incident: string; requests: readonly MitigationRequest[] }
    >('applyMitigations'),
  },
  guards: {
    hasMitigation: (_, { category, mitigations }: Diagnosis) =>
      category === 'resource' && mitigations.length > 0,
    wantsReview: (_, { category }: Diagnosis) => category === 'configuration' || category === 'dependency',
  },
  actions: {
    publish: requiredAction<AnyAnnouncement>('publish'),
    /** Hands the whole story to people: `<data-dir>/incidents/<id>/` and the journal. */
    escalate: requiredAction<{ incident: string; diagnosis: Diagnosis | null; why: string }>('escalate'),
  },
}).createMachine({
  id: 'remediation',
  // A loop of eventless transitions is an error, not a host that hangs.
  options: { maxIterations: 1_000 },
  context: ({ input }) => ({ ...input, evidence: null, diagnosis: null }),
  output: ({ context, event }) => ({
    outcome: (event as unknown as { output: RemediationOutcome }).output,
    diagnosis: context.diagnosis,
  }),
  initial: 'working',
  states: {
    working: {
      invoke: {
        id: 'alarm',
        src: 'alarm',
        input: ({ context }) => ({ atMs: context.deadlineAtMs }),
        onDone: {
          target: 'escalated',
          actions: {
            type: 'escalate', params: ({ context }) => report(context, 'nobody named a cause in time'),
          },
        },
      },
      initial: 'collecting',
      states: {
        collecting: {
          invoke: {
            id: 'collectEvidence',
            src: 'collectEvidence',
            input: ({ context: { incident, kernels } }) => ({ incident, kernels }),
            onDone: {
              target: 'diagnosing',
              actions: [
                assign({ evidence: ({ event }) => event.output }),
                {
                  type: 'publish',
                  params: ({ context: { taskId, incident, kernels, cause } }) => ({
                    type: 'diagnosis.requested',
                    source: 'remediation',
                    correlationId: incident,
                    cause,
                    payload: { taskId, incident, kernels },
                  }),
                },
              ],
            },
            onError: {
              target: '#remediation.escalated',
              actions: { type: 'escalate', params: ({ context, event }) => failed(context, event.error) },
            },
          },
        },
        diagnosing: {
          invoke: {
            id: 'diagnose',
            src: 'diagnose',
            input: ({ context }) => taskOf(context),
            onDone: [
              {
                guard: { type: 'hasMitigation', params: ({ event }) => event.output },
                target: 'mitigating',
                actions: [
                  assign({ diagnosis: ({ event }) => event.output }),
                  { type: 'publish', params: ({ context, event }) => diagnosed(context, event.output) },
                ],
              },
              {
                guard: { type: 'wantsReview', params: ({ event }) => event.output },
                target: '#remediation.review',
                actions: [
                  assign({ diagnosis: ({ event }) => event.output }),
                  { type: 'publish', params: ({ context, event }) => diagnosed(context, event.output) },
                  {
                    type: 'publish',
                    params: ({ context, event }) => ({
                      type: 'fix.proposed',
                      source: 'remediation',
                      correlationId: context.incident,
                      cause: context.cause,
                      payload: { incident: context.incident, diagnosis: event.output },
                    }),
                  },
                ],
              },
              {
                target: '#remediation.escalated',
                actions: [
                  assign({ diagnosis: ({ event }) => event.output }),
                  { type: 'publish', params: ({ context, event }) => diagnosed(context, event.output) },
                  {
                    type: 'escalate',
                    params: ({ context, event }) => ({
                      ...report(context, event.output.rootCause), diagnosis: event.output,
                    }),
                  },
                ],
              },
            ],
            onError: {
              target: '#remediation.escalated',
              actions: { type: 'escalate', params: ({ context, event }) => failed(context, event.error) },
            },
          },
        },
        mitigating: {
          invoke: {
            id: 'applyMitigations',
            src: 'applyMitigations',
            input: ({ context: { incident, diagnosis } }) => ({
              incident, requests: diagnosis?.mitigations ?? [],
            }),
            onDone: '#remediation.mitigated',
            onError: {
              target: '#remediation.escalated',
              actions: { type: 'escalate', params: ({ context, event }) => failed(context, event.error) },
            },
          },
        },
      },
    },
    mitigated: { type: 'final', output: 'mitigated' },
    review: { type: 'final', output: 'review' },
    escalated: { type: 'final', output: 'escalated' },
  },
});

function taskOf({ taskId, kernels, evidence }: Context): DiagnosticTask {
  return {
    task_id: taskId,
    task_type: 'diagnostics',
    description: `Find out why ${kernels.join(', ')} failed.`,
    evidence: evidence!,
  };
}

const report = ({ incident, diagnosis }: Context, why: string) => ({ incident, diagnosis, why });

const failed = (context: Context, error: unknown) =>
  report(context, `the remediation failed: ${toErrorRecord(error).message}`);

const diagnosed = ({ taskId, incident, cause }: Context, diagnosis: Diagnosis): AnyAnnouncement => ({
  type: 'diagnosis.completed',
  source: 'remediation',
  correlationId: incident,
  cause,
  payload: { taskId, diagnosis },
});
