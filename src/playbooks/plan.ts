/**
 * The schedule of a run before it runs: what an event leads to, when, and what is decided already.
 *
 * Times count from the event. A step may start as early as everything before it answers at once, so the earliest
 * start tells nothing but the order; the latest start and end take every try before it to its timeout.
 */
import { kernelsOf, runInputs } from '../../machines/incident.machine.ts';
import { GraceError } from '../core/errors.ts';
import type { ActionStep, Playbook, Scope, Step } from '../core/playbook.ts';
import { longestLeg, worstCase, type WorstCase } from '../core/worst-case.ts';
import { fillForeseen, foresee } from './foresee.ts';
import { knownActions } from './check.ts';
import type { ActionInput } from './host-actions.ts';
import { givenInputs, loadPlaybooks, missingInputs, type PlaybookLibrary } from './library.ts';
import type { LoadedPlaybook } from './load.ts';
import { readPlanEvent, type PlanEvent } from './plan-event.ts';
import { withDefaults } from './run-logic.ts';

export interface PlannedStep {
  readonly step: string;
  /** The parallel step it is a branch of. */
  readonly of: string | null;
  /** Null for a parallel step, whose branches act. */
  readonly action: string | null;
  /** `fails`: at once and for certain, since its `when` cannot be evaluated. */
  readonly runs: 'yes' | 'no' | 'depends' | 'fails';
  /** Why it does not run, or what that depends on. */
  readonly why: string | null;
  /** Ms after the event; null when it does not run. */
  readonly earliestStartMs: number | null;
  readonly latestStartMs: number | null;
  readonly latestEndMs: number | null;
  readonly attempts: number;
  /** Of each try. */
  readonly timeoutMs: number;
  /** Between the tries, together, at most. */
  readonly waitMs: number;
  /** Of `for_each`; null when there is none, or only the run will tell. */
  readonly items: number | null;
  /** The values of each call, as far as they are known; the rest stays as it is written. */
  readonly calls: readonly unknown[];
  /** What the values depend on. */
  readonly dependsOn: readonly string[];
  /** What will make every try fail. */
  readonly problem: string | null;
}

export interface PlaybookPlan {
  readonly playbook: string;
  readonly title: string;
  readonly event: PlanEvent['type'];
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Inputs that only the host knows. */
  readonly givenByHost: readonly string[];
  readonly steps: readonly PlannedStep[];
  readonly finally: readonly PlannedStep[];
  /** Of this event: without the steps that it skips. */
  readonly worstCase: WorstCase;
  /** Monotonic, ms: the run is over then, whatever happens. */
  readonly deadlineAtMs: number;
  /** The same on the wall clock, ISO 8601; null when the event does not say when it was. */
  readonly deadlineAt: string | null;
}

/**
 * Plans a run of a playbook for an event that is given as text: a mesh event, or only its payload.
 *
 * @param source - A folder of playbooks, or files.
 * @throws GRACE_PLAYBOOK_UNKNOWN with the ids there are; GRACE_CONFIG_INVALID when the text is no such event;
 * GRACE_PLAYBOOK_INVALID when a required input is missing; what loading throws.
 */
export function planPlaybook(
  source: string | readonly string[],
  id: string,
  event: { readonly text: string; readonly file: string },
  actions: Readonly<Record<string, ActionInput>> = {},
): PlaybookPlan {
  const library = loadPlaybooks(source, knownActions(actions));
  const { on } = playbookNamed(library, id).playbook;
  return planRun(library, id, readPlanEvent(event.text, event.file, on));
}

/**
 * @throws GRACE_PLAYBOOK_UNKNOWN with the ids there are; GRACE_PLAYBOOK_INVALID when a required input is missing.
 * @example planRun(library, 'critical_kernel_restart', event).steps[0].latestEndMs // 20_000
 */
export function planRun(library: PlaybookLibrary, id: string, event: PlanEvent): PlaybookPlan {
  const loaded = playbookNamed(library, id);
  const { playbook } = loaded;
  const given = runInputs(event, kernelsOf(event), {});
  const missing = missingInputs(loaded, [...givenInputs, ...Object.keys(given)]);
  if (missing !== undefined) {
    throw new GraceError(
      'GRACE_PLAYBOOK_INVALID',
      `${loaded.file}: playbook "${id}" requires the input "${missing}", which the event does not give. ` +
        `Add it to "inputs" of the event.`,
      { details: { file: loaded.file, playbook: id, input: missing } },
    );
  }
  const givenByHost = givenInputs.filter((name) => name in playbook.inputs && !(name in given));
  const inputs = Object.fromEntries(
    Object.entries(withDefaults(playbook.inputs, given)).filter(([name]) => !givenByHost.includes(name)),
  );
  const { planned, reached } = new Foresight(playbook, inputs, givenByHost).plan();
  const worst = worstCase(reached);
  const atTheEnd = worst.totalMs - sumOf(reached.finally.map((step) => longestLeg(step, step.id, 'failed').ms));
  return {
    playbook: id,
    title: playbook.title,
    event: event.type,
    inputs,
    givenByHost,
    steps: timed(planned.filter(({ part }) => part === 'steps'), 0),
    finally: timed(planned.filter(({ part }) => part === 'finally'), atTheEnd),
    worstCase: worst,
    deadlineAtMs: event.atMs + playbook.sloMs,
    deadlineAt: event.wallMs === null ? null : new Date(event.wallMs + playbook.sloMs).toISOString(),
  };
}

/** @throws GRACE_PLAYBOOK_UNKNOWN with the ids there are. */
function playbookNamed(library: PlaybookLibrary, id: string): LoadedPlaybook {
  const loaded = library.get(id);
  if (loaded) return loaded;
  const known = [...library.keys()];
  throw new GraceError(
    'GRACE_PLAYBOOK_UNKNOWN', `There is no playbook "${id}", but ${known.join(', ')}.`, { details: { id, known } },
  );
}

type Untimed = Omit<PlannedStep, 'earliestStartMs' | 'latestStartMs' | 'latestEndMs'>
  & { readonly part: 'steps' | 'finally' };
/** Whether the run comes to a step: a jump may lead past it. */
type Reach = 'always' | 'perhaps' | 'never';
type Verdict = Pick<PlannedStep, 'runs' | 'why'>;

/** Walks a playbook once, and keeps what is known and what is open at each step. */
class Foresight {
  readonly #playbook: Playbook;
  readonly #open: Set<string>;
  readonly #inputs: Scope['inputs'];
  #steps: Record<string, { status: string; attempts: number }> = {};

  constructor(playbook: Playbook, inputs: Scope['inputs'], givenByHost: readonly string[]) {
    this.#playbook = playbook;
    this.#inputs = inputs;
    this.#open = new Set(givenByHost.map((name) => `inputs.${name}`));
  }

  /** The steps, and the playbook without those that are certainly not run. */
  plan(): { planned: Untimed[]; reached: Playbook } {
    const planned: Untimed[] = [];
    const reached: Step[] = [];
    const { steps } = this.#playbook;
    /** Where the steps that fail for certain, and those that may, lead to. */
    let certain = { to: 0, from: '' };
    let possible = { to: 0, from: '' };
    for (const [at, step] of steps.entries()) {
      const reach = at < certain.to ? 'never' : at < possible.to ? 'perhaps' : 'always';
      const verdict: Verdict = reach === 'never'
        ? { runs: 'no', why: `not reached: ${certain.from} fails` }
        : this.#verdictOf(step);
      const why = verdict.why ?? (reach === 'perhaps' ? `left out if ${possible.from} fails` : null);
      const kept = this.#add(planned, step, { ...verdict, why }, reach);
      if (kept) reached.push(kept);
      const { onFailure } = step;
      if (verdict.runs === 'no' || onFailure === 'continue') continue;
      const jump = typeof onFailure === 'object' ? steps.findIndex(({ id }) => id === onFailure.goto) : steps.length;
      if (verdict.runs === 'fails' && reach === 'always') certain = { to: jump, from: step.id };
      else if (typeof onFailure === 'object' && jump > possible.to) possible = { to: jump, from: step.id };
    }
    // `finally` also follows a run that ended before them.
    for (const id of Object.keys(this.#steps)) this.#open.add(`steps.${id}`);
    this.#steps = {};
    const closing = this.#playbook.finally.flatMap((step) => {
      const verdict = this.#verdictOf(step);
      planned.push({ ...this.#actionOf(step, verdict), part: 'finally' });
      this.#learn(step, verdict, 'always');
      return leftOf(step, verdict) ?? [];
    });
    return { planned, reached: { ...this.#playbook, steps: forward(reached), finally: closing } };
  }

  /** @returns What is left of the step in this run. */
  #add(planned: Untimed[], step: Step, verdict: Verdict, reach: Reach): Step | undefined {
    if (step.kind === 'action') {
      planned.push({ ...this.#actionOf(step, verdict), part: 'steps' });
      this.#learn(step, verdict, reach);
      return leftOf(step, verdict);
    }
    const { id, branches, join } = step;
    planned.push({ ...bare(id, verdict), part: 'steps' });
    // Branches run beside each other: none knows how another ends, and each sees that the whole is running.
    if (runs(verdict)) {
      for (const branch of branches) this.#open.add(`steps.${branch.id}`);
      this.#steps[id] = { status: 'running', attempts: 1 };
    }
    const decided = branches.map((branch) => [branch, runs(verdict) ? this.#verdictOf(branch) : verdict] as const);
    for (const [branch, its] of decided) planned.push({ ...this.#actionOf(branch, its), of: id, part: 'steps' });
    this.#learn(step, verdict, reach);
    if (!runs(verdict)) return undefined;
    const branchReach = verdict.runs === 'depends' ? 'perhaps' : reach;
    for (const [branch, its] of decided) this.#learn(branch, its, branchReach);
    const left = decided.flatMap(([branch, its]) => leftOf(branch, its) ?? []);
    const needed = join - (branches.length - left.length);
    return needed > 0 ? { ...step, branches: left, join: needed } : undefined;
  }

  #verdictOf(step: Step): Verdict {
    if (step.when === null) return { runs: 'yes', why: null };
    const found = foresee(step.when, this.#scope(), this.#open);
    if (found.is === 'open') return { runs: 'depends', why: `depends on ${found.dependsOn.join(', ')}` };
    if (found.is === 'known' && found.value === true) return { runs: 'yes', why: null };
    if (found.is === 'known') return { runs: 'no', why: `when is false: ${step.when}` };
    // As the chart has it: a parallel step is skipped then, an action has failed.
    if (step.kind === 'parallel') return { runs: 'no', why: `when cannot be evaluated: ${found.why}` };
    return { runs: 'fails', why: `when cannot be evaluated: ${found.why}` };
  }

  /** What later expressions can know of a step. */
  #learn(step: Step, { runs: its }: Verdict, reach: Reach): void {
    const name = `steps.${step.id}`;
    this.#open.delete(name);
    delete this.#steps[step.id];
    if (reach === 'never') return;
    if (reach === 'always' && (its === 'no' || its === 'fails')) {
      this.#steps[step.id] = { status: its === 'no' ? 'skipped' : 'failed', attempts: 0 };
      return;
    }
    this.#open.add(name);
    if (step.kind === 'action' && step.saveAs) this.#open.add(`saved.${step.saveAs}`);
  }

  #actionOf(step: ActionStep, verdict: Verdict): Untimed {
    const { attempts, timeoutMs, waitMs } = longestLeg(step, step.id, 'failed');
    const { id, action } = step;
    const base = { ...bare(id, verdict), action, attempts, timeoutMs, waitMs, part: 'steps' as const };
    if (!runs(verdict)) return base;
    const scope = this.#scope();
    const call = (item?: unknown) => fillForeseen(step.with, scope, this.#open, item);
    if (!step.forEach) return { ...base, ...callsOf([call()]) };
    const list = foresee(step.forEach.items, scope, this.#open);
    if (list.is === 'broken') return { ...base, problem: `for_each: ${list.why}` };
    if (list.is === 'open') return { ...base, calls: [step.with], dependsOn: list.dependsOn };
    if (!Array.isArray(list.value)) return { ...base, problem: `for_each is no list: ${step.forEach.items}` };
    const items = list.value.length;
    const problem = items > step.forEach.max ? `for_each gives ${items} items, max is ${step.forEach.max}` : null;
    const calls = callsOf(list.value.map(call));
    return { ...base, ...calls, items, problem: problem ?? calls.problem };
  }

  #scope(): Scope {
    return { inputs: this.#inputs, steps: this.#steps, saved: {}, incident: {} as Scope['incident'] };
  }
}

const runs = ({ runs: its }: Verdict) => its === 'yes' || its === 'depends';

/** What is skipped takes no part in the run; what fails at once is a step all the same. */
function leftOf(step: ActionStep, verdict: Verdict): ActionStep | undefined {
  if (verdict.runs === 'no') return undefined;
  if (verdict.runs !== 'fails') return step;
  return { ...step, timeoutMs: 0, retry: { ...step.retry, attempts: 1 }, compensate: null };
}

const bare = (step: string, { runs: its, why }: Verdict): Omit<Untimed, 'part'> => ({
  step, of: null, action: null, runs: its, why, attempts: 0, timeoutMs: 0, waitMs: 0,
  items: null, calls: [], dependsOn: [], problem: null,
});

function callsOf(filled: readonly ReturnType<typeof fillForeseen>[]) {
  const broken = filled.find((one) => one.broken !== null)?.broken;
  return {
    calls: filled.map(({ value }) => value),
    dependsOn: [...new Set(filled.flatMap(({ dependsOn }) => dependsOn))],
    problem: broken ? `with cannot be evaluated: ${broken}` : null,
  };
}

/** A jump whose target is left out leads on; that is never shorter. */
function forward(steps: readonly Step[]): Step[] {
  const ids = new Set(steps.map(({ id }) => id));
  return steps.map((step) =>
    (typeof step.onFailure === 'object' && !ids.has(step.onFailure.goto) ? { ...step, onFailure: 'continue' } : step));
}

/** One after the other, branches beside each other, each as late as it can be. */
function timed(planned: readonly Untimed[], fromMs: number): PlannedStep[] {
  const takes = ({ attempts, timeoutMs, waitMs }: Untimed) => attempts * timeoutMs + waitMs;
  let startMs = fromMs;
  let endMs = fromMs;
  return planned.map(({ part, ...one }): PlannedStep => {
    // The first branch of a parallel step starts with it.
    if (one.of === null) startMs = endMs;
    if (!runs(one)) return { ...one, earliestStartMs: null, latestStartMs: null, latestEndMs: null };
    const branches = planned.filter(({ of, ...branch }) => of === one.step && runs(branch));
    const lastMs = startMs + Math.max(takes({ part, ...one }), ...branches.map(takes));
    endMs = Math.max(endMs, lastMs);
    return { ...one, earliestStartMs: 0, latestStartMs: startMs, latestEndMs: lastMs };
  });
}

const sumOf = (all: readonly number[]) => all.reduce((total, ms) => total + ms, 0);
