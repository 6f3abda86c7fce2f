import type { EventPayloads, EventType, MeshEvent } from '../../src/core/events.ts';
import type { DownReason } from '../../src/core/kernel.ts';

let count = 0;

/** An event as the mesh would deliver it. */
export function meshEvent<T extends EventType>(type: T, payload: EventPayloads[T], atMs = 0): MeshEvent<T> {
  count += 1;
  return {
    type, payload, atMs, wallMs: atMs, id: `evt_${count}`, correlationId: null, causationId: null, depth: 0,
    source: 'test',
  };
}

const crash: DownReason = { kind: 'threw', notice: 'last_words' };

export const down = (kernel: string, atMs = 0, reason = crash) =>
  meshEvent('kernel.down', { kernel, epoch: 1, critical: true, reason }, atMs);

export const triggered = (
  type: 'event.incident' | 'event.emergency' | 'event.early_warning', kernels: readonly string[], atMs = 0,
) => meshEvent(type, {
  trigger_id: 'critical_kernel_heartbeat',
  playbook: { 'event.incident': 'one', 'event.emergency': 'many', 'event.early_warning': 'check' }[type],
  severity: 'high',
  kernels_down: type === 'event.early_warning' ? [] : kernels,
  kernels_degraded: type === 'event.early_warning' ? kernels : [],
  emergency_protocol: type === 'event.emergency',
}, atMs);
