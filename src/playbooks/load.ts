/** Reads a playbook: YAML text in, a checked `Playbook` with its SLO proven out, or all problems. */
import { hash } from 'node:crypto';
import { LineCounter, parseDocument, visit } from 'yaml';
import { parseDuration } from '../core/duration.ts';
import { GraceError } from '../core/errors.ts';
import type { ActionStep, OnFailure, Playbook, Step } from '../core/playbook.ts';
import { proveSlo, type WorstCase } from '../core/worst-case.ts';
import type { ActionRegistry } from './actions.ts';
import { checkExpression, expressionsIn, namesIn } from './expressions.ts';
import { Problems, type Path } from './problems.ts';
import { headSchema, stepSchemas } from './schema.ts';
import type { z } from 'zod';

/** Largest file, bytes: parsing a flat map takes time by the square of its keys. */
export const playbookBytesMax = 256 * 1024;

export interface LoadedPlaybook {
  readonly playbook: Playbook;
  readonly worstCase: WorstCase;
  readonly file: string;
}

/**
 * @param file - For messages.
 * @throws GRACE_PLAYBOOK_INVALID with every problem as `file:line:col: path: expected ..., found ...`;
 * GRACE_PLAYBOOK_OVER_SLO when its worst case is longer than its SLO.
 */
export function loadPlaybook(text: string, file: string, actions: ActionRegistry): LoadedPlaybook {
  const { raw, problems } = parse(text, file);
  const head = headSchema.safeParse(raw);
  if (!head.success) problems.addIssues(head.error.issues);
  problems.throwIfAny();
  const { data } = head as { data: z.infer<typeof headSchema> };
  const playbook: Playbook = {
    id: data.playbook,
    version: data.version,
    title: data.title,
    hash: hash('sha256', text),
    on: data.on ?? null,
    sloMs: parseDuration(data.slo),
    cooldownMs: parseDuration(data.cooldown),
    inputs: Object.fromEntries(Object.entries(data.inputs).map(([id, input]) => [id, {
      type: input.type, required: input.required, ...('default' in input && { default: input.default }),
    }])),
    steps: data.steps.flatMap((step, index) => readStep(step, ['steps', index], problems)),
    finally: data.finally.flatMap((step, index) => readAction(step, ['finally', index], problems)),
    success: data.success,
  };
  problems.throwIfAny();
  checkNames(playbook, actions, problems);
  problems.throwIfAny();
  return { playbook, worstCase: proveSlo(playbook, file), file };
}

function parse(text: string, file: string) {
  if (Buffer.byteLength(text) > playbookBytesMax) {
    throw new GraceError(
      'GRACE_PLAYBOOK_INVALID',
      `${file}:1:1: expected at most ${playbookBytesMax} bytes, found ${Buffer.byteLength(text)}. ` +
        'Split the playbook.',
      { details: { file } },
    );
  }
  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: '1.2', schema: 'core', merge: false, uniqueKeys: true, lineCounter: lines,
  });
  const problems = new Problems(file, document, lines);
  const directive = /^%/m.exec(text);
  if (directive) problems.addAt(directive.index, 'expected no directive, found a line that begins with %');
  for (const { message, pos } of [...document.errors, ...document.warnings]) {
    problems.addAt(pos[0], `expected valid YAML, found: ${message.split('\n')[0]}`);
  }
  problems.throwIfAny();
  visit(document, {
    Alias(_, node) {
      problems.addAt(node.range?.[0] ?? 0, 'expected no alias, found one. Write the value out');
      return visit.BREAK;
    },
    Node(_, node) {
      if (node.tag && !node.tag.startsWith('tag:yaml.org,2002:')) {
        problems.addAt(node.range?.[0] ?? 0, `expected no tag, found ${node.tag}`);
      }
    },
  });
  problems.throwIfAny();
  return { raw: document.toJS({ maxAliasCount: 0 }) as unknown, problems };
}

function readStep(raw: unknown, path: Path, problems: Problems): Step[] {
  if (!isRecord(raw) || !('parallel' in raw)) return readAction(raw, path, problems);
  const parsed = stepSchemas.parallel.safeParse(raw);
  if (!parsed.success) {
    problems.addIssues(parsed.error.issues, path);
    return [];
  }
  const { id, when, parallel, join, on_failure } = parsed.data;
  if (join !== 'all' && join > parallel.length) {
    problems.add([...path, 'join'], `at most ${parallel.length}, the number of branches`);
  }
  return [{
    kind: 'parallel',
    id,
    when: when ?? null,
    onFailure: on_failure as OnFailure,
    branches: parallel.map(toAction),
    join: join === 'all' ? parallel.length : join,
  }];
}

function readAction(raw: unknown, path: Path, problems: Problems): ActionStep[] {
  const parsed = stepSchemas.action.safeParse(raw);
  if (parsed.success) return [toAction(parsed.data)];
  problems.addIssues(parsed.error.issues, path);
  return [];
}

function toAction(data: z.infer<typeof stepSchemas.action>): ActionStep {
  const { id, action, when, timeout, retry, for_each, as, max, on_failure, compensate, save_as } = data;
  return {
    kind: 'action',
    id,
    action,
    with: data.with,
    when: when ?? null,
    timeoutMs: parseDuration(timeout),
    retry: {
      attempts: retry?.attempts ?? 1,
      delayMs: parseDuration(retry?.delay ?? '0ms'),
      backoff: retry?.backoff ?? 'constant',
      maxDelayMs: retry?.max_delay === undefined ? null : parseDuration(retry.max_delay),
      jitter: retry?.jitter ?? 0,
    },
    forEach: for_each === undefined ? null : { items: for_each, as, max },
    onFailure: on_failure as OnFailure,
    compensate: compensate
      ? { action: compensate.action, with: compensate.with, timeoutMs: parseDuration(compensate.timeout) }
      : null,
    saveAs: save_as ?? null,
  };
}

/** Everything that is named has to exist: actions, inputs, steps, saved values, parameters. */
function checkNames(playbook: Playbook, actions: ActionRegistry, problems: Problems): void {
  const places = placesOf(playbook);
  const ids = new Set<string>();
  const saved = new Set(places.flatMap(({ step }) => (step.saveAs ? [step.saveAs] : [])));
  for (const { id, path } of idsOf(playbook)) {
    if (ids.has(id)) problems.add([...path, 'id'], 'an id that no other step has');
    ids.add(id);
  }
  const known: Record<string, ReadonlySet<string>> = {
    inputs: new Set(Object.keys(playbook.inputs)), steps: ids, saved,
  };
  const checkCel = (expression: string, path: Path) => {
    const wrong = checkExpression(expression);
    if (wrong) problems.add(path, `a CEL expression (${wrong})`);
    for (const { root, name } of namesIn(expression)) {
      if (!known[root]!.has(name)) problems.add(path, `a known name, not ${root}.${name}`);
    }
  };
  const checkAction = (name: string, values: Readonly<Record<string, unknown>>, path: Path) => {
    const action = actions.get(name);
    if (!action) {
      problems.add([...path, 'action'], `one of the actions ${[...actions.keys()].join(', ')}`);
      return;
    }
    for (const [key, value] of Object.entries(values)) {
      for (const expression of expressionsIn(value)) checkCel(expression, [...path, 'with', key]);
    }
    // Values that hold expressions are known only when the step runs.
    for (const issue of action.problemsOf(values)) {
      const isComputed = issue.path.length > 0 && expressionsIn(values[String(issue.path[0])]).length > 0;
      if (!isComputed) problems.addIssues([issue], [...path, 'with']);
    }
  };
  for (const { step, path } of places) {
    checkAction(step.action, step.with, path);
    if (step.compensate) checkAction(step.compensate.action, step.compensate.with, [...path, 'compensate']);
    if (step.when !== null) checkCel(step.when, [...path, 'when']);
    if (step.forEach) checkCel(step.forEach.items, [...path, 'for_each']);
  }
  for (const [index, step] of playbook.steps.entries()) {
    if (step.kind === 'parallel' && step.when !== null) checkCel(step.when, ['steps', index, 'when']);
    const { onFailure } = step;
    if (typeof onFailure !== 'object') continue;
    const target = playbook.steps.findIndex(({ id }) => id === onFailure.goto);
    if (target <= index) {
      problems.add(['steps', index, 'on_failure', 'goto'], 'the id of a later step, so that no run is endless');
    }
  }
  for (const [index, expression] of playbook.success.entries()) checkCel(expression, ['success', index]);
}

const idsOf = (playbook: Playbook): { id: string; path: Path }[] => [
  ...playbook.steps.flatMap((step, index) => [
    { id: step.id, path: ['steps', index] },
    ...(step.kind === 'parallel'
      ? step.branches.map(({ id }, at) => ({ id, path: ['steps', index, 'parallel', at] }))
      : []),
  ]),
  ...playbook.finally.map(({ id }, index) => ({ id, path: ['finally', index] })),
];

const placesOf = (playbook: Playbook): { step: ActionStep; path: Path }[] => [
  ...playbook.steps.flatMap((step, index) =>
    step.kind === 'action'
      ? [{ step, path: ['steps', index] }]
      : step.branches.map((branch, at) => ({ step: branch, path: ['steps', index, 'parallel', at] }))),
  ...playbook.finally.map((step, index) => ({ step, path: ['finally', index] })),
];

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
