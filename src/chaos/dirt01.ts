/**
 * DIRT01: the three critical kernels are ended at the same instant while the application works. The
 * detector is not told. The verdict rests on what an observer outside the control plane saw.
 */
import { join } from 'node:path';
import { createGrace, openJournalFolder, type Diagnosis, type Grace, type StepEnd } from '../index.ts';
import { criticalKernels, referenceHost } from '../reference-host/index.ts';
import { killThreads, type Injected } from './faults.ts';
import { Observer } from './observer.ts';
import type { ScenarioReport } from './report.ts';

export interface ScenarioOptions {
  readonly dataDir: string;
  /** False: supervisor and playbooks off. The scenario must fail then. */
  readonly recovery: boolean;
  /** Called with what happens, as it happens. */
  readonly onProgress?: (line: string) => void;
}

/** Objective of the emergency playbook, ms. */
export const dirt01SloMs = 120_000;
const ordersPerSecond = 200;
const requestsBefore = 100;
/** Load goes on for this long after the recovery: what comes later must be handled too, ms. */
const loadAfterMs = 300;
/** Without recovery nothing will happen: no need to wait for the SLO. */
const controlWaitMs = 5_000;

interface RunEnded { readonly status: string; readonly playbook: string; readonly run: string }

export async function runDirt01(options: ScenarioOptions): Promise<ScenarioReport> {
  const { dataDir, recovery, onProgress = () => undefined } = options;
  const grace = await createGrace({ ...referenceHost(dataDir), recovery, logLevel: 'error' });
  const observer = new Observer();
  try {
    onProgress('booting the reference host: 20 kernels');
    await grace.start();
    const disconnect = grace.connectBus('observer', (port) => observer.hand(port), ['grace.events']);
    onProgress(`load: ${ordersPerSecond} orders a second`);
    await observer.begin(ordersPerSecond, requestsBefore);
    const report = await experiment(grace, observer, options);
    disconnect();
    return report;
  } finally {
    await observer.close();
    await grace.stop();
  }
}

async function experiment(
  grace: Grace, observer: Observer, { dataDir, recovery, onProgress = () => undefined }: ScenarioOptions,
): Promise<ScenarioReport> {
  const before = new Map(grace.kernels().map(({ kernel, epoch }) => [kernel, epoch]));
  observer.watch(criticalKernels);
  const unsubscribe = narrate(grace, onProgress);
  onProgress(`ending the threads of ${criticalKernels.join(', ')}`);
  const injected = killThreads(grace, criticalKernels, ({ kernel, exitedAtMs }) =>
    observer.exited(kernel, exitedAtMs!));
  const t0 = injected[0]?.atMs ?? 0;

  const isOver = () =>
    injected.every(({ kernel }) => observer.serving.has(kernel))
    && observer.events.some(({ type }) => type === 'incident.closed' || type === 'incident.escalated');
  await observer.until(isOver, recovery ? dirt01SloMs : controlWaitMs);
  await new Promise((resolve) => {
    setTimeout(resolve, loadAfterMs);
  });
  onProgress('checking the books');
  const kernels = [...before.keys()];
  const finished = await observer.finish(kernels, recovery ? 20_000 : 3_000);
  unsubscribe();
  const after = grace.kernels();
  await grace.stop();
  const journal = openJournalFolder(dataDir).verify();

  const at = (type: string, holds: (payload: never) => boolean = () => true) => {
    const event = observer.events.findLast((one) =>
      one.type === type && one.atMs >= t0 && holds(one.payload as never));
    return event ? { ms: event.atMs - t0, payload: event.payload } : undefined;
  };
  const fired = observer.events.find(({ type, atMs }) => /^event\.(incident|emergency)$/.test(type) && atMs >= t0);
  const ended = at('run.ended', ({ status, playbook }: RunEnded) =>
    status === 'completed' && playbook === 'emergency_critical_kernel_recovery');
  const { run } = (ended?.payload ?? {}) as Partial<RunEnded>;
  const diagnosed = at('diagnosis.completed');
  const { diagnosis } = (diagnosed?.payload ?? {}) as { diagnosis?: Diagnosis };
  const opened = at('incident.opened')?.payload as { incident: string } | undefined;
  const served = injected.map(({ kernel }) => observer.serving.get(kernel));
  const exits = injected.map(({ exitedAtMs }) => exitedAtMs);
  const allServed = served.every((atMs) => atMs !== undefined) && served.length === criticalKernels.length;
  const effectProven = isProven(injected, before);

  const facts = {
    scenario: 'dirt01',
    cause: 'kill',
    recovery,
    effectProven,
    timings: {
      effectMs: effectProven ? round(Math.max(...exits.map((atMs) => atMs!)) - t0) : null,
      detectedMs: fired ? round(fired.atMs - t0) : null,
      servingMs: allServed ? round(Math.max(...served.map((atMs) => atMs!)) - t0) : null,
      playbookClosedMs: ended ? round(ended.ms) : null,
      diagnosedMs: diagnosed ? round(diagnosed.ms) : null,
    },
    collateralRestarts: after
      .filter(({ kernel }) => !criticalKernels.some((victim) => victim === kernel))
      .reduce((sum, { kernel, epoch }) => sum + epoch - before.get(kernel)!, 0),
    kernelsRunning: finished.running.length,
    kernelsTotal: kernels.length,
    criticalRecovered: criticalKernels.filter((kernel) => finished.running.includes(kernel)).length,
    clientRequests: {
      ok: finished.load.ok, failed: finished.load.failed, waitedMaxMs: finished.load.waitedMaxMs,
    },
    steps: stepsOf(observer, run),
    journal: { verified: journal.ok, entries: journal.entries },
    invariants: {
      balanced: finished.books.balanced,
      acknowledged: finished.load.acknowledged,
      handled: finished.books.handled,
      problems: finished.books.problems,
    },
    diagnosis: diagnosis
      ? {
          category: diagnosis.category, subcause: diagnosis.subcause, confidence: diagnosis.confidence,
          evidence: diagnosis.evidence, rootCause: diagnosis.rootCause,
        }
      : null,
    incident: opened?.incident ?? null,
    artefacts: opened ? join(dataDir, 'incidents', opened.incident) : null,
  };
  const checks = checksOf(facts);
  return { ...facts, checks, passed: checks.every(({ ok }) => ok) };
}

type Facts = Omit<ScenarioReport, 'checks' | 'passed'>;

/** What has to be true. Each can fail by itself, and most do without recovery. */
function checksOf(facts: Facts): ScenarioReport['checks'] {
  const { timings, invariants, steps, journal, diagnosis } = facts;
  const ms = (value: number | null) => (value === null ? 'never' : `${value} ms`);
  const check = (name: string, ok: boolean, found: string) => ({ check: name, ok, found });
  return [
    check('the three threads were ended', facts.effectProven, ms(timings.effectMs)),
    check('the trigger fired', timings.detectedMs !== null, ms(timings.detectedMs)),
    check('all critical kernels serve again', timings.servingMs !== null, ms(timings.servingMs)),
    check(
      'the emergency playbook completed within its SLO',
      timings.playbookClosedMs !== null && timings.playbookClosedMs <= dirt01SloMs,
      ms(timings.playbookClosedMs),
    ),
    check('its ten steps are done', steps.length === 10 && steps.every(({ status }) => status === 'done'),
      `${steps.filter(({ status }) => status === 'done').length} of 10`),
    check('the cause was named', diagnosis?.subcause === 'unk.ended_from_outside', diagnosis?.subcause ?? 'no'),
    check('no healthy kernel was restarted', facts.collateralRestarts === 0, `${facts.collateralRestarts}`),
    check('at least 18 of 20 kernels answer', facts.kernelsRunning >= 18, `${facts.kernelsRunning}`),
    check('all three critical kernels answer', facts.criticalRecovered === 3, `${facts.criticalRecovered}`),
    check('the books balance', invariants.balanced, invariants.problems.join('; ') || 'they do'),
    check('nothing acknowledged was lost', invariants.handled >= invariants.acknowledged,
      `${invariants.handled} handled, ${invariants.acknowledged} acknowledged`),
    check('the journal verifies', journal.verified, `${journal.entries} entries`),
  ];
}

/** Three different Workers have said `exit`, and each belonged to the epoch that ran before. */
function isProven(injected: readonly Injected[], before: ReadonlyMap<string, number>): boolean {
  return injected.length === criticalKernels.length
    && new Set(injected.map(({ threadId }) => threadId)).size === criticalKernels.length
    && injected.every(({ kernel, exitedAtMs }) => exitedAtMs !== undefined && before.has(kernel));
}

function stepsOf(observer: Observer, run: string | undefined): ScenarioReport['steps'] {
  return observer.events
    .filter(({ type }) => type === 'run.step_ended')
    .map(({ payload }) => payload as StepEnd & { readonly run: string })
    .filter((step) => step.run === run && !step.closing)
    .map(({ step, status, ms }) => ({ id: step, status, ms: round(ms) }));
}

/** Tells what the control plane does, line by line. */
function narrate(grace: Grace, say: (line: string) => void): () => void {
  const stops = [
    grace.on('kernel.down', ({ kernel }) => say(`${kernel} is down`)),
    grace.on('event.incident', ({ playbook }) => say(`trigger fires event.incident -> ${playbook}`)),
    grace.on('event.emergency', ({ kernels_down: down, playbook }) =>
      say(`trigger fires event.emergency (${down.length} down) -> ${playbook}`)),
    grace.on('kernel.ready', ({ kernel, epoch }) => say(`${kernel} is ready again (epoch ${epoch})`)),
    grace.on('run.step_ended', ({ step, status }) => say(`step ${step}: ${status}`)),
    grace.on('run.ended', ({ playbook, status }) => say(`playbook ${playbook}: ${status}`)),
    grace.on('diagnosis.completed', ({ diagnosis }) =>
      say(`diagnosis: ${diagnosis.category}, ${diagnosis.subcause} (${diagnosis.confidence})`)),
    grace.on('incident.watching', () => say('recovered; watching for 2 s')),
    grace.on('incident.closed', () => say('incident closed')),
    grace.on('incident.escalated', ({ why }) => say(`incident escalated: ${why}`)),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

const round = (ms: number) => Number(ms.toFixed(2));
