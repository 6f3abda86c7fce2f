/** Hashes of RFC 6962, section 2.1: leaves and nodes cannot be taken for one another. */
import { createHash } from 'node:crypto';

const leafPrefix = Buffer.from([0]);
const nodePrefix = Buffer.from([1]);

/** Hash of an entry's bytes, hex. @example leafHash('') // 6e340b9cffb37a98... */
export function leafHash(bytes: string | Uint8Array): string {
  return createHash('sha256').update(leafPrefix).update(bytes).digest('hex');
}

function nodeHash(left: string, right: string): string {
  return createHash('sha256')
    .update(nodePrefix)
    .update(Buffer.from(left, 'hex'))
    .update(Buffer.from(right, 'hex'))
    .digest('hex');
}

/** Root of a tree that grows by one leaf at a time; holds one hash per level. */
export class MerkleTree {
  /** Roots of complete subtrees, the largest first, with the number of leaves in each. */
  readonly #peaks: { readonly size: number; readonly hash: string }[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds a leaf by its hash. */
  add(leaf: string): void {
    let peak = { size: 1, hash: leaf };
    while (this.#peaks.at(-1)?.size === peak.size) {
      const left = this.#peaks.pop()!;
      peak = { size: peak.size * 2, hash: nodeHash(left.hash, peak.hash) };
    }
    this.#peaks.push(peak);
    this.#size += 1;
  }

  /** The tree head, hex. Of no leaves: the hash of nothing, as in the RFC. */
  root(): string {
    if (this.#peaks.length === 0) return createHash('sha256').digest('hex');
    return this.#peaks.map(({ hash }) => hash).reduceRight((right, left) => nodeHash(left, right));
  }
}
