import { randomBytes } from 'node:crypto';
import type { Random } from '../core/ports.ts';

/** Ids of one process share a random part and count up: asking the system for each costs 50 us. */
const processPart = `${Date.now().toString(36)}${randomBytes(4).toString('hex')}`;
let count = 0;

/** Real randomness. Ids sort by the time they were made. */
export const systemRandom: Random = {
  next: () => Math.random(),
  id: (prefix) => {
    count += 1;
    return `${prefix}_${processPart}${count.toString(36).padStart(6, '0')}`;
  },
};
