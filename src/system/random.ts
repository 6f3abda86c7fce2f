import { randomBytes } from 'node:crypto';
import type { Random } from '../core/ports.ts';

/** Real randomness. Ids sort by the time they were made. */
export const systemRandom: Random = {
  next: () => Math.random(),
  id: (prefix) => `${prefix}_${Date.now().toString(36)}${randomBytes(5).toString('hex')}`,
};
