/**
 * How long a playbook can take at most: the proof that it keeps its SLO.
 *
 * The longest path over all ways through it, with every try running into its timeout and every wait at its
 * longest. A path carries what it has done: that may have to be undone when the path ends badly, and what
 * failed or was never reached is not undone. A parallel step fails with the slowest of *all* its branches, and
 * is done with the last that its join needs. `finally` comes last. Every `when` is taken to hold.
 */
import { formatDuration } from './duration.ts';
import { GraceError } from './errors.ts';
import { longestRetryDelayMs, type ActionStep, type Playbook, type Step } from './playbook.ts';

/** One stretch of the path. */
export interface Leg {
  /** A step, `compensate <step>` or `finally <step>`. */
  readonly step: string;
  readonly attempts: number;
  /** Of each try. */
  readonly timeoutMs: number;
  /** Between the tries, together. */
  readonly waitMs: number;
  readonly ms: number;
  /** In words, where it is more than one try. */
  readonly how: string;
  /** `cancelled`: at its last instant, as a run is that is superseded. */
  readonly ends: 'done' | 'failed' | 'cancelled';
  /** Of a parallel step: the branches that are done on this path. */
  readonly branches?: readonly string[];
}

export interface WorstCase {
  /** The longest path, from the first step to the last of `finally`. */
  readonly legs: readonly Leg[];
  readonly totalMs: number;
  /** The most that compensation and `finally` can need at any moment of any path. */
  readonly reserveMs: number;
  readonly sloMs: number;
  /** What is left of the SLO; negative when it is exceeded. */
  readonly slackMs: number;
}

/** @example worstCase(playbook).slackMs >= 0 // or it is not loaded */
export function worstCase(playbook: Playbook): WorstCase {
  const { sloMs } = playbook;
  const closing = playbook.finally.map((step) => longestLeg(step, `finally ${step.id}`, 'failed'));
  const longest = worstPath(playbook, ({ legs, undo }) => sum(legs) + sum(undo));
  const mostUndone = worstPath(playbook, ({ undo }) => sum(undo));
  const legs = [...longest.legs, ...longest.undo, ...closing];
  const totalMs = sum(legs);
  return { legs, totalMs, reserveMs: sum(mostUndone.undo) + sum(closing), sloMs, slackMs: sloMs - totalMs };
}

/** @throws GRACE_PLAYBOOK_OVER_SLO with the path and the sums, when the worst case exceeds the SLO. */
export function proveSlo(playbook: Playbook, file: string): WorstCase {
  const worst = worstCase(playbook);
  if (worst.slackMs >= 0) return worst;
  throw new GraceError(
    'GRACE_PLAYBOOK_OVER_SLO',
    `${file}: the worst case of "${playbook.id}" is ${formatDuration(worst.totalMs)}, over its slo of ` +
      `${formatDuration(playbook.sloMs)} by ${formatDuration(-worst.slackMs)}: ` +
      `${describePath(worst)}. Shorten timeouts or retries, or raise the slo.`,
    { details: { file, playbook: playbook.id, ...worst } },
  );
}

/** The path as one line. @example "a 60s + b (3 x 10s + 10s of waiting) 40s = 1.5m" */
export function describePath({ legs, totalMs }: WorstCase): string {
  const shown = legs.map(({ step, ms, how }) => `${step}${how ? ` (${how})` : ''} ${formatDuration(ms)}`);
  return `${shown.join(' + ')} = ${formatDuration(totalMs)}`;
}

/**
 * What a run keeps of its SLO at one moment, ms: for `finally`, for what it has done, and for what the step
 * under way may yet do. It only shrinks while a step runs, and is never more than `reserveMs`.
 *
 * @param undo - What is to be undone if the run ends now.
 * @param statusOf - How a step or branch has ended; anything else when it has not.
 */
export function reserveAt(
  playbook: Playbook,
  step: Step,
  undo: readonly { readonly timeoutMs: number }[],
  statusOf: (id: string) => string | undefined,
): number {
  const statuses = branchesOf(step).map(({ id }) => statusOf(id));
  const good = statuses.filter((status) => status === 'done' || status === 'skipped').length;
  const running = branchesOf(step)
    .filter((_, at) => !['done', 'skipped', 'failed'].includes(statuses[at] ?? 'running'));
  const neededMax = joinOf(step) - good;
  // Once the last step is over nothing can go wrong any more, unless it aborts or there are success criteria.
  const isLast = playbook.success.length === 0 && step.id === playbook.steps.at(-1)?.id;
  const stillRunning = step.onFailure === 'abort' ? 0 : 1;
  const mayBeDone = dearest(running, isLast ? Math.min(neededMax - 1, running.length - stillRunning) : neededMax);
  const closingMs = sum(playbook.finally.map((one) => longestLeg(one, one.id, 'failed')));
  return closingMs + undo.reduce((total, { timeoutMs }) => total + timeoutMs, 0) + sum(undoOf(mayBeDone));
}

interface Path {
  readonly legs: readonly Leg[];
  /** What is undone at its end, the last first. */
  readonly undo: readonly Leg[];
}

/** From the last step back, so that no way is walked twice: `goto` only leads forward. */
function worstPath(playbook: Playbook, weigh: (path: Path) => number): Path {
  const { steps, success } = playbook;
  const nothing: Path = { legs: [], undo: [] };
  const worstFrom: (Path | undefined)[] = [];
  // Behind the last step only a success criterion can still make the run fail.
  worstFrom[steps.length] = success.length > 0 ? nothing : undefined;
  for (let at = steps.length - 1; at >= 0; at -= 1) {
    const paths = waysOf(steps, at).flatMap(({ legs, undo, to }): Path[] => {
      const rest = to === 'end' ? nothing : worstFrom[to];
      return rest ? [{ legs: [...legs, ...rest.legs], undo: [...rest.undo, ...undo] }] : [];
    });
    worstFrom[at] = paths.reduce((worst, path) => (weigh(path) > weigh(worst) ? path : worst));
  }
  return worstFrom[0] ?? nothing;
}

/** Each way in which a step can end, at its longest, and the step to which it leads. */
function waysOf(steps: readonly Step[], at: number): (Path & { readonly to: number | 'end' })[] {
  const step = steps[at]!;
  const { onFailure } = step;
  const branches = branchesOf(step);
  const dearestBut = (branch: ActionStep) => dearest(branches.filter((one) => one !== branch), joinOf(step) - 1);
  // Whichever branch decides the join, the dearest of the others are done before it.
  const done = branches.map((last) => wayOf(step, [last, ...dearestBut(last)], 'done'));
  const failed = wayOf(step, dearest(branches, joinOf(step) - 1), 'failed');
  // One branch is still under way, or the step would be over.
  const cancelled = branches.map((last) => wayOf(step, dearestBut(last), 'cancelled'));
  const next = typeof onFailure === 'object' ? steps.findIndex(({ id }) => id === onFailure.goto) : at + 1;
  return [
    ...done.map((way) => ({ ...way, to: at + 1 })),
    ...(onFailure === 'abort'
      ? [{ ...failed, to: 'end' as const }]
      : [{ ...failed, to: next }, ...cancelled.map((way) => ({ ...way, to: 'end' as const }))]),
  ];
}

function wayOf(step: Step, done: readonly ActionStep[], ends: Leg['ends']): Path {
  const undo = undoOf(done);
  if (step.kind === 'action') return { legs: [longestLeg(step, step.id, ends)], undo };
  // It is done with the last branch that is needed, fails with the last of all, is cancelled while one is running.
  const deciding = step.branches.filter((one) => ends === 'failed' || done.includes(one) === (ends === 'done'));
  const [slowest] = deciding.map((branch) => longestLeg(branch, branch.id, ends)).toSorted((a, b) => b.ms - a.ms);
  const how = `${ends === 'done' ? `${step.join} of ${step.branches.length} done` : 'slowest'}: ${slowest!.step}`;
  return { legs: [{ ...slowest!, step: step.id, how, branches: done.map(({ id }) => id) }], undo };
}

/** An action with every try at its timeout and every wait at its longest. */
export function longestLeg({ timeoutMs, retry }: ActionStep, step: string, ends: Leg['ends']): Leg {
  const { attempts } = retry;
  let waitMs = 0;
  for (let attempt = 1; attempt < attempts; attempt += 1) waitMs += longestRetryDelayMs(retry, attempt);
  const how = `${attempts} x ${formatDuration(timeoutMs)} + ${formatDuration(waitMs)} of waiting`;
  const ms = attempts * timeoutMs + waitMs;
  return { step, attempts, timeoutMs, waitMs, ms, how: attempts > 1 ? how : '', ends };
}

const undoOf = (done: readonly ActionStep[]): Leg[] =>
  done.flatMap(({ id, compensate }): Leg[] => {
    if (!compensate) return [];
    const { timeoutMs } = compensate;
    return [{ step: `compensate ${id}`, attempts: 1, timeoutMs, waitMs: 0, ms: timeoutMs, how: '', ends: 'failed' }];
  });

/** Those that take longest to undo. */
const dearest = (branches: readonly ActionStep[], count: number): readonly ActionStep[] =>
  branches.toSorted((a, b) => (b.compensate?.timeoutMs ?? 0) - (a.compensate?.timeoutMs ?? 0))
    .slice(0, Math.max(0, count));

const branchesOf = (step: Step) => (step.kind === 'action' ? [step] : step.branches);
const joinOf = (step: Step) => (step.kind === 'action' ? 1 : step.join);
const sum = (legs: readonly Leg[]) => legs.reduce((total, { ms }) => total + ms, 0);
