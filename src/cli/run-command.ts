import { createGrace } from '../index.ts';
import { referenceHost } from '../reference-host/index.ts';
import { inspectOption, sayInspector, type InspectFlag } from './inspect-flag.ts';
import { exitCode, say, type Output } from './output.ts';

/** Runs the reference host until Ctrl-C: once stops in order, twice ends at once. */
export async function runHost(
  { dataDir, inspect }: Output & InspectFlag & { readonly dataDir: string },
): Promise<number> {
  const grace = await createGrace({ ...referenceHost(dataDir), inspect: inspectOption(inspect) });
  await grace.start();
  if (grace.inspectorUrl) sayInspector(grace.inspectorUrl);
  say(`20 kernels run in process ${process.pid}, data in ${grace.dataDir}. Ctrl-C stops them in order.`);
  grace.on('kernel.down', ({ kernel, reason }) => say(`${kernel} is down: ${reason.kind}`));
  grace.on('kernel.ready', ({ kernel, epoch }) => say(`${kernel} is ready (epoch ${epoch})`));
  grace.on('incident.closed', ({ incident, openMs }) => say(`${incident} closed after ${openMs.toFixed(0)} ms`));
  await new Promise<void>((stop) => {
    const alive = setInterval(() => undefined, 60_000);
    let asked = 0;
    const onSignal = () => {
      asked += 1;
      if (asked > 1) process.exit(130);
      clearInterval(alive);
      stop();
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });
  say('stopping');
  const { zombies } = await grace.stop();
  for (const { kernel, threadId } of zombies) say(`the thread ${threadId} of ${kernel} could not be ended`);
  return exitCode.ok;
}
