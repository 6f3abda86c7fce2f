/** `--inspect [port]`, which several commands have. */
import { GraceError, type GraceOptions } from '../index.ts';
import { say } from './output.ts';

export interface InspectFlag {
  readonly inspect?: string | true;
}

const defaultPort = 8787;

export function inspectOption(flag: string | true | undefined): NonNullable<GraceOptions['inspect']> {
  if (flag === undefined) return false;
  if (flag === true) return { port: defaultPort };
  if (/^\d+$/.test(flag)) return { port: Number(flag) };
  throw new GraceError(
    'GRACE_CONFIG_INVALID', `--inspect: expected a port, got: ${flag}. Write --inspect=PORT, or --inspect at the end.`,
  );
}

export const sayInspector = (url: string) => say(`inspector: ${url}`);
