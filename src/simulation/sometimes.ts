/**
 * What must have happened in some run: a simulation in which none of this ever occurs proves nothing about it.
 */
import type { AnyMeshEvent, EventType } from '../core/events.ts';
import { saw, type Observed } from './checkers.ts';

type Sometimes = (observed: Observed) => boolean;

const seen = <T extends EventType>(
  type: T, holds: (payload: Extract<AnyMeshEvent, { type: T }>['payload']) => boolean = () => true,
): Sometimes =>
  ({ history }) => saw(history, type, (event) => holds(event.payload as never));

export const sometimes = {
  'emergency entered with three down': seen('event.emergency', ({ kernels_down: down }) => down.length >= 3),
  'an incident was upgraded in place': seen('incident.upgraded'),
  'a run was superseded': seen('incident.upgraded', ({ supersededRun }) => supersededRun !== null),
  'a closed incident was reopened': seen('incident.reopened'),
  'an incident was escalated': seen('incident.escalated'),
  'an early warning was given': seen('event.early_warning'),
  'a trigger was suppressed in its cooldown': seen('trigger.suppressed', ({ reason }) => reason === 'cooldown'),
  'a trigger was suppressed for want of a quorum': seen('trigger.suppressed', ({ reason }) => reason === 'quorum'),
  'a kernel was put in quarantine': seen('kernel.quarantined'),
  'a zombie was replaced': ({ history }) => {
    const zombies = history.flatMap((one) =>
      (one.is === 'event' && one.event.type === 'kernel.zombie' ? [one.event.payload] : []));
    return zombies.some(({ kernel, epoch }) =>
      saw(history, 'kernel.ready', ({ payload }) => {
        const ready = payload as { kernel: string; epoch: number };
        return ready.kernel === kernel && ready.epoch > epoch;
      }));
  },
  'amnesty was granted': seen('monitor.amnesty_granted'),
  'a hung kernel was found': seen('kernel.down', ({ reason }) => reason.kind === 'silent'),
  'a leak was ended before its limit': seen('kernel.down', ({ reason }) => reason.kind === 'out_of_memory'),
  'a mitigation was applied': seen('mitigation.applied'),
  'a cause was named': seen('diagnosis.completed'),
  'a step was tried again': seen('run.step_started', ({ attempt }) => attempt > 1),
  'a run failed': seen('run.ended', ({ status }) => status === 'failed'),
  'a standby was adopted': seen('kernel.ready', ({ adoptedStandby, epoch }) => adoptedStandby && epoch > 1),
  'a kernel that is not critical was restarted': ({ history }) =>
    saw(history, 'kernel.ready', ({ payload }) => {
      const { critical, epoch } = payload as { critical: boolean; epoch: number };
      return !critical && epoch > 1;
    }),
} satisfies Record<string, Sometimes>;

export type SometimesName = keyof typeof sometimes;
