/**
 * A copy of any value that JSON can carry, for people to look at. It copes with whatever it meets:
 * cycles, functions, getters that throw, a gigabyte of rows. Secrets are taken out by their key.
 */
import { redact } from './redact.ts';

export type Json =
  | string | number | boolean | null | readonly (Json | undefined)[] | { readonly [key: string]: Json | undefined };

const depthMax = 32;
/** Quotes, comma, and a number of usual length. */
const memberChars = 8;
const stringMax = 2_000;
/** Stands for what did not fit. */
const leftOut = '…';
const unreadable = '[unreadable]';

/**
 * @param charsMax - About how long the copy may become as text.
 * @example jsonSafe({ at: 1n, do() {} }, 1_000) // { at: '1', do: { type: 'do' } }
 */
export function jsonSafe(value: unknown, charsMax: number): Json | undefined {
  const ancestors: object[] = [];
  let left = charsMax;

  const copy = (key: string, value: unknown): Json | undefined => {
    left -= key.length + memberChars;
    const shown = redact(key, value);
    switch (typeof shown) {
      case 'undefined':
        return undefined;
      case 'string':
        return copyText(shown);
      case 'number':
        return Number.isFinite(shown) ? shown : String(shown);
      case 'boolean':
        return shown;
      case 'object':
        return shown === null ? null : guarded(key, shown);
      case 'function':
        // As the Stately inspector writes an action or a guard that was given in place.
        return { type: shown.name };
      default:
        return String(shown);
    }
  };

  const copyText = (text: string): string => {
    const fits = Math.max(0, Math.min(stringMax, left));
    left -= Math.min(text.length, fits);
    return text.length > fits ? `${text.slice(0, fits)}${leftOut}` : text;
  };

  const guarded = (key: string, object: object): Json | undefined => {
    if (ancestors.includes(object)) return '[cycle]';
    if (ancestors.length >= depthMax || left <= 0) return leftOut;
    ancestors.push(object);
    try {
      return copyObject(key, object);
    } catch {
      return unreadable;
    } finally {
      ancestors.pop();
    }
  };

  const copyObject = (key: string, object: object): Json | undefined => {
    const { toJSON } = object as { toJSON?: unknown };
    if (typeof toJSON === 'function') return copy(key, toJSON.call(object, key));
    if (object instanceof Error) {
      return { name: copyText(String(object.name)), message: copyText(String(object.message)) };
    }
    if (ArrayBuffer.isView(object)) return `[${object.constructor.name} of ${object.byteLength} bytes]`;
    if (Array.isArray(object) || object instanceof Map || object instanceof Set) return copyList(object);
    const entries: [string, Json | undefined][] = [];
    for (const name of Object.keys(object)) {
      if (left <= 0) {
        entries.push([leftOut, leftOut]);
        break;
      }
      entries.push([name, copyMember(object as Record<string, unknown>, name)]);
    }
    return Object.fromEntries(entries);
  };

  const copyMember = (object: Readonly<Record<string, unknown>>, name: string): Json | undefined => {
    let value: unknown;
    try {
      value = object[name];
    } catch {
      return unreadable;
    }
    return copy(name, value);
  };

  const copyList = (list: Iterable<unknown>): Json => {
    const items: (Json | undefined)[] = [];
    for (const item of list) {
      if (left <= 0) {
        items.push(leftOut);
        break;
      }
      items.push(copy('', item));
    }
    return items;
  };

  return copy('', value);
}
