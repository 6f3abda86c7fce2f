/**
 * Standard Schema, version 1: what zod, valibot, arktype and others have in common. A host checks the
 * parameters of its actions with the library it has, in the version it has.
 */
export interface StandardSchema {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult | Promise<StandardResult>;
  };
}

export interface StandardResult {
  readonly value?: unknown;
  readonly issues?: readonly StandardIssue[] | undefined;
}

export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The keys on the way to what is wrong. */
export const pathOf = ({ path = [] }: StandardIssue): PropertyKey[] =>
  path.map((part) => (typeof part === 'object' ? part.key : part));
