// Random valid playbooks, and runs of them whose every try has a fate that the test decides.
import fc from 'fast-check';
import type { ActionStep, OnFailure, Playbook, Step } from '../../src/core/playbook.ts';
import type { WorstCase } from '../../src/core/worst-case.ts';
import { startRun, type Fate } from './playbook-world.ts';
import { VirtualClock } from './virtual-clock.ts';

interface Draft {
  readonly timeoutMs: number;
  readonly attempts: number;
  readonly delayMs: number;
  readonly backoff: 'constant' | 'exponential';
  readonly maxDelayMs: number | null;
  readonly jitter: number;
  readonly undoMs: number | null;
  readonly when: string | null;
}

const aDraft: fc.Arbitrary<Draft> = fc.record({
  timeoutMs: fc.integer({ min: 50, max: 5_000 }),
  attempts: fc.integer({ min: 1, max: 4 }),
  delayMs: fc.nat(1_000),
  backoff: fc.constantFrom('constant', 'exponential'),
  maxDelayMs: fc.option(fc.integer({ min: 100, max: 2_000 }), { freq: 2 }),
  jitter: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1, noNaN: true })),
  undoMs: fc.option(fc.integer({ min: 50, max: 5_000 }), { freq: 2 }),
  when: fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.constant('inputs.go') }),
});

function actionOf(id: string, draft: Draft, onFailure: OnFailure): ActionStep {
  const { timeoutMs, attempts, delayMs, backoff, maxDelayMs, jitter, undoMs, when } = draft;
  return {
    kind: 'action', id, action: 'any', with: {}, when, timeoutMs, onFailure, forEach: null, saveAs: null,
    retry: { attempts, delayMs, backoff, maxDelayMs, jitter },
    compensate: undoMs === null ? null : { action: 'undo', with: {}, timeoutMs: undoMs },
  };
}

/** One to five steps; a way is 0 for abort, 1 for continue, more for a jump ahead, where there is a step to jump to. */
export const aPlaybook: fc.Arbitrary<Playbook> = fc.record({
  steps: fc.array(
    fc.record({
      branches: fc.array(aDraft, { minLength: 1, maxLength: 4 }), join: fc.nat(3), way: fc.nat(4), alone: fc.boolean(),
    }),
    { minLength: 1, maxLength: 5 },
  ),
  closing: fc.array(aDraft, { maxLength: 2 }),
  success: fc.constantFrom([], ['inputs.kept']),
}).map(({ steps: drafts, closing, success }) => {
  const steps = drafts.map(({ branches, join, way, alone }, at): Step => {
    const id = `s${at}`;
    const jump = at + way;
    const isJump = way > 1 && jump < drafts.length;
    const onFailure: OnFailure = isJump ? { goto: `s${jump}` } : way === 0 ? 'abort' : 'continue';
    if (alone) return actionOf(id, branches[0]!, onFailure);
    return {
      kind: 'parallel', id, onFailure, when: branches[0]!.when, join: (join % branches.length) + 1,
      branches: branches.map((branch, n) => actionOf(`${id}_${n}`, branch, 'abort')),
    };
  });
  return {
    id: 'random', version: 1, title: 'random', hash: '', on: null, cooldownMs: 0, inputs: {}, steps, success,
    // Generous, so that it is the bound that holds and not the alarm of the SLO.
    sloMs: 1e9, finally: closing.map((draft, n) => actionOf(`f${n}`, draft, 'continue')),
  };
});

export const aFate: fc.Arbitrary<Fate> = fc.record({
  ms: fc.oneof(fc.nat(20), fc.nat(6_000)), ends: fc.constantFrom('done', 'failed', 'hang'),
});

export const fates = fc.array(aFate, { minLength: 1, maxLength: 20 });

/** How a step and all its tries go: the extremes, which is where a bound breaks. */
export type Style = 'done at once' | 'done late' | 'fails at once' | 'fails late';

export const styles: fc.Arbitrary<readonly Style[]> = fc.array(
  fc.constantFrom<Style>('done at once', 'done late', 'fails at once', 'fails late'), { minLength: 1, maxLength: 20 },
);

/** Fates by style, one for each step in the order of the playbook. Undoing takes all its time. */
export function inStyle(playbook: Playbook, given: readonly Style[]): (attempt: Try) => Fate {
  const actions = [...playbook.steps, ...playbook.finally]
    .flatMap((step) => (step.kind === 'action' ? [step] : step.branches));
  return ({ step, attempt, isUndo, leftMs }) => {
    const at = actions.findIndex(({ id }) => id === step);
    const style = given[at % given.length]!;
    if (isUndo || style === 'fails late') return { ms: 0, ends: 'hang' };
    if (style === 'fails at once') return { ms: 0, ends: 'failed' };
    if (style === 'done at once') return { ms: 0, ends: 'done' };
    return attempt === actions[at]!.retry.attempts ? { ms: leftMs, ends: 'done' } : { ms: 0, ends: 'hang' };
  };
}

export interface Ended {
  readonly endedAtMs: number;
  readonly status: string;
  /** What was undone, in that order. */
  readonly undone: readonly string[];
  readonly steps: readonly { readonly step: string; readonly status: string }[];
  /** Steps whose action was done, in the order of their ends. */
  readonly done: readonly string[];
}

/** One try, as an adversary sees it. */
export interface Try {
  readonly step: string;
  readonly attempt: number;
  readonly isUndo: boolean;
  readonly atMs: number;
  readonly leftMs: number;
}

/** Runs a playbook to its end; `fateOf` decides about each try, `cancelAtMs` about the run. */
export async function play(
  playbook: Playbook,
  fateOf: (attempt: Try) => Fate,
  { cancelAtMs, inputs }: { cancelAtMs?: number | null; inputs: Readonly<Record<string, unknown>> },
): Promise<Ended> {
  const clock = new VirtualClock();
  const undone: string[] = [];
  let cancel = () => {};
  // Set first, so that it is first at its instant.
  if (cancelAtMs !== undefined && cancelAtMs !== null) clock.setTimeout(() => cancel(), cancelAtMs);
  const run = startRun(playbook, clock, ({ step, key, deadlineAtMs }, signal) => {
    const isUndo = key.includes('/compensate.');
    if (isUndo) undone.push(step);
    const attempt = Number(key.split('/').at(-1));
    const fate = fateOf({ step, attempt, isUndo, atMs: clock.now(), leftMs: deadlineAtMs - clock.now() });
    return new Promise((resolve, reject) => {
      if (fate.ends === 'hang') return;
      const timer = clock.setTimeout(
        () => (fate.ends === 'done' ? resolve(1) : reject(new Error('told to fail'))), fate.ms,
      );
      signal.addEventListener('abort', () => clock.clearTimeout(timer));
    });
  }, inputs);
  cancel = () => {
    if (run.endedAtMs === Infinity) run.actor.send({ type: 'run.cancelled', reason: 'test', atMs: clock.now() });
  };
  // Nothing happens after the deadline, so this is far enough.
  await clock.advance(playbook.sloMs + 1);
  const { status, steps } = run.output()!;
  const done = run.said.flatMap((one) =>
    (one.type === 'run.step_ended' && one.payload.status === 'done' ? [one.payload.step] : []));
  return { endedAtMs: run.endedAtMs, status, undone, steps, done };
}

/**
 * Plays the critical path: each try takes its whole timeout, what the path has done is done at the last instant of
 * its last try, everything else fails, and a run that the path ends by a cancel is cancelled at that instant. With
 * jitter it may take less: how long a wait is, is not the adversary's to choose.
 */
export function playWorst(playbook: Playbook, { legs }: WorstCase): Promise<Ended> {
  const path = legs.filter(({ step }) => !/^(compensate|finally) /.test(step));
  const isDone = new Set(path.flatMap(({ step, ends, branches }) => branches ?? (ends === 'done' ? [step] : [])));
  // A cancel comes while another branch is under way: how long these took does not matter.
  const atOnce = new Set(path.flatMap(({ ends, branches }) => (ends === 'cancelled' ? branches ?? [] : [])));
  const actions = new Map(playbook.steps.flatMap((step) => (step.kind === 'action' ? [step] : step.branches))
    .map((step) => [step.id, step]));
  let sumMs = 0;
  let cancelAtMs: number | null = null;
  for (const { ms, ends } of path) {
    sumMs += ms;
    if (ends === 'cancelled') cancelAtMs = sumMs;
  }
  return play(playbook, ({ step, attempt, isUndo, leftMs }) => {
    if (!isUndo && atOnce.has(step)) return { ms: 0, ends: 'done' };
    const isLast = attempt === actions.get(step)?.retry.attempts;
    if (isUndo || !isDone.has(step) || !isLast) return { ms: 0, ends: 'hang' };
    return { ms: leftMs, ends: 'done' };
  }, { cancelAtMs, inputs: { go: true, kept: false } });
}
