import type { AnyActorLogic, AnyActorScope, AnyStateMachine } from 'xstate';
import type { RunInput } from '../../machines/incident.machine.ts';
import { createPlaybookRunMachine } from '../../machines/playbook-run.machine.ts';
import { GraceError } from '../core/errors.ts';
import type { Playbook } from '../core/playbook.ts';
import { evaluate } from './expressions.ts';
import type { PlaybookLibrary } from './library.ts';

/** What is provided to the chart of every playbook. */
type Provided = Parameters<AnyStateMachine['provide']>[0];

/** What a run is given, and the defaults of what it is not given. */
export function withDefaults(
  declared: Playbook['inputs'], given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const defaults = Object.entries(declared)
    .flatMap(([name, { default: value }]) => (value === undefined ? [] : [[name, value]]));
  return { ...Object.fromEntries(defaults), ...given };
}

/**
 * One logic for all playbooks: it takes the chart of the playbook that the input, or the restored
 * state, names. So an incident can spawn a `run` without knowing which.
 */
export function runLogic(library: PlaybookLibrary, provided: Provided): AnyActorLogic {
  const machines = new Map<string, AnyStateMachine>();
  for (const [id, { playbook }] of library) {
    machines.set(id, createPlaybookRunMachine(playbook, evaluate).provide(provided));
  }

  function machineOf(playbook: string): AnyStateMachine {
    const machine = machines.get(playbook);
    if (machine) return machine;
    throw new GraceError(
      'GRACE_PLAYBOOK_UNKNOWN',
      `There is no playbook "${playbook}". Loaded: ${[...machines.keys()].join(', ')}.`,
    );
  }

  const prepared = (input: RunInput): RunInput =>
    ({ ...input, inputs: withDefaults(library.get(input.playbook)?.playbook.inputs ?? {}, input.inputs) });

  type Live = { readonly context: { readonly playbook: string } };
  const of = (snapshot: unknown) => machineOf((snapshot as Live).context.playbook);

  return {
    getInitialSnapshot: (scope: AnyActorScope, input: RunInput) =>
      machineOf(input.playbook).getInitialSnapshot(scope, prepared(input) as never),
    transition: (snapshot, event, scope) => of(snapshot).transition(snapshot as never, event as never, scope),
    getPersistedSnapshot: (snapshot, options) => of(snapshot).getPersistedSnapshot(snapshot as never, options),
    restoreSnapshot: (snapshot, scope) => of(snapshot).restoreSnapshot(snapshot as never, scope as never),
    start: (snapshot: unknown) => of(snapshot).start(snapshot as never),
  } as AnyActorLogic;
}
