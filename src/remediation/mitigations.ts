/** Which overlays of the runtime are in force. An overlay is reversible, never an edit of a file. */
import type { Mitigation, MitigationRequest } from '../core/diagnosis.ts';

export class MitigationBook {
  readonly #active = new Map<string, Mitigation>();
  #lastId = 0;

  /** Puts an overlay in force. It replaces those of its kind for the same kernel. */
  apply(
    incident: string, request: MitigationRequest, nowMs: number,
  ): { readonly mitigation: Mitigation; readonly replaced: readonly Mitigation[] } {
    const replaced = this.active().filter(({ kind, kernel }) => kind === request.kind && kernel === request.kernel);
    for (const { id } of replaced) this.#active.delete(id);
    this.#lastId += 1;
    const mitigation: Mitigation = { ...request, incident, id: `mit_${this.#lastId}`, appliedAtMs: nowMs };
    this.#active.set(mitigation.id, mitigation);
    return { mitigation, replaced };
  }

  /** Takes an overlay out of force again. Undefined when there is none of this id. */
  revert(id: string): Mitigation | undefined {
    const mitigation = this.#active.get(id);
    this.#active.delete(id);
    return mitigation;
  }

  active(): readonly Mitigation[] {
    return [...this.#active.values()];
  }
}
