/**
 * Makes a dead control-plane actor come back with its last state.
 *
 * The state before the event that killed it is persisted at the moment it throws, while its children
 * still live; they are stopped then, since their successors come with that state. A parent that spawns
 * the actor again under the same id gets it back from there, with its children and invocations running,
 * and without the poisonous event.
 */
import type { AnyActorRef, AnyActorScope, AnyStateMachine, Snapshot } from 'xstate';

/** Last states of actors that died, by actor id. Taken once. */
export class LastStates {
  readonly #states = new Map<string, Snapshot<unknown>>();

  keep(id: string, state: Snapshot<unknown>): void {
    this.#states.set(id, state);
  }

  take(id: string): Snapshot<unknown> | undefined {
    const state = this.#states.get(id);
    this.#states.delete(id);
    return state;
  }
}

/** Wraps the logic of a machine; `lastStates` outlives its actors. */
export function resumable<TMachine extends AnyStateMachine>(
  machine: TMachine, lastStates: LastStates,
): TMachine {
  const logic = Object.create(machine) as AnyStateMachine;

  logic.getInitialSnapshot = (scope: AnyActorScope, input?: unknown) => {
    const last = lastStates.take(scope.id);
    return last
      ? (machine.restoreSnapshot(last, scope) as ReturnType<AnyStateMachine['getInitialSnapshot']>)
      : machine.getInitialSnapshot(scope, input as never);
  };

  logic.transition = (snapshot, event, scope) => {
    const keep = () => {
      lastStates.keep(scope.id, machine.getPersistedSnapshot(snapshot));
      // XState leaves the children of an actor that threw running: their successors are about to come.
      for (const child of Object.values(snapshot.children)) scope.stopChild(child as AnyActorRef);
    };
    let next: ReturnType<AnyStateMachine['transition']>;
    try {
      next = machine.transition(snapshot, event, scope);
    } catch (error) {
      keep();
      throw error;
    }
    if (next.status === 'error') keep();
    return next;
  };

  return logic as TMachine;
}
