/**
 * Conditions and values in playbooks: CEL, with what could block the host left out. `matches` is a
 * backtracking RegExp in JavaScript, so it is refused.
 */
import { Environment } from '@marcbachmann/cel-js';
import type { Scope } from '../core/playbook.ts';

const environment = new Environment({
  limits: { maxAstNodes: 200, maxDepth: 20, maxListElements: 100, maxMapEntries: 100, maxCallArguments: 8 },
})
  .registerVariable('inputs', 'map')
  .registerVariable('steps', 'map')
  .registerVariable('saved', 'map')
  .registerVariable('incident', 'map')
  .registerVariable('item', 'dyn');

type Compiled = (scope: Record<string, unknown>) => unknown;
const compiled = new Map<string, Compiled>();
/** Longest list an expression may walk: three nested loops over more would hold up the host. */
const listMax = 100;

/** Evaluates an expression. Throws when it cannot be evaluated. */
export function evaluate(expression: string, scope: Scope, item?: unknown): unknown {
  return fromCel(compile(expression)(toCel({ ...scope, item: item ?? null }) as Record<string, unknown>));
}

/**
 * Checks an expression before anything runs.
 *
 * @returns What is wrong with it, or undefined.
 */
export function checkExpression(expression: string): string | undefined {
  if (/\bmatches\s*\(/.test(withoutStrings(expression))) {
    return 'no matches(): a regular expression can hold up the host';
  }
  try {
    const result = environment.check(expression);
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
export function fill(value: unknown, scope: Scope, item?: unknown): unknown {
  if (typeof value === 'string') {
    const [whole] = value.matchAll(/^\$\{([^}]*)\}$/g);
    if (whole) return evaluate(whole[1]!.trim(), scope, item);
    return value.replace(template, (_, expression: string) => String(evaluate(expression.trim(), scope, item)));
  }
  if (Array.isArray(value)) return value.map((one) => fill(one, scope, item));
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fill(one, scope, item)]));
  }
  return value;
}

function compile(expression: string): Compiled {
  const known = compiled.get(expression);
  if (known) return known;
  const fresh = environment.parse(expression) as unknown as Compiled;
  compiled.set(expression, fresh);
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

const withoutStrings = (expression: string) => expression.replaceAll(/"[^"]*"|'[^']*'/g, '""');
const firstLine = (text: string) => text.split('\n')[0]!;
