// Generated paths: every shortest way the graph library finds through a chart is replayed on a live actor.
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { createActor, type AnyStateMachine } from 'xstate';
import { getShortestPaths } from '@xstate/graph';
import { Script, type PathEvent } from './script.ts';

export interface Model {
  readonly name: string;
  /** With every action provided, and no actor: the graph knows no time. */
  readonly machine: AnyStateMachine;
  /** The same chart for the replay: its actors end when the path says so. */
  readonly live: (script: Script) => AnyStateMachine;
  readonly input?: unknown;
  readonly events: readonly object[];
  /** False for an event that cannot come in this state: the end of an actor that does not live. */
  readonly possible?: (
    snapshot: { readonly context: never; readonly children: Readonly<Record<string, unknown>> },
    event: { readonly type: string },
  ) => boolean;
  /** What of a context tells states apart. Default: all but times and counters. */
  readonly summary?: (context: Record<string, unknown>) => unknown;
  /** Every state that the paths have to reach, as JSON of the state value; or what has to hold of them. */
  readonly reaches: readonly string[] | ((reached: ReadonlySet<string>) => void);
  readonly limit?: number;
  /** Where to look no further: a counter that only grows has no end. */
  readonly stop?: (snapshot: { readonly context: unknown }) => boolean;
  /** Looked at after each path. */
  readonly check?: (snapshot: { readonly value: unknown; readonly context: never }) => void;
}

export function modelTest(model: Model): void {
  const { name, machine, live, input, events, reaches, limit = 20_000, check, stop, possible } = model;
  const summary = model.summary ?? summaryOf;
  const paths = getShortestPaths(machine, {
    input: input as never,
    events: ((snapshot: never) =>
      events.filter((event) => possible?.(snapshot, event as { type: string }) ?? true)) as never,
    serializeState: ({ value, context }) => JSON.stringify([value, summary(context)]),
    limit,
    ...(stop && { stopWhen: stop }),
  });

  describe(`${name}: the model`, () => {
    test('reaches every state', () => {
      const reached = new Set(paths.map((path) => JSON.stringify(path.state.value)));
      if (typeof reaches === 'function') reaches(reached);
      else assert.deepEqual([...reached].toSorted(), reaches.toSorted());
    });

    test(`behaves live as the model says, on all ${paths.length} paths`, async () => {
      for (const path of paths) {
        const steps = path.steps.slice(1).map((step) => step.event as unknown as PathEvent);
        const script = new Script();
        const actor = createActor(live(script), { input: input as never });
        actor.subscribe({ error: assert.ifError });
        actor.start();
        for (const step of steps) await script.play(step, (event) => actor.send(event as never));
        const way = steps.map(({ type }) => type).join(' -> ');
        assert.deepEqual(actor.getSnapshot().value, path.state.value, way);
        check?.(actor.getSnapshot() as never);
        actor.stop();
      }
    });
  });
}

/** What of a context tells states apart: not the times, which would never repeat. */
function summaryOf(context: Record<string, unknown>): unknown {
  const { nowMs: _now, trigger: _trigger, alarms: _alarms, restarts: _restarts, ...rest } = context;
  return rest;
}
