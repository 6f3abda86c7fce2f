// Ways through a chart, found by the graph library, each with the state it has to lead to after every step.
import assert from 'node:assert/strict';
import { createEmptyActor, type AnyMachineSnapshot, type AnyStateMachine } from 'xstate';
import { getAdjacencyMap, getShortestPaths, getSimplePaths } from '@xstate/graph';
import type { PathEvent } from './script.ts';

export interface Step {
  readonly event: PathEvent;
  /** What has to be true of the chart after it. */
  readonly shape: unknown;
}

export type Path = readonly Step[];

export interface Walkable {
  /** With every action provided, and no actor: the graph knows no time. */
  readonly machine: AnyStateMachine;
  readonly input: unknown;
  readonly events: readonly PathEvent[];
  /** False for an event that cannot come in this state: the end of an actor that does not live. */
  readonly possible: (snapshot: AnyMachineSnapshot, event: PathEvent) => boolean;
  /** What of a context tells states apart. */
  readonly summary: (snapshot: AnyMachineSnapshot) => unknown;
  /** What of a snapshot has to be the same in the chart and in a live actor. */
  readonly shape: (snapshot: AnyMachineSnapshot) => unknown;
  /** Most states that are looked at. */
  readonly limit: number;
  /** Where to look no further. */
  readonly stop: ((snapshot: AnyMachineSnapshot) => boolean) | undefined;
}

export interface Paths {
  /** The shortest way to every state. */
  readonly shortest: readonly Path[];
  /** Each of these with every possible event at its end, also those that change nothing. */
  readonly longer: readonly Path[];
  /** Ways that come to no state twice. */
  readonly simple: readonly Path[];
  /** There are no other simple ones. */
  readonly allSimple: boolean;
}

const nothing = () => undefined;
const nobody = createEmptyActor();

/** An outside in which nothing happens, as the graph library has one for itself. */
const outside = {
  self: nobody, system: nobody.system, id: '', sessionId: '', logger: nothing, defer: nothing, stopChild: nothing,
  emit: nothing, actionExecutor: nothing,
} as unknown as Parameters<AnyStateMachine['transition']>[2];

/** Steps of a drawn path at most: a context that grows has no end. */
const stepsMax = 60;

/**
 * All ways that a model is tested with, the same in every run.
 *
 * Simple paths are taken all when there are no more than `simpleMax`; otherwise so many are drawn, each as long
 * as it can be. The draws have the seeds 0, 1, 2 and so on: nothing is left to chance.
 */
export function pathsThrough(chart: Walkable, simpleMax: number): Paths {
  const { machine, input, limit, stop, summary } = chart;
  const choices = (snapshot: AnyMachineSnapshot) => choicesIn(chart, snapshot);
  const serialize = (snapshot: AnyMachineSnapshot) => JSON.stringify([snapshot.value, summary(snapshot)]);
  const options = {
    input: input as never,
    events: choices as never,
    serializeState: serialize as never,
    limit,
    ...(stop && { stopWhen: stop as never }),
  };
  const first = machine.getInitialSnapshot(outside, input as never);

  const shortest = getShortestPaths(machine, options).map((path) => {
    const events = path.steps.slice(1).map(({ event }) => event as unknown as PathEvent);
    const { steps, end } = follow(chart, first, events);
    assert.deepEqual(end.value, path.state.value, `${wayOf(steps)} is a way of the graph, and not of the chart`);
    return { steps, end };
  });
  const longer = shortest.flatMap(({ steps, end }) => stop?.(end) ? [] : choices(end).map((event) =>
    [...steps, ...follow(chart, end, [event]).steps]));

  // There are as many simple paths as states, and mostly a great many more.
  const allSimple = shortest.length <= simpleMax
    && countSimple(getAdjacencyMap(machine, options), serialize, serialize(first), simpleMax) <= simpleMax;
  const ways = allSimple
    ? getSimplePaths(machine, options).map((path) => path.steps.slice(1).map(({ event }) => event as PathEvent))
      // A summary may take two states for one: what is possible in one of them may not be in the other.
      .filter((events) => isPossible(chart, first, events))
    : Array.from({ length: simpleMax }, (_, seed) => drawSimple(chart, { first, choices, serialize, seed }));
  const known = new Set(shortest.map(({ steps }) => JSON.stringify(steps.map(({ event }) => event))));
  const simple = [...new Map(ways.map((events) => [JSON.stringify(events), events]))]
    .filter(([key]) => !known.has(key))
    .map(([, events]) => follow(chart, first, events).steps);
  return { shortest: shortest.map(({ steps }) => steps), longer, simple, allSimple };
}

/** Each path with every possible event at its end. */
export function extended(chart: Walkable, paths: readonly Path[]): Path[] {
  const first = chart.machine.getInitialSnapshot(outside, chart.input as never);
  return paths.flatMap((path) => {
    const { end } = follow(chart, first, path.map(({ event }) => event));
    return choicesIn(chart, end).map((event) => [...path, ...follow(chart, end, [event]).steps]);
  });
}

const choicesIn = (chart: Walkable, snapshot: AnyMachineSnapshot) =>
  snapshot.status !== 'active' ? [] : chart.events.filter((event) => chart.possible(snapshot, event));

export const wayOf = (path: Path) => path.map(({ event }) => event.type).join(' -> ') || 'nothing';

/** What the chart does with these events, step by step. */
function follow({ machine, shape }: Walkable, first: AnyMachineSnapshot, events: readonly PathEvent[]) {
  let end = first;
  const steps = events.map((event): Step => {
    end = machine.transition(end, event, outside) as AnyMachineSnapshot;
    return { event, shape: shape(end) };
  });
  return { steps, end };
}

function isPossible({ machine, possible }: Walkable, first: AnyMachineSnapshot, events: readonly PathEvent[]) {
  let snapshot = first;
  return events.every((event) => {
    if (snapshot.status !== 'active' || !possible(snapshot, event)) return false;
    snapshot = machine.transition(snapshot, event, outside) as AnyMachineSnapshot;
    return true;
  });
}

interface Reached {
  readonly transitions: Readonly<Record<string, { readonly state: unknown }>>;
}

/** Counts the simple paths until there are more than `most`. The library would count, and keep, them all. */
function countSimple(
  adjacency: object, serialize: (snapshot: AnyMachineSnapshot) => string, first: string, most: number,
): number {
  const reached = new Map<string, Reached>(Object.entries(adjacency));
  const visited = new Set<string>();
  let count = 0;
  const visit = (state: string): void => {
    visited.add(state);
    count += 1;
    for (const { state: next } of Object.values(reached.get(state)!.transitions)) {
      if (count > most) break;
      const key = serialize(next as AnyMachineSnapshot);
      if (!visited.has(key)) visit(key);
    }
    visited.delete(state);
  };
  visit(first);
  return count;
}

/** One simple path as long as it can be, with all that has happened on its way. */
function drawSimple(
  { machine, stop }: Walkable,
  { first, choices, serialize, seed }: {
    readonly first: AnyMachineSnapshot;
    readonly choices: (snapshot: AnyMachineSnapshot) => readonly PathEvent[];
    readonly serialize: (snapshot: AnyMachineSnapshot) => string;
    readonly seed: number;
  },
): PathEvent[] {
  const draw = drawsOf(seed);
  const visited = new Set([serialize(first)]);
  const events: PathEvent[] = [];
  let snapshot = first;
  while (events.length < stepsMax) {
    const left = stop?.(snapshot) ? [] : [...choices(snapshot)];
    let next = snapshot;
    while (left.length > 0 && visited.has(serialize(next))) {
      const [event] = left.splice(Math.floor(draw() * left.length), 1);
      next = machine.transition(snapshot, event, outside) as AnyMachineSnapshot;
      if (!visited.has(serialize(next))) events.push(event!);
    }
    if (visited.has(serialize(next))) break;
    snapshot = next;
    visited.add(serialize(next));
  }
  return events;
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function drawsOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

