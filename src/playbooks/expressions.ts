/**
 * Conditions and values in playbooks: CEL, with what could block the host left out. `matches` is a
 * backtracking RegExp in JavaScript, so it is refused.
 */
import { Environment } from '@marcbachmann/cel-js';
import type { Scope } from '../core/playbook.ts';

const newEnvironment = () => new Environment({
  limits: { maxAstNodes: 200, maxDepth: 20, maxListElements: 100, maxMapEntries: 100, maxCallArguments: 8 },
});

/** What the expressions of a playbook can name. */
const playbookNames = newEnvironment()
  .registerVariable('inputs', 'map')
  .registerVariable('steps', 'map')
  .registerVariable('saved', 'map')
  .registerVariable('incident', 'map')
  .registerVariable('item', 'dyn');

/** What the expressions of a trigger rule can name. */
const ruleNames = newEnvironment().registerVariable('event', 'map');

type Compiled = (scope: Record<string, unknown>) => unknown;
const compiled = new WeakMap<Environment, Map<string, Compiled>>();
/** Longest list an expression may walk: three nested loops over more would hold up the host. */
const listMax = 100;

/** Evaluates an expression. Throws when it cannot be evaluated. */
export function evaluate(expression: string, scope: Scope, item?: unknown): unknown {
  return run(playbookNames, expression, { ...scope, item: item ?? null });
}

/** Says whether the condition of a rule holds for an event; one that cannot be evaluated does not. */
export function holdsFor(condition: string, event: object): boolean {
  try {
    return run(ruleNames, condition, { event }) === true;
  } catch {
    return false;
  }
}

/** Replaces each `${...}` in the values of a rule. Throws when one cannot be evaluated. */
export const fillFrom = (event: object, values: unknown): unknown =>
  replace(values, (expression) => run(ruleNames, expression, { event }));

function run(names: Environment, expression: string, scope: object): unknown {
  return fromCel(compile(names, expression)(toCel(scope) as Record<string, unknown>));
}

/**
 * Checks an expression before anything runs.
 *
 * @returns What is wrong with it, or undefined.
 */
export const checkExpression = (expression: string) => check(playbookNames, expression);

/** The same for an expression of a trigger rule. */
export const checkRuleExpression = (expression: string) => check(ruleNames, expression);

function check(names: Environment, expression: string): string | undefined {
  if (/\bmatches\s*\(/.test(withoutStrings(expression))) {
    return 'no matches(): a regular expression can hold up the host';
  }
  try {
    const result = names.check(expression);
    return result.valid ? undefined : firstLine(result.error?.message ?? 'a valid CEL expression');
  } catch (error) {
    return firstLine(String((error as Error).message));
  }
}

/** The names `inputs.x`, `steps.x` and `saved.x` that an expression uses. */
export function namesIn(expression: string): { readonly root: string; readonly name: string }[] {
  const found = withoutStrings(expression).matchAll(/\b(inputs|steps|saved)\.([A-Za-z_]\w*)/g);
  return [...found].map(([, root, name]) => ({ root: root!, name: name! }));
}

const template = /\$\{([^}]*)\}/g;

/** The expressions inside a value: every `${...}` of every string in it. */
export function expressionsIn(value: unknown): string[] {
  if (typeof value === 'string') return [...value.matchAll(template)].map((match) => match[1]!.trim());
  if (Array.isArray(value)) return value.flatMap(expressionsIn);
  if (value && typeof value === 'object') return Object.values(value).flatMap(expressionsIn);
  return [];
}

/** Replaces `${...}`. A string that is one expression gives its value, not its text. */
export const fill = (value: unknown, scope: Scope, item?: unknown): unknown =>
  replace(value, (expression) => evaluate(expression, scope, item));

function replace(value: unknown, valueOf: (expression: string) => unknown): unknown {
  if (typeof value === 'string') {
    const [whole] = value.matchAll(/^\$\{([^}]*)\}$/g);
    if (whole) return valueOf(whole[1]!.trim());
    return value.replace(template, (_, expression: string) => String(valueOf(expression.trim())));
  }
  if (Array.isArray(value)) return value.map((one) => replace(one, valueOf));
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, replace(one, valueOf)]));
  }
  return value;
}

function compile(names: Environment, expression: string): Compiled {
  const known = compiled.get(names) ?? new Map<string, Compiled>();
  compiled.set(names, known);
  const fresh = known.get(expression) ?? (names.parse(expression) as unknown as Compiled);
  known.set(expression, fresh);
  return fresh;
}

/** Whole numbers are CEL integers, or `x + 1` would not be defined for them. */
function toCel(value: unknown): unknown {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
  if (Array.isArray(value)) return value.slice(0, listMax).map(toCel);
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, toCel(one)]));
  }
  return value ?? null;
}

function fromCel(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(fromCel);
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fromCel(one)]));
  }
  return value;
}

/** So that words in strings are not taken for names. */
export const withoutStrings = (expression: string) => expression.replaceAll(/"[^"]*"|'[^']*'/g, '""');
const firstLine = (text: string) => text.split('\n')[0]!;
