import { fromPromise } from 'xstate';
import type { Attempt, Performed } from '../../machines/playbook-run.machine.ts';
import { GraceError, toErrorRecord } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import type { RecoveryPorts } from '../core/recovery-ports.ts';
import type { Action, ActionRegistry } from './actions.ts';
import { evaluate, fill } from './expressions.ts';

/**
 * Performs one try of a step. Its errors carry the reading of the clock, for the chart.
 *
 * The intent of an action that must not be done twice is on the disk before it starts; a restart is
 * journalled alongside, and is on the disk before the step counts as done.
 */
export function performer(actions: ActionRegistry, ports: RecoveryPorts, clock: Clock) {
  return fromPromise<Performed, Attempt>(async ({ input, signal }) => {
    try {
      const action = actions.get(input.action);
      if (!action) throw unknownAction(input.action);
      if (action.effect === 'once') await ports.synced();
      const value = await act(action, input, signal);
      if (action.effect === 'restart') await ports.synced();
      return { atMs: clock.now(), value };
    } catch (error) {
      // Not an Error on purpose: the chart needs the reading beside it.
      // oxlint-disable-next-line no-throw-literal
      throw { atMs: clock.now(), error: toErrorRecord(error) };
    }
  });

  async function act(action: Action, attempt: Attempt, signal: AbortSignal): Promise<unknown> {
    const once = (item?: unknown, key = attempt.key) =>
      action.run(fill(attempt.with, attempt.scope, item) as Record<string, unknown>, {
        ports,
        run: attempt.runId,
        incident: attempt.incident,
        key,
        signal,
        timeoutMs: Math.max(1, attempt.deadlineAtMs - clock.now()),
        runDeadlineAtMs: attempt.runDeadlineAtMs,
      });
    if (!attempt.forEach) return once();
    const { items, max } = attempt.forEach;
    const list = evaluate(items, attempt.scope);
    if (!Array.isArray(list) || list.length > max) {
      throw new GraceError(
        'GRACE_ACTION_FAILED',
        `for_each of step "${attempt.step}" needs a list of at most ${max} items: ${items}`,
        { details: { step: attempt.step } },
      );
    }
    return Promise.all(list.map((item, index) => once(item, `${attempt.key}/${index}`)));
  }
}

const unknownAction = (name: string) => new GraceError(
  'GRACE_ACTION_UNKNOWN', `No action is called "${name}". See grace playbook check.`,
);
