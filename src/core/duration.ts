import { GraceError } from './errors.ts';

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** What a duration looks like in playbooks and child specs: `250ms`, `5s`, `1.5m`, `2h`. */
export const durationPattern = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/;

/**
 * Reads a duration.
 *
 * @returns Milliseconds, rounded to a whole number.
 * @throws GRACE_CONFIG_INVALID when `text` is not a number followed by ms, s, m or h.
 * @example parseDuration('1.5m') // 90_000
 */
export function parseDuration(text: string): number {
  const [, amount, unit] = durationPattern.exec(text) ?? [];
  if (amount === undefined || unit === undefined) {
    throw new GraceError(
      'GRACE_CONFIG_INVALID',
      `"${text}" is not a duration. Write a number and a unit: 250ms, 5s, 1.5m or 2h.`,
      { details: { found: text } },
    );
  }
  return Math.round(Number(amount) * unitMs[unit as keyof typeof unitMs]);
}

/** Writes a duration for people. @example formatDuration(90_000) // "1.5m" */
export function formatDuration(ms: number): string {
  const unit = ms >= unitMs.m && ms % (unitMs.m / 2) === 0 ? 'm' : ms >= unitMs.s ? 's' : 'ms';
  return `${Number((ms / unitMs[unit]).toFixed(3))}${unit}`;
}
