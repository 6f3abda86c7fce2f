/** The rows as one Markdown table, as the README shows it: p50 / p99, ratios, targets. */
import type { Row } from './rows.ts';

export function tableOf(rows: readonly Row[]): string {
  const lines = rows.map(({ id, what, unit, figures, ratios, target }) => {
    const { grace = {}, ...others } = figures;
    const compared = Object.entries(others).map(([name, figure]) => `${name} ${cell(figure)}`);
    const cells = [
      `${id} ${what}, ${unit}`,
      cell(grace),
      compared.join('; ') || '-',
      Object.entries(ratios).map(([name, ratio]) => `${name} ${ratio}`).join('; ') || '-',
      target ? `${target.text}: ${target.met ? 'met' : 'missed'}` : '-',
    ];
    return `| ${cells.join(' | ')} |`;
  });
  const head = ['| what | Grace | compared with | ratios | target |', '| --- | --- | --- | --- | --- |'];
  return [...head, ...lines].join('\n');
}

function cell(figure: Readonly<Record<string, number>>): string {
  const { p50, p99, ...rest } = figure;
  if (p50 !== undefined && p99 !== undefined) return `${p50} / ${p99}`;
  return Object.entries(rest).map(([name, value]) => `${name} ${value}`).join(', ') || '-';
}
