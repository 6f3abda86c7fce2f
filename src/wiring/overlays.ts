/** Mitigations in force, and what each does to the running host. */
import type { BusHub } from '../bus/bus-hub.ts';
import type { Mitigation, MitigationRequest } from '../core/diagnosis.ts';
import type { ChildSpec } from '../core/kernel.ts';
import type { Clock } from '../core/ports.ts';
import type { ThreadRegistry } from '../kernels/thread-registry.ts';
import { MitigationBook } from '../remediation/mitigations.ts';

export class Overlays {
  readonly #book = new MitigationBook();
  readonly #parts: { clock: Clock; specs: readonly ChildSpec[]; registry: ThreadRegistry; hub: BusHub };

  constructor(parts: { clock: Clock; specs: readonly ChildSpec[]; registry: ThreadRegistry; hub: BusHub }) {
    this.#parts = parts;
  }

  active(): readonly Mitigation[] {
    return this.#book.active();
  }

  apply(incident: string, request: MitigationRequest): ReturnType<MitigationBook['apply']> {
    const applied = this.#book.apply(incident, request, this.#parts.clock.now());
    const { registry, hub } = this.#parts;
    const { mitigation } = applied;
    if (mitigation.kind === 'limit') registry.setHeapLimit(mitigation.kernel, mitigation.heapMb);
    else if (mitigation.kind === 'monitor') registry.watchMemory(mitigation.kernel, mitigation);
    else hub.hold(mitigation.kernel, registry.isFull(mitigation.kernel));
    return applied;
  }

  /** Undoes an overlay: what the child spec says holds again. */
  revert(id: string): Mitigation | undefined {
    const mitigation = this.#book.revert(id);
    const { registry, hub, specs } = this.#parts;
    if (mitigation?.kind === 'limit') {
      const spec = specs.find((one) => one.id === mitigation.kernel);
      if (spec) registry.setHeapLimit(spec.id, spec.limits.heapMb);
    } else if (mitigation?.kind === 'monitor') {
      registry.watchMemory(mitigation.kernel, undefined);
    } else if (mitigation) {
      hub.hold(mitigation.kernel, false);
    }
    return mitigation;
  }

  /** A kernel holds too much, or no longer does: its breaker, if it has one, opens or closes. */
  onFull(kernel: string, full: boolean): void {
    const hasBreaker = this.active().some((one) => one.kind === 'breaker' && one.kernel === kernel);
    if (hasBreaker) this.#parts.hub.hold(kernel, full);
  }
}
