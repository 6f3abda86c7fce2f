/** Puts together what is known about failed kernels, as lines that a diagnosis can cite. */
import type { EvidenceBundle, EvidenceLine, KernelEvidence, StackFrame } from '../core/diagnosis.ts';

/** Deaths this close to each other have one cause outside the kernels, ms. */
export const togetherMs = 50;

/**
 * @example
 * collectEvidence('inc_1', 12_000, deaths).lines[0]
 * // { id: 'message_bus.death', kind: 'death', text: 'message_bus (epoch 3) ended ...' }
 */
export function collectEvidence(
  incident: string, collectedAtMs: number, kernels: readonly KernelEvidence[],
): EvidenceBundle {
  return { incident, collectedAtMs, kernels, lines: [...kernels.flatMap(linesOf), ...together(kernels)] };
}

function linesOf(evidence: KernelEvidence): EvidenceLine[] {
  const { kernel, epoch, reason, ranMs, heapLimitMb, memory, deathsRecently } = evidence;
  const line = (kind: EvidenceLine['kind'], text: string, data?: unknown): EvidenceLine => ({
    id: `${kernel}.${kind}`, kernel, kind, text, ...(data !== undefined && { data }),
  });
  const lines = [
    line(
      'death',
      `${kernel} (epoch ${epoch}) ended after ${Math.round(ranMs)} ms: ${reason.kind}, first seen as ` +
        reason.notice,
      reason,
    ),
  ];
  const { error, exitCode } = reason;
  if (error) {
    lines.push(line('error', `${error.name}${error.code ? ` ${error.code}` : ''}: ${error.message}`, error));
  }
  if (exitCode !== undefined) lines.push(line('exit', `the thread's exit code was ${exitCode}`, { exitCode }));
  const last = memory.at(-1);
  if (last) {
    const share = Math.round((last.heapUsedKb / 1_024 / heapLimitMb) * 100);
    const heapMb = (last.heapUsedKb / 1_024).toFixed(1);
    lines.push(line(
      'memory',
      `the heap held ${heapMb} MiB of ${heapLimitMb} MiB (${share} %), ` +
        `${(last.externalKb / 1_024).toFixed(1)} MiB outside it`,
      { share, slopeKbPerS: slopeKbPerS(memory), externalKb: last.externalKb },
    ));
  }
  if (reason.kind === 'silent' || reason.kind === 'start_timeout') {
    lines.push(line('liveness', error?.message ?? `no sign of life: ${reason.kind}`));
  }
  const { stack, osState } = evidence;
  if (stack === 'unreadable') {
    lines.push(line('stack', 'its stack could not be read: it is in a native call'));
  } else if (stack) {
    const [top] = stack;
    const where = top ? `it hung in ${describeFrame(top)}` : 'it had no JavaScript on its stack';
    lines.push(line('stack', where, stack));
  }
  if (osState) lines.push(line('os', `the operating system says that the thread was ${osState}`));
  if (deathsRecently > 1) {
    lines.push(line('history', `${kernel} ended ${deathsRecently} times in ten minutes`, { deathsRecently }));
  }
  return lines;
}

/** A frame as an error's stack shows it. */
export const describeFrame = ({ function: name, url, line, column }: StackFrame): string =>
  `${name} (${url}:${line}:${column})`;

function together(kernels: readonly KernelEvidence[]): EvidenceLine[] {
  if (kernels.length < 2) return [];
  const times = kernels.map(({ diedAtMs }) => diedAtMs);
  const apartMs = Math.max(...times) - Math.min(...times);
  if (apartMs > togetherMs) return [];
  const text = `${kernels.length} kernels ended within ${apartMs.toFixed(1)} ms of each other: ` +
    kernels.map(({ kernel }) => kernel).join(', ');
  return [{ id: 'together', kernel: null, kind: 'correlation', text, data: { apartMs } }];
}

/** Growth of the heap, KiB per second, by least squares; 0 for fewer than three readings. */
export function slopeKbPerS(
  readings: readonly { readonly atMs: number; readonly heapUsedKb: number }[],
): number {
  const n = readings.length;
  if (n < 3) return 0;
  const meanAt = readings.reduce((sum, { atMs }) => sum + atMs, 0) / n;
  const meanKb = readings.reduce((sum, { heapUsedKb }) => sum + heapUsedKb, 0) / n;
  let over = 0;
  let under = 0;
  for (const { atMs, heapUsedKb } of readings) {
    over += (atMs - meanAt) * (heapUsedKb - meanKb);
    under += (atMs - meanAt) ** 2;
  }
  return under === 0 ? 0 : (over / under) * 1_000;
}
