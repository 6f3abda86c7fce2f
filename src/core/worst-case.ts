/**
 * How long a playbook can take at most: the proof that it keeps its SLO.
 *
 * The longest path over all ways through it, with every try running into its timeout: tries times
 * timeout, plus the waits between them; a parallel step is the slowest of *all* its branches, because
 * failures can leave a join of n undecided until the last; then compensation and `finally`.
 */
import { formatDuration } from './duration.ts';
import { GraceError } from './errors.ts';
import { retryDelayMs, type ActionStep, type Playbook, type Step } from './playbook.ts';

export interface WorstCase {
  readonly totalMs: number;
  /** Compensation and `finally`: the part of the SLO kept for them, ms. */
  readonly reserveMs: number;
  readonly path: readonly { readonly step: string; readonly ms: number; readonly how: string }[];
}

type Leg = WorstCase['path'][number];

/** @example worstCase(playbook).totalMs <= playbook.sloMs // or it is not loaded */
export function worstCase(playbook: Playbook): WorstCase {
  const main = longestFrom(playbook.steps, 0);
  const compensations = playbook.steps
    .flatMap((step) => (step.kind === 'action' ? [step] : step.branches))
    .flatMap(({ id, compensate }) => (compensate ? [leg(`compensate ${id}`, compensate.timeoutMs)] : []));
  const closing = playbook.finally.map((step) => legOfAction(step, `finally ${step.id}`));
  const reserve = [...compensations, ...closing];
  const reserveMs = sum(reserve);
  return { totalMs: sum(main) + reserveMs, reserveMs, path: [...main, ...reserve] };
}

/** @throws GRACE_PLAYBOOK_OVER_SLO with the path and the sum, when the worst case exceeds the SLO. */
export function proveSlo(playbook: Playbook, file: string): WorstCase {
  const worst = worstCase(playbook);
  if (worst.totalMs <= playbook.sloMs) return worst;
  throw new GraceError(
    'GRACE_PLAYBOOK_OVER_SLO',
    `${file}: the worst case of "${playbook.id}" is ${formatDuration(worst.totalMs)}, over its slo of ` +
      `${formatDuration(playbook.sloMs)} by ${formatDuration(worst.totalMs - playbook.sloMs)}: ` +
      `${describePath(worst)}. Shorten timeouts or retries, or raise the slo.`,
    { details: { file, playbook: playbook.id, sloMs: playbook.sloMs, ...worst } },
  );
}

/** The path as one line. @example "a 60s + b (3 x 10s + 2 x 5s) 40s = 1.5m" */
export function describePath({ path, totalMs }: WorstCase): string {
  const legs = path.map(({ step, ms, how }) => `${step}${how ? ` (${how})` : ''} ${formatDuration(ms)}`);
  return `${legs.join(' + ')} = ${formatDuration(totalMs)}`;
}

/** `goto` only leads forward, so the way is finite. */
function longestFrom(steps: readonly Step[], index: number): readonly Leg[] {
  // From the last step back, so that no way is walked twice.
  const longest: (readonly Leg[])[] = [];
  longest[steps.length] = [];
  for (let at = steps.length - 1; at >= index; at -= 1) {
    const step = steps[at]!;
    const next = longest[at + 1]!;
    const jump = typeof step.onFailure === 'object' ? step.onFailure.goto : undefined;
    const target = jump === undefined ? next : longest[steps.findIndex(({ id }) => id === jump)]!;
    longest[at] = [legOf(step), ...(sum(target) > sum(next) ? target : next)];
  }
  return longest[index]!;
}

function legOf(step: Step): Leg {
  if (step.kind === 'action') return legOfAction(step, step.id);
  const slowest = step.branches.map((branch) => legOfAction(branch, branch.id))
    .reduce((worst, branch) => (branch.ms > worst.ms ? branch : worst));
  return { step: step.id, ms: slowest.ms, how: `slowest of ${step.branches.length}: ${slowest.step}` };
}

function legOfAction({ timeoutMs, retry }: ActionStep, name: string): Leg {
  const waitsMs = Array.from({ length: retry.attempts - 1 }, (_, n) => retryDelayMs(retry, n + 1));
  const waitMs = waitsMs.reduce((total, ms) => total + ms, 0);
  const ms = retry.attempts * timeoutMs + waitMs;
  if (retry.attempts === 1) return leg(name, ms);
  const how = `${retry.attempts} x ${formatDuration(timeoutMs)} + ${formatDuration(waitMs)} of waiting`;
  return { step: name, ms, how };
}

const leg = (step: string, ms: number): Leg => ({ step, ms, how: '' });
const sum = (legs: readonly Leg[]) => legs.reduce((total, { ms }) => total + ms, 0);
