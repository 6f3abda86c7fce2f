/**
 * A standby goes through an adoption once while nobody waits for it. V8 compiles a function when it is
 * first called: a thread that has never been adopted spends milliseconds on that in the middle of a
 * recovery. The kernel rehearsed with is empty; the kernel's own module is not touched.
 */
import { MessageChannel } from 'node:worker_threads';
import type { KernelModule } from '../core/kernel.ts';
import { countersBytes, type FromThread } from '../core/thread-protocol.ts';
import { RunningKernel, type Surroundings } from './running-kernel.ts';

const emptyKernel: KernelModule = {
  start(ctx) {
    return {
      handle: () => {
        ctx.save();
        return ctx.epoch;
      },
      snapshot: () => ctx.restored,
    };
  },
};

const rounds = 3;

type Around = Omit<Surroundings, 'port' | 'stopped'>;

export async function rehearseAdoption(around: Around): Promise<void> {
  for (let round = 0; round < rounds; round += 1) await adoptOnce(around);
}

/** Adopted, called, saved, stopped; resolves when it has stopped. */
async function adoptOnce(around: Around): Promise<void> {
  const { port1: host, port2: port } = new MessageChannel();
  const { port1: bus, port2: kernelsBus } = new MessageChannel();
  await new Promise<void>((stopped) => {
    const kernel = new RunningKernel(
      emptyKernel,
      {
        type: 'adopt', kernel: 'rehearsal', epoch: 1, config: {}, saveIntervalMs: 0, concurrency: 1, inspect: false,
        restored: { state: null, outbox: [], handled: [] }, bus: kernelsBus,
        counters: new SharedArrayBuffer(countersBytes),
      },
      { ...around, port, stopped },
    );
    host.on('message', (message: FromThread) => {
      if (message.type === 'ready') {
        kernel.receive({ type: 'probe', id: 1 });
        kernel.receive({ type: 'call', id: 2, payload: null });
      } else if (message.type === 'answer' && message.id === 2) {
        kernel.receive({ type: 'stop' });
      }
    });
    void kernel.start();
  });
  for (const each of [host, port, bus, kernelsBus]) each.close();
}
