// Generated paths: the ways that the graph library finds through a chart are replayed on live actors, and
// every state and every transition of the chart has to be taken by one of them.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { createActor, type Actor, type AnyMachineSnapshot, type AnyStateMachine } from 'xstate';
import { ModelCoverage } from './model-coverage.ts';
import { pathsThrough, wayOf, type Path, type Walkable } from './model-paths.ts';
import { Script, type PathEvent } from './script.ts';

export interface Model {
  /** That of its file: `<name>.machine.ts`, or `playbook.<id>`. */
  readonly name: string;
  /** What else than `machines/<name>.machine.ts` the chart is made of. */
  readonly sources?: readonly string[];
  readonly machine: AnyStateMachine;
  /** The same chart for the replay: its actors end when the path says so. */
  readonly live: (script: Script) => AnyStateMachine;
  /** What it is started with, one after the other. Default: nothing. */
  readonly inputs?: readonly unknown[];
  readonly events: readonly object[];
  readonly possible?: (
    snapshot: {
      readonly value: unknown; readonly context: never; readonly children: Readonly<Record<string, unknown>>;
    },
    event: { readonly type: string },
  ) => boolean;
  /** What of a context tells states apart. Default: all but times and counters. */
  readonly summary?: (context: Record<string, unknown>, children: readonly string[]) => unknown;
  /** What has to be the same in the chart and in a live actor. Default: the state and the summary. */
  readonly shape?: (snapshot: AnyMachineSnapshot) => unknown;
  /** States at most, per input. Default 20,000. */
  readonly limit?: number;
  /** Simple paths at most, per input. Default 200. */
  readonly simpleMax?: number;
  /** Where to look no further: a counter that only grows has no end. */
  readonly stop?: (snapshot: { readonly context: unknown }) => boolean;
  /** Looked at after each path. */
  readonly check?: (snapshot: { readonly value: unknown; readonly context: never }) => void;
  /** Transition, as the report names it, to why it is in the chart and cannot be taken. */
  readonly unreachable?: Readonly<Record<string, string>>;
}

/**
 * Tests a chart with generated paths, and keeps its part of the coverage report.
 *
 * What no path takes fails the test by name; so does what is said to be unreachable and is taken.
 */
export function modelTest(model: Model): void {
  const { name, machine, inputs = [undefined], simpleMax = 200, unreachable = {} } = model;
  const coverage = new ModelCoverage(name, machine);
  const script = new Script();
  // Once: making the copy of a large chart takes longer than a path through it.
  const live = model.live(script);
  const found = inputs.map((input) => ({ input, paths: pathsThrough(walkable(model, input), simpleMax) }));
  const count = (kind: 'shortest' | 'longer' | 'simple') =>
    found.reduce((sum, { paths }) => sum + paths[kind].length, 0);
  const counts = { shortest: count('shortest'), longer: count('longer'), simple: count('simple') };
  const allSimple = found.every(({ paths }) => paths.allSimple);

  describe(`${name}: the model`, () => {
    for (const kind of ['shortest', 'longer', 'simple'] as const) {
      test(`behaves live as the chart says, on ${counts[kind]} ${kind} paths`, async () => {
        for (const { input, paths } of found) {
          for (const path of paths[kind]) {
            script.forget();
            const actor = createActor(live, { input: input as never, inspect: coverage.inspect });
            await replay(model, actor, script, path);
          }
        }
      });
    }

    test('has every state and every transition taken by a live actor', () => {
      const sources = model.sources ?? [join(import.meta.dirname, `../../machines/${name}.machine.ts`)];
      coverage.write(sources, { ...counts, allSimple }, unreachable);
      const missing = coverage.missing();
      const forgotten = missing.filter((one) => !(one in unreachable));
      assert.equal(forgotten.length, 0, `no path takes:\n${forgotten.join('\n')}`);
      const wrong = Object.keys(unreachable).filter((one) => !missing.includes(one));
      assert.equal(wrong.length, 0, `said to be unreachable, and taken (or not in the chart):\n${wrong.join('\n')}`);
    });
  });
}

async function replay(model: Model, actor: Actor<AnyStateMachine>, script: Script, path: Path): Promise<void> {
  actor.subscribe({ error: assert.ifError });
  actor.start();
  const shapeOf = shapeIn(model);
  for (const [index, { event, shape }] of path.entries()) {
    await script.play(event, (sent) => actor.send(sent as never));
    assert.deepEqual(shapeOf(actor.getSnapshot()), shape, `after ${wayOf(path.slice(0, index + 1))}`);
  }
  model.check?.(actor.getSnapshot() as never);
  actor.stop();
}

function walkable(model: Model, input: unknown): Walkable {
  const { machine, events, possible, stop, limit = 20_000 } = model;
  const summary = summaryIn(model);
  return {
    machine, input, summary, limit,
    shape: shapeIn(model),
    events: events as readonly PathEvent[],
    possible: (snapshot, event) => possible?.(snapshot as never, event) ?? true,
    stop: stop && ((snapshot: AnyMachineSnapshot) => stop(snapshot)),
  };
}

const summaryIn = ({ summary = summaryOf }: Model) => ({ context, children }: AnyMachineSnapshot) =>
  summary(context as Record<string, unknown>, Object.keys(children as object).toSorted());

function shapeIn(model: Model): (snapshot: AnyMachineSnapshot) => unknown {
  const summary = summaryIn(model);
  return model.shape ?? ((snapshot) => [snapshot.value, summary(snapshot)]);
}

/** Only an actor that lives can end: for charts whose children are invoked. */
export const livesIn = (
  { children }: { readonly children: Readonly<Record<string, unknown>> }, { type }: { readonly type: string },
): boolean => {
  const actor = /^xstate\.(?:done|error)\.actor\.(.+)$/.exec(type)?.[1];
  return actor === undefined || actor in children;
};

/** What of a context tells states apart: not the times, which would never repeat. */
function summaryOf(context: Record<string, unknown>): unknown {
  const { nowMs: _now, trigger: _trigger, alarms: _alarms, restarts: _restarts, ...rest } = context;
  return rest;
}
