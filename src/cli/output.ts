/** Data goes to standard output, everything else to standard error. */
import pc from 'picocolors';

export interface Output {
  readonly json: boolean;
}

/** Exit codes of every command. */
export const exitCode = { ok: 0, failed: 1, usage: 2, review: 3, verification: 4 } as const;

/** Prints one JSON document, or what `text` makes of it. */
export function print<T>(value: T, { json }: Output, text: (value: T) => string): void {
  const shown = json ? JSON.stringify(value, null, 2) : text(value);
  if (shown !== '') process.stdout.write(`${shown}\n`);
}

export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Columns padded to their widest cell; the first row is the heading. */
export function table(rows: readonly (readonly string[])[]): string {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row, index) => {
      const line = row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ').trimEnd();
      return index === 0 ? pc.bold(line) : line;
    })
    .join('\n');
}

export const good = (text: string) => pc.green(text);
export const bad = (text: string) => pc.red(text);
export const faint = (text: string) => pc.dim(text);
