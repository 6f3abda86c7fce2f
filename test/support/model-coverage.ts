// What there is in a chart, by name, and how often live actors have been there.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { AnyStateMachine, AnyTransitionDefinition, InspectionEvent } from 'xstate';

type StateNode = AnyStateMachine['root'];

interface Named {
  readonly name: string;
  taken: number;
}

const root = join(import.meta.dirname, '../..');

/** Where the parts of the report are kept: `npm run coverage:models` makes one table of them. */
export const reportFolder = join(root, 'coverage/models');

/**
 * Every state and every transition of a chart, and how often each was taken.
 *
 * Found by walking the chart, so that what a test forgot is listed too. Of several candidates for one event
 * each is a transition of its own. A copy made with `provide` has nodes of its own: it is known by their ids.
 *
 * @example new ModelCoverage('kernel', kernelMachine).missing()[0] // 'state down'
 */
export class ModelCoverage {
  readonly name: string;
  readonly #states = new Map<string, Named>();
  readonly #transitions = new Map<string, Named>();

  constructor(name: string, machine: AnyStateMachine) {
    this.name = name;
    for (const node of nodesOf(machine.root)) {
      if (node.parent) this.#states.set(node.id, { name: pathOf(node), taken: 0 });
      for (const [event, candidates] of candidatesOf(node)) {
        candidates.forEach((transition, index) => {
          const count = candidates.length > 1 ? ` [${index + 1} of ${candidates.length}]` : '';
          const line = `${pathOf(node)} --${event}${guardOf(transition)}--> ${targetOf(transition)}${count}`;
          this.#transitions.set(keyOf(transition), { name: line, taken: 0 });
        });
      }
    }
  }

  /** For `createActor`: counts what the actors of this chart do, and of no other. */
  readonly inspect = (event: InspectionEvent): void => {
    if (event.type !== '@xstate.microstep') return;
    const taken = event._transitions.map((transition) => this.#transitions.get(keyOf(transition)));
    if (!taken.every((one) => one !== undefined)) return;
    for (const one of taken) one.taken += 1;
    const { _nodes: after = [] } = event.snapshot as { _nodes?: readonly StateNode[] };
    const before = event._transitions.flatMap(({ source }) => lineOf(source));
    for (const { id } of taken.length > 0 ? new Set([...before, ...after]) : []) {
      const state = this.#states.get(id);
      if (state) state.taken += 1;
    }
  };

  /** What no actor has reached yet, by name. */
  missing(): string[] {
    return [
      ...[...this.#states.values()].filter(({ taken }) => taken === 0).map(({ name }) => `state ${name}`),
      ...[...this.#transitions.values()].filter(({ taken }) => taken === 0).map(({ name }) => name),
    ];
  }

  /**
   * Keeps the part of the report.
   *
   * @param sources - The files that the chart is made of: the report refuses a part that is older than they are.
   */
  write(sources: readonly string[], paths: object, unreachable: Readonly<Record<string, string>>): void {
    mkdirSync(reportFolder, { recursive: true });
    const part = {
      name: this.name,
      sources: sources.map((file) => ({ file: relative(root, file), sha256: hashOf(file) })),
      paths,
      states: [...this.#states.values()],
      transitions: [...this.#transitions.values()],
      unreachable,
    };
    writeFileSync(join(reportFolder, `${this.name}.json`), `${JSON.stringify(part, null, 2)}\n`);
  }
}

const hashOf = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

const nodesOf = (node: StateNode): StateNode[] =>
  [node, ...Object.values(node.states as Record<string, StateNode>).flatMap(nodesOf)];

/** The node and all it is part of. */
const lineOf = (node: StateNode): StateNode[] => [node, ...(node.parent ? lineOf(node.parent as StateNode) : [])];

const pathOf = ({ path }: { readonly path: readonly string[] }) => path.join('.') || '(anywhere)';

/** Event descriptor to its candidates, in the order in which they are tried. */
function candidatesOf(node: StateNode): [string, readonly AnyTransitionDefinition[]][] {
  const byEvent = [...node.transitions] as [string, readonly AnyTransitionDefinition[]][];
  return node.always && node.always.length > 0 ? [...byEvent, ['always', node.always]] : byEvent;
}

/** The same in every copy of a chart. */
function keyOf(transition: AnyTransitionDefinition): string {
  const { source, eventType } = transition;
  const candidates: readonly AnyTransitionDefinition[] =
    (eventType === '' ? source.always : source.transitions.get(eventType)) ?? [];
  return JSON.stringify([source.id, eventType, candidates.indexOf(transition)]);
}

function targetOf({ target, reenter }: AnyTransitionDefinition): string {
  if (!target) return '(stays)';
  return `${target.map(pathOf).join(', ')}${reenter ? ' (again)' : ''}`;
}

const guardOf = ({ guard }: AnyTransitionDefinition) => (guard ? ` if ${nameOf(guard)}` : '');

/** A guard is a name, a name with parameters, a function, or `and`, `or` and `not` of guards. */
function nameOf(guard: unknown): string {
  if (typeof guard === 'string') return guard;
  const { type, guards, name } = guard as { type?: string; guards?: readonly unknown[]; name?: string };
  if (guards) return `${name ?? type ?? 'all'}(${guards.map(nameOf).join(', ')})`;
  return type ?? name ?? 'guard';
}
