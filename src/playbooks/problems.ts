/** Where in a YAML file something is wrong, and how that is said. */
import { isMap, isScalar, isSeq, type Document, type LineCounter, type Node } from 'yaml';
import { GraceError } from '../core/errors.ts';
import type { z } from 'zod';

export interface Problem {
  readonly line: number;
  readonly column: number;
  /** Such as `steps.2.timeout`. */
  readonly path: string;
  readonly message: string;
}

export type Path = readonly (string | number)[];

/** Collects what is wrong with one file, each with its place. */
export class Problems {
  readonly #found: Problem[] = [];
  readonly #file: string;
  readonly #document: Document;
  readonly #lines: LineCounter;

  constructor(file: string, document: Document, lines: LineCounter) {
    this.#file = file;
    this.#document = document;
    this.#lines = lines;
  }

  get any(): boolean {
    return this.#found.length > 0;
  }

  /** @param key - The problem is with this key at `path`, not with the value there. */
  add(path: Path, expected: string, key?: string): void {
    const node = nodeAt(this.#document.contents as Node | null, path, key);
    const { line, col } = this.#lines.linePos(node?.range?.[0] ?? 0);
    const shown = [...path, ...(key === undefined ? [] : [key])].join('.');
    const found = key === undefined ? `, found ${describe(this.#document.getIn(path))}` : '';
    this.#found.push({ line, column: col, path: shown, message: `expected ${expected}${found}` });
  }

  addAt(offset: number, message: string): void {
    const { line, col } = this.#lines.linePos(offset);
    this.#found.push({ line, column: col, path: '', message });
  }

  /** Takes over what a schema found wrong at `base`. */
  addIssues(issues: readonly z.core.$ZodIssue[], base: Path = []): void {
    for (const issue of issues) {
      const path = [...base, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))];
      if (issue.code === 'unrecognized_keys') {
        for (const key of issue.keys) this.add(path, 'no such key', key);
      } else if (issue.code === 'invalid_type') {
        this.add(path, `a ${issue.expected}`);
      } else if (issue.code === 'invalid_value') {
        this.add(path, issue.values.map(String).join(' or '));
      } else {
        this.add(path, issue.message);
      }
    }
  }

  /** @throws GRACE_PLAYBOOK_INVALID when there is any. */
  throwIfAny(): void {
    if (this.#found.length === 0) return;
    const problems = this.#found.toSorted((a, b) => a.line - b.line || a.column - b.column);
    const shown = problems.map(({ line, column, path, message }) =>
      `${this.#file}:${line}:${column}: ${path ? `${path}: ` : ''}${message}`);
    throw new GraceError('GRACE_PLAYBOOK_INVALID', shown.join('\n'), {
      details: { file: this.#file, problems },
    });
  }
}

/** The node at a path, or the deepest one on the way there. */
function nodeAt(root: Node | null, path: Path, key?: string): Node | null {
  let node: Node | null = root;
  for (const part of path) {
    const next: unknown = isMap(node) || isSeq(node) ? node.get(part, true) : null;
    if (!next) return node;
    node = next as Node;
  }
  if (key === undefined || !isMap(node)) return node;
  const pair = node.items.find((item) => isScalar(item.key) && item.key.value === key);
  return (pair?.key as Node | undefined) ?? node;
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  const plain = typeof value === 'object' && value !== null && 'toJSON' in value
    ? (value as { toJSON(): unknown }).toJSON()
    : value;
  const text = JSON.stringify(plain) ?? String(plain);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
