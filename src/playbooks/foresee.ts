/** Evaluates expressions before a run, when its inputs are known and its results are not. */
import type { Scope } from '../core/playbook.ts';
import { evaluate, expressionsIn, fill, namesIn, withoutStrings } from './expressions.ts';

/** What is known of a value before the run. */
export type Foreseen =
  | { readonly is: 'known'; readonly value: unknown }
  /** The names whose values only the run will give. */
  | { readonly is: 'open'; readonly dependsOn: readonly string[] }
  /** It cannot be evaluated, whatever the run gives. */
  | { readonly is: 'broken'; readonly why: string };

/**
 * Evaluates as far as it goes: `false && steps.a.status == "done"` is false without the result of `a`.
 *
 * @param scope - What is known. It holds none of the open names.
 * @param open - Names such as `steps.a` that the run may add.
 * @param item - Of a `for_each`.
 */
export function foresee(expression: string, scope: Scope, open: ReadonlySet<string>, item?: unknown): Foreseen {
  const dependsOn = openNamesIn(expression, open);
  // An expression that asks whether a name is there would take its absence for an answer.
  const asksForAbsent = /\bhas\s*\(/.test(withoutStrings(expression)) || rootsIn(expression).length > 0;
  if (dependsOn.length > 0 && asksForAbsent) return { is: 'open', dependsOn };
  try {
    return { is: 'known', value: evaluate(expression, scope, item) };
  } catch (error) {
    if (dependsOn.length > 0) return { is: 'open', dependsOn };
    return { is: 'broken', why: String((error as Error).message).split('\n')[0]! };
  }
}

/** Fills in each `${...}` that is known. Those that are not stay as they are written. */
export function fillForeseen(
  value: unknown, scope: Scope, open: ReadonlySet<string>, item?: unknown,
): { readonly value: unknown; readonly dependsOn: readonly string[]; readonly broken: string | null } {
  if (typeof value === 'string') {
    const parts = expressionsIn(value).map((expression) => foresee(expression, scope, open, item));
    const dependsOn = [...new Set(parts.flatMap((part) => (part.is === 'open' ? part.dependsOn : [])))];
    const broken = parts.find((part) => part.is === 'broken')?.why ?? null;
    const isKnown = dependsOn.length === 0 && broken === null;
    return { value: isKnown ? fill(value, scope, item) : value, dependsOn, broken };
  }
  if (typeof value !== 'object' || value === null) return { value, dependsOn: [], broken: null };
  const filled = Object.entries(value).map(([key, one]) => [key, fillForeseen(one, scope, open, item)] as const);
  const values = filled.map(([key, part]) => [key, part.value] as const);
  return {
    value: Array.isArray(value) ? values.map(([, one]) => one) : Object.fromEntries(values),
    dependsOn: [...new Set(filled.flatMap(([, part]) => part.dependsOn))],
    broken: filled.find(([, part]) => part.broken !== null)?.[1].broken ?? null,
  };
}

function openNamesIn(expression: string, open: ReadonlySet<string>): string[] {
  const named = new Set(namesIn(expression).map(({ root, name }) => `${root}.${name}`));
  const roots = rootsIn(expression);
  const isOpen = (name: string) => named.has(name) || roots.includes(name.split('.')[0]!);
  const incident = /\bincident\b/.test(withoutStrings(expression)) ? ['incident.id'] : [];
  return [...[...open].filter(isOpen), ...incident];
}

/** `steps` and the like used as a whole: `size(steps)`, `"a" in saved`. */
const rootsIn = (expression: string): string[] =>
  [...withoutStrings(expression).matchAll(/(?<!\.)\b(inputs|steps|saved)\b(?!\.[A-Za-z_])/g)].map(([, root]) => root!);
