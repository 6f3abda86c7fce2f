/** What runs in the thread of one try of a host's action: loads the module, calls the function, answers. */
import { parentPort, workerData } from 'node:worker_threads';
import { toErrorRecord } from '../core/errors.ts';
import type { ActionStart, FromAction } from './action-protocol.ts';

const { module, actions, work } = workerData as ActionStart;
const post = (message: FromAction) => parentPort!.postMessage(message);

try {
  const imported = (await import(module)) as Record<string, unknown>;
  const missing = actions.find((action) => typeof imported[action] !== 'function');
  if (missing !== undefined) {
    post({ type: 'missing', action: missing, exports: Object.keys(imported) });
  } else {
    const act = imported[actions[0]!] as (...args: unknown[]) => unknown;
    post({ type: 'done', value: work ? await act(work.params, work.call) : null });
  }
} catch (error) {
  post({ type: 'failed', error: toErrorRecord(error) });
}
