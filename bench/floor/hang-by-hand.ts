/** A watchdog by hand: looks at the idle time of a thread's loop, and promotes a standby when it stands still. */
import { newProof, slot, type HangOrder } from '../hangs.ts';
import { now } from '../waiting.ts';
import { load } from './by-hand.ts';

const pollMs = 5;

/**
 * Hangs a thread, and resolves when its successor answers from its state.
 *
 * @returns `ms` since the hang began; `gone` resolves when the hung thread has ended.
 */
export async function replaceHungByHand(
  order: HangOrder, silentMs: number,
): Promise<{ readonly ms: number; readonly gone: Promise<unknown> }> {
  const [hung, standby] = await Promise.all([load(), load()]);
  const proof = newProof();
  const gone = new Promise((resolve) => {
    hung.worker.once('exit', resolve);
  });
  const answered = new Promise((resolve) => {
    standby.port.once('message', resolve);
  });
  let idle = -1;
  let movedAtMs = now();
  const timer = setInterval(() => {
    const present = hung.worker.performance.eventLoopUtilization().idle;
    if (present !== idle) [idle, movedAtMs] = [present, now()];
    if (now() - movedAtMs < silentMs) return;
    clearInterval(timer);
    void hung.worker.terminate();
    standby.port.postMessage({ adopt: 41 });
  }, pollMs);
  hung.port.postMessage({ hang: order, proof });
  await answered;
  const ms = now() - Number(proof[slot.begun]!) / 1e6;
  if (proof[slot.over] !== 0n) throw new Error(`The ${order.how} by hand ended before it was found.`);
  await standby.worker.terminate();
  return { ms, gone };
}
