import { createGrace } from '../index.ts';
import { referenceHost } from '../reference-host/index.ts';
import { inspectOption, sayInspector, type InspectFlag } from './inspect-flag.ts';
import { exitCode, say, type Output } from './output.ts';

/** Runs the reference host until Ctrl-C: once stops in order, also while it starts; twice ends at once. */
export async function runHost(
  { dataDir, inspect }: Output & InspectFlag & { readonly dataDir: string },
): Promise<number> {
  const grace = await createGrace({ ...referenceHost(dataDir), inspect: inspectOption(inspect) });
  grace.on('kernel.down', ({ kernel, reason }) => say(`${kernel} is down: ${reason.kind}`));
  grace.on('incident.closed', ({ incident, openMs }) => say(`${incident} closed after ${openMs.toFixed(0)} ms`));
  // Before anything starts: who reads that the host runs may stop it in the same instant.
  const asked = new Promise<'asked'>((resolve) => onStopSignal(() => resolve('asked')));
  const started = grace.start();
  const first = await Promise.race([started, asked]);
  if (first === 'asked') {
    // It rejects, because it was stopped: that is what was asked for.
    started.catch(() => undefined);
  } else {
    if (grace.inspectorUrl) sayInspector(grace.inspectorUrl);
    grace.on('kernel.ready', ({ kernel, epoch }) => say(`${kernel} is ready (epoch ${epoch})`));
    say(`20 kernels run in process ${process.pid}, data in ${grace.dataDir}. Ctrl-C stops them in order.`);
    await keptAlive(asked);
  }
  say('stopping');
  const { zombies } = await grace.stop();
  for (const { kernel, threadId } of zombies) say(`the thread ${threadId} of ${kernel} could not be ended`);
  return exitCode.ok;
}

/** Calls at the first Ctrl-C or SIGTERM; the second ends the process. */
function onStopSignal(stop: () => void): void {
  let times = 0;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      times += 1;
      if (times > 1) process.exit(130);
      stop();
    });
  }
}

/** Nothing of a runtime keeps its process alive: a host has to. */
async function keptAlive<T>(work: Promise<T>): Promise<T> {
  const alive = setInterval(() => undefined, 60_000);
  try {
    return await work;
  } finally {
    clearInterval(alive);
  }
}
