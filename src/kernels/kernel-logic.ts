import { fromCallback } from 'xstate';
import { alarmOn } from '../../machines/alarm.ts';
import { kernelMachine, type ThreadSignal } from '../../machines/kernel.machine.ts';
import type { Announcer } from '../core/events.ts';
import type { Clock } from '../core/ports.ts';
import type { ThreadRegistry } from './thread-registry.ts';

/** The kernel chart on real threads: what it asks for is done by the registry. */
export function kernelLogic(registry: ThreadRegistry, announcer: Announcer, clock: Clock) {
  return kernelMachine.provide({
    actors: {
      alarm: alarmOn(clock),
      thread: fromCallback<ThreadSignal, { kernel: string }>(({ input, sendBack }) =>
        registry.attach(input.kernel, sendBack)),
    },
    actions: {
      publish: (_, announcement) => {
        announcer.publish(announcement);
      },
      endThread: (_, { kernel, deadlineAtMs }) => registry.endThread(kernel, deadlineAtMs),
      fence: (_, { kernel, reason }) => registry.fence(kernel, reason),
    },
  });
}
