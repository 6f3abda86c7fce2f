import { GraceError } from './errors.ts';

/** What a machine's placeholder throws: XState ignores a missing action without a word. */
export function notProvided(kind: 'actor' | 'action' | 'guard', name: string): GraceError {
  return new GraceError(
    'GRACE_ACTOR_NOT_PROVIDED',
    `The ${kind} "${name}" was not provided. Pass it with machine.provide({ ${kind}s: { ${name} } }).`,
    { details: { kind, name } },
  );
}
