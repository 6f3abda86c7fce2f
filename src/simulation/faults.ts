/** Faults as data: a list that can be printed, shrunk, kept and played again. */
import type { SeededRandom } from './seeded-random.ts';

export type FaultKind =
  | 'kill' | 'throw' | 'exit' | 'hang' | 'stuck' | 'late' | 'leak' | 'fails_to_start' | 'starts_late'
  | 'host_stands_still' | 'disk_refuses' | 'writer_dies';

export interface Fault {
  /** Since the host was ready, ms. */
  readonly atMs: number;
  readonly kind: FaultKind;
  /** Whom it hits; null for a fault of the host or its disk. */
  readonly kernel: string | null;
  /** How long it lasts, ms; or how often it happens. */
  readonly amount: number;
}

const ofKernels: readonly FaultKind[] = [
  'kill', 'kill', 'throw', 'exit', 'hang', 'stuck', 'late', 'leak', 'fails_to_start', 'starts_late',
];
const ofTheHost: readonly FaultKind[] = ['host_stands_still', 'disk_refuses', 'writer_dies'];

/** Draws faults over `spanMs`: alone, several at once, and one in the middle of the recovery of another. */
export function drawFaults(
  random: SeededRandom, kernels: readonly string[], critical: readonly string[], spanMs: number,
): Fault[] {
  const faults: Fault[] = [];
  const blows = random.whole(1, 6);
  for (let blow = 0; blow < blows; blow += 1) {
    const atMs = Math.round(random.between(0, spanMs));
    const way = random.next();
    if (way < 0.15) {
      faults.push(draw(random, atMs, random.pick(ofTheHost), null));
    } else if (way < 0.45) {
      // Several critical ones at the same instant.
      const victims = random.sample(critical, random.whole(2, critical.length));
      const kind = random.pick(ofKernels.slice(0, 5));
      for (const kernel of victims) faults.push(draw(random, atMs, kind, kernel));
    } else if (way < 0.5) {
      // More than half of all: the host itself is in trouble.
      const victims = random.sample(kernels, Math.ceil(kernels.length * 0.6));
      for (const kernel of victims) faults.push(draw(random, atMs, 'kill', kernel));
    } else if (way < 0.56) {
      // Late, and late again when its warning is over.
      const kernel = random.pick(critical);
      faults.push(draw(random, atMs, 'late', kernel));
      faults.push(draw(random, atMs + random.whole(2_500, 5_000), 'late', kernel));
    } else {
      const first = random.pick(kernels);
      faults.push(draw(random, atMs, random.pick(ofKernels), first));
      if (random.chance(0.5)) {
        const later = atMs + Math.round(random.between(1, 400));
        faults.push(draw(random, later, random.pick(ofKernels), random.chance(0.5) ? first : random.pick(critical)));
      }
    }
  }
  return faults.toSorted((a, b) => a.atMs - b.atMs);
}

function draw(random: SeededRandom, atMs: number, kind: FaultKind, kernel: string | null): Fault {
  const amounts: Partial<Record<FaultKind, () => number>> = {
    stuck: () => random.pick([800, 3_000, 10_000]),
    late: () => random.whole(300, 900),
    fails_to_start: () => random.whole(1, 3),
    starts_late: () => random.pick([1_500, 4_000, 12_000]),
    host_stands_still: () => random.whole(50, 3_000),
    disk_refuses: () => random.whole(1, 4),
  };
  return { atMs, kind, kernel, amount: amounts[kind]?.() ?? 0 };
}
