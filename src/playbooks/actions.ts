/** The actions that playbooks can name: what each wants, and what it does through the ports. */
import { z } from 'zod';
import { GraceError } from '../core/errors.ts';
import type { RecoveryPorts } from '../core/recovery-ports.ts';

export interface ActionContext {
  readonly ports: RecoveryPorts;
  readonly run: string;
  readonly incident: string;
  /** Idempotency key of this try. */
  readonly key: string;
  /** Aborted when the try is ended: its timeout, a cancel, the SLO. */
  readonly signal: AbortSignal;
  /** When the try is ended, ms from now. */
  readonly timeoutMs: number;
  /** When the run is over, monotonic ms. */
  readonly runDeadlineAtMs: number;
}

/** What is wrong with a parameter. */
export type Issue = z.core.$ZodIssue;

export interface Action {
  /** What is wrong with these parameters: nothing when they are right. */
  problemsOf(params: unknown): readonly Issue[];
  /**
   * `pure` and `idempotent` actions start at once. Before an `once` action its intent is synced. A
   * `restart` is journalled alongside, and synced before the next step.
   */
  readonly effect: 'pure' | 'idempotent' | 'once' | 'restart';
  run(params: Record<string, unknown>, context: ActionContext): Promise<unknown>;
}

export type ActionRegistry = ReadonlyMap<string, Action>;

/** Types an action against its own parameters. */
function action<T extends z.ZodObject>(
  params: T,
  effect: Action['effect'],
  run: (params: z.infer<T>, context: ActionContext) => Promise<unknown> | unknown,
): Action {
  return {
    problemsOf: (values) => params.safeParse(values).error?.issues ?? [],
    effect,
    run: async (raw, context) => run(params.parse(raw), context),
  };
}

const kernels = z.array(z.string()).max(100);
const failed = (message: string, details: Record<string, unknown>) =>
  new GraceError('GRACE_ACTION_FAILED', message, { details });

export const shippedActions: ActionRegistry = new Map<string, Action>([
  ['assess', action(z.strictObject({}), 'pure', (_, { ports }) => {
    const all = ports.overview();
    const down = all.filter(({ status }) => status !== 'running' && status !== 'degraded');
    return {
      kernels: all.length, running: all.length - down.length, down: down.map(({ kernel }) => kernel),
      full: all.filter(({ full }) => full).map(({ kernel }) => kernel),
    };
  })],

  ['enter_emergency_mode', action(z.strictObject({ reason: z.string() }), 'idempotent',
    ({ reason }, { ports, run, incident, runDeadlineAtMs }) => {
      ports.enterEmergency({ reason, owner: run, incident, deadlineAtMs: runDeadlineAtMs });
      return { active: true };
    })],

  ['leave_emergency_mode', action(z.strictObject({}), 'idempotent', (_, { ports, run }) => {
    ports.leaveEmergency(run);
    return { active: false };
  })],

  ['restart_kernels', action(
    z.strictObject({ kernels, at_least: z.number().int().min(0).optional(), emergency: z.boolean().default(false) }),
    'restart',
    async ({ kernels: wanted, at_least: atLeast, emergency }, { ports, incident, signal }) => {
      const results = await ports.restart({ kernels: wanted, incident, emergency }, signal);
      const restarted = results.filter((result) => result.restarted).map(({ kernel }) => kernel);
      const enough = atLeast ?? results.length;
      if (restarted.length < enough) {
        throw failed(
          `${restarted.length} of ${results.length} kernels came back, ${enough} are needed.`, { results },
        );
      }
      return { restarted, of: results.length };
    },
  )],

  ['verify_kernel', action(z.strictObject({ kernel: z.string() }), 'pure',
    async ({ kernel }, { ports, signal, timeoutMs }) => {
      if (await ports.probe(kernel, timeoutMs, signal)) return { healthy: true };
      throw failed(`Kernel "${kernel}" says that it cannot work.`, { kernel });
    })],

  ['verify_running', action(
    z.strictObject({ at_least: z.number().int().min(0), required: kernels.default([]) }), 'pure',
    ({ at_least: atLeast, required }, { ports }) => {
      const running = ports.overview()
        .filter(({ status }) => status === 'running' || status === 'degraded')
        .map(({ kernel }) => kernel);
      const missing = required.filter((kernel) => !running.includes(kernel));
      if (running.length < atLeast || missing.length > 0) {
        throw failed(
          `${running.length} kernels run, ${atLeast} are needed` +
            `${missing.length > 0 ? `; missing: ${missing.join(', ')}` : ''}.`,
          { running: running.length, atLeast, missing },
        );
      }
      return { running: running.length, of: ports.overview().length };
    },
  )],

  ['request_diagnosis', action(z.strictObject({}), 'idempotent', (_, { ports, incident }) => ({
    task: ports.requestDiagnosis(incident),
  }))],

  ['record', action(z.strictObject({ type: z.string(), data: z.record(z.string(), z.unknown()) }), 'once',
    ({ type, data }, { ports, incident }) => {
      ports.record(incident, type, data);
      return data;
    })],
]);
