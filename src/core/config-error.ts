/** How a wrong option is said: its path, what was expected and what was found. */
import { GraceError } from './errors.ts';

/** @example configInvalid('triggers.0.on', 'a type of event', 'nothing').code // GRACE_CONFIG_INVALID */
export function configInvalid(where: string, expected: string, found: unknown): GraceError {
  return new GraceError(
    'GRACE_CONFIG_INVALID',
    `${where}: expected ${expected}, got: ${shown(found)}. Correct it in the options of createGrace.`,
    { details: { where } },
  );
}

/** The same for the first thing that a schema found wrong in `input`, which stands at `where`. */
export function configIssue(
  where: string, input: unknown, issue: { readonly message: string; readonly path: readonly PropertyKey[] },
): GraceError {
  const found = issue.path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], input,
  );
  const path = [where, ...issue.path.map(String)].filter(Boolean).join('.');
  return configInvalid(path, issue.message.replace(/^Invalid input: expected /, ''), found);
}

function shown(value: unknown): string {
  try {
    return (JSON.stringify(value) ?? (value === undefined ? 'nothing' : String(value))).slice(0, 200);
  } catch {
    return 'something that is not plain data';
  }
}
