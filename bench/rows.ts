/** A measurement as it is kept in results.json: distributions or counts, what they are compared with, the target. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

export interface Row {
  readonly id: string;
  readonly what: string;
  readonly unit: string;
  readonly rounds: number;
  /** Who or what was measured, to its figures, such as `p50` or `falseKills`. */
  readonly figures: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Of medians. */
  readonly ratios: Readonly<Record<string, number>>;
  readonly target?: { readonly text: string; readonly met: boolean };
  /** When it was measured. */
  readonly date?: string;
}

/** What a bench is told, and how it says how far it is. */
export interface Settings {
  readonly rounds: number;
  readonly minutes: number;
  readonly say: (line: string) => void;
}

export interface Bench {
  /** The rows it makes. */
  readonly ids: readonly string[];
  run(settings: Settings): Promise<Row[]>;
}

interface Results {
  readonly date: string;
  readonly node: string;
  readonly machine: string;
  readonly rows: readonly Row[];
}

type Samples = Readonly<Record<string, readonly number[]>>;

/**
 * Medians, tails, and the ratios of `grace` to its floors and peers.
 *
 * @param parts - Samples of what `grace` is made of: shown, not compared with.
 */
export function row(
  head: Pick<Row, 'id' | 'what' | 'unit' | 'rounds'>, measured: Samples, parts: Samples = {},
): Row {
  const figures = Object.fromEntries(Object.entries({ ...measured, ...parts }).map(([name, values]) => [
    name, { p50: quantile(values, 0.5), p99: quantile(values, 0.99), max: quantile(values, 1) },
  ]));
  const ratios = Object.fromEntries(Object.keys(measured)
    .filter((name) => name !== 'grace')
    .map((name) => [`grace / ${name}`, Number((figures['grace']!.p50 / figures[name]!.p50).toFixed(3))]));
  return { ...head, figures, ratios };
}

export const withTarget = (row: Row, text: string, met: boolean): Row => ({ ...row, target: { text, met } });

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1);
  return Number(sorted[Math.max(0, at)]!.toFixed(3));
}

/** Writes the rows that were measured over those of former runs; rows that were not measured stay. */
export function mergeResults(file: string, measured: Results): Results {
  const former = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Results) : { ...measured, rows: [] };
  const byId = new Map<string, Row>();
  for (const one of former.rows) byId.set(one.id, { date: former.date, ...one });
  for (const one of measured.rows) byId.set(one.id, { ...one, date: measured.date });
  const rows = [...byId.values()].toSorted((a, b) => a.id.localeCompare(b.id, 'en'));
  const merged = { ...measured, rows };
  writeFileSync(file, `${JSON.stringify(merged, null, 2)}\n`);
  return merged;
}
