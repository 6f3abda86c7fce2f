/**
 * Overlays of the runtime that are in force: reversible, never an edit of a file.
 */
import type { Mitigation, MitigationRequest } from '../core/diagnosis.ts';

export interface MemoryFigure {
  readonly kernel: string;
  readonly heapUsedKb: number;
  readonly externalKb: number;
}

export class MitigationBook {
  readonly #active = new Map<string, Mitigation>();
  #lastId = 0;

  /** Puts an overlay in force. A new one of the same kind for the same kernel replaces the old one. */
  apply(request: MitigationRequest, nowMs: number): Mitigation {
    for (const [id, other] of this.#active) {
      if (other.kind === request.kind && other.kernel === request.kernel) this.#active.delete(id);
    }
    this.#lastId += 1;
    const mitigation: Mitigation = { ...request, id: `mit_${this.#lastId}`, appliedAtMs: nowMs };
    this.#active.set(mitigation.id, mitigation);
    return mitigation;
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

  /** Kernels whose monitor says that it is time to warn, with the reason. */
  warnings(figures: readonly MemoryFigure[]): { readonly kernel: string; readonly why: string }[] {
    return this.active().flatMap((mitigation) => {
      if (mitigation.kind !== 'monitor') return [];
      const { kernel, metric, warnAt } = mitigation;
      const value = figures.find((figure) => figure.kernel === kernel)?.[metric] ?? 0;
      return value >= warnAt ? [{ kernel, why: `${metric} is ${value}, the monitor warns at ${warnAt}` }] : [];
    });
  }
}
