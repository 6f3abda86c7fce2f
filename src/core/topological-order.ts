import { GraceError } from './errors.ts';

interface Node {
  readonly id: string;
  readonly dependsOn: readonly string[];
}

/**
 * Orders nodes so that each comes after all it depends on; otherwise the given order is kept.
 *
 * @throws GRACE_DEPENDENCY_UNKNOWN, GRACE_DEPENDENCY_CYCLE (the message shows the circle).
 * @example topologicalOrder([{ id: 'b', dependsOn: ['a'] }, { id: 'a', dependsOn: [] }]) // a, b
 */
export function topologicalOrder<T extends Node>(nodes: readonly T[]): T[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const ordered = new Set<T>();
  const visit = (node: T, path: readonly string[]): void => {
    if (ordered.has(node)) return;
    if (path.includes(node.id)) throw cycle([...path.slice(path.indexOf(node.id)), node.id]);
    for (const id of node.dependsOn) {
      const needed = byId.get(id);
      if (!needed) throw unknownDependency(node.id, id, [...byId.keys()]);
      visit(needed, [...path, node.id]);
    }
    ordered.add(node);
  };
  for (const node of nodes) visit(node, []);
  return [...ordered];
}

/**
 * These nodes, and all that they depend on, directly or not.
 *
 * @example withDependencies(['b'], (id) => (id === 'b' ? ['a'] : [])) // b, a
 */
export function withDependencies(ids: readonly string[], dependsOn: (id: string) => readonly string[]): string[] {
  const all = new Set(ids);
  for (const id of all) for (const needed of dependsOn(id)) all.add(needed);
  return [...all];
}

function cycle(path: readonly string[]) {
  return new GraceError(
    'GRACE_DEPENDENCY_CYCLE',
    `Kernels depend on each other in a circle: ${path.join(' -> ')}. Remove one of the dependencies.`,
    { details: { cycle: path } },
  );
}

function unknownDependency(kernel: string, dependency: string, known: readonly string[]) {
  return new GraceError(
    'GRACE_DEPENDENCY_UNKNOWN',
    `Kernel "${kernel}" depends on "${dependency}", which does not exist. Known: ${known.join(', ')}.`,
    { details: { kernel, dependency } },
  );
}
