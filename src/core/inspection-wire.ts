/**
 * What XState tells an inspector, in the words that viewers of `@statelyai/inspect` 0.7 understand: an
 * actor when it is first heard of, each event sent to it, each state it takes.
 */
import { jsonSafe, type Json } from './json-safe.ts';

/**
 * An inspection event of XState 5, as far as it is looked at. Structural, since a kernel may bring an
 * XState of its own.
 */
export interface Inspected {
  readonly type: string;
  readonly rootId: string;
  readonly actorRef: InspectedActor;
  readonly sourceRef?: InspectedActor | undefined;
  readonly event?: { readonly type: string };
  readonly snapshot?: object;
}

export interface InspectedActor {
  readonly sessionId: string;
  readonly id?: string;
  readonly logic?: unknown;
  readonly _parent?: { readonly sessionId: string } | undefined;
  getSnapshot(): unknown;
}

/** Takes what XState tells. It never throws: XState would end the process. */
export type Inspect = (inspected: Inspected) => void;

interface WireBase {
  readonly _version: string;
  /** Wall clock, ms, as text. */
  readonly createdAt: string;
  readonly id: null;
  readonly rootId: string;
  readonly sessionId: string;
}

export interface WireActor extends WireBase {
  readonly type: '@xstate.actor';
  readonly name: string;
  /** The configuration of the chart as JSON text; of an actor without a chart only its id. */
  readonly definition: string;
  readonly parentId: string | undefined;
  readonly snapshot: WireState;
}

export interface WireEvent extends WireBase {
  readonly type: '@xstate.event';
  readonly event: Json;
  readonly sourceId: string | undefined;
}

export interface WireSnapshot extends WireBase {
  readonly type: '@xstate.snapshot';
  readonly event: Json;
  readonly snapshot: WireState;
}

export type WireMessage = WireActor | WireEvent | WireSnapshot;

/** `status`, and of a chart `value` and `context`. */
export type WireState = Readonly<Record<string, Json | undefined>>;

const version = '0.7.2';
/** Longest definition, event, and part of a state, characters. */
const limits = { definition: 200_000, event: 16_000, statePart: 16_000 };

export function wireActor(actor: InspectedActor, rootId: string, wallMs: number): WireActor {
  const snapshot = actor.getSnapshot();
  const chart = chartOf(actor, snapshot);
  const { id = actor.sessionId, sessionId } = actor;
  const name = id === sessionId ? chart?.id ?? id : id;
  return {
    type: '@xstate.actor',
    name,
    definition: chart ? definitionOf(chart) : JSON.stringify({ id: name }),
    parentId: actor._parent?.sessionId,
    snapshot: stateOf(snapshot),
    ...base(sessionId, rootId, wallMs),
  };
}

export function wireEvent({ actorRef, sourceRef, event, rootId }: Inspected, wallMs: number): WireEvent {
  return {
    type: '@xstate.event',
    event: jsonSafe(event, limits.event) ?? null,
    sourceId: sourceRef?.sessionId,
    ...base(actorRef.sessionId, rootId, wallMs),
  };
}

export function wireSnapshot({ actorRef, snapshot, event, rootId }: Inspected, wallMs: number): WireSnapshot {
  return {
    type: '@xstate.snapshot',
    event: jsonSafe(event, limits.event) ?? null,
    snapshot: stateOf(snapshot),
    ...base(actorRef.sessionId, rootId, wallMs),
  };
}

/** Session ids count up in each thread: with a prefix they cannot be taken for those of another one. */
export function prefixed<T extends WireMessage>(message: T, prefix: string): T {
  const named = { ...message, sessionId: prefix + message.sessionId, rootId: prefix + message.rootId };
  if (named.type === '@xstate.actor' && named.parentId !== undefined) {
    return { ...named, parentId: prefix + named.parentId };
  }
  if (named.type === '@xstate.event' && named.sourceId !== undefined) {
    return { ...named, sourceId: prefix + named.sourceId };
  }
  return named;
}

const base = (sessionId: string, rootId: string, wallMs: number): WireBase => ({
  _version: version, createdAt: String(wallMs), id: null, rootId, sessionId,
});

interface Chart { readonly id?: string }

/** A logic that chooses its chart at run time has none of its own, but its state knows. */
function chartOf({ logic }: InspectedActor, snapshot: unknown): Chart | undefined {
  const { machine } = (snapshot ?? {}) as { readonly machine?: unknown };
  const configs = [logic, machine].map((one) => (one as { readonly config?: unknown } | undefined)?.config);
  // The config of a promise or a callback is its function.
  return configs.find((config): config is Chart => typeof config === 'object' && config !== null);
}

const definitions = new WeakMap<Chart, string>();

/** Many actors have the same chart, and it never changes. */
function definitionOf(chart: Chart): string {
  const known = definitions.get(chart);
  if (known !== undefined) return known;
  const definition = JSON.stringify(jsonSafe(chart, limits.definition));
  definitions.set(chart, definition);
  return definition;
}

/** Each part has a budget of its own: however large the context, the state's value is told. */
function stateOf(snapshot: unknown): WireState {
  if (typeof snapshot !== 'object' || snapshot === null) return { status: 'active' };
  const { toJSON } = snapshot as { toJSON?: unknown };
  const parts = typeof toJSON === 'function' ? (toJSON.call(snapshot) as object) : snapshot;
  return Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, jsonSafe(part, limits.statePart)]));
}
