/** The actions that a host registers: checked like a kernel, and then actions like the shipped ones. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { configInvalid, configIssue } from '../core/config-error.ts';
import { GraceError } from '../core/errors.ts';
import { pathOf, type StandardIssue, type StandardSchema } from '../core/standard-schema.ts';
import type { ActionStart } from './action-protocol.ts';
import { shippedActions, type Action, type ActionRegistry, type Issue } from './actions.ts';

/** An action as a host writes it. It runs in a thread of its own, which is ended at the step's timeout. */
export interface ActionInput {
  /** `file:` URL of a module that exports a function with the action's name: `(params, call) => result`. */
  readonly module: string | URL;
  /** A Standard Schema, such as one of zod: checked when a playbook is loaded, and before each try. Default `{}`. */
  readonly params?: StandardSchema;
  /** `once`: what is intended is on the disk before it starts. Default `once`. */
  readonly effect?: 'pure' | 'idempotent' | 'once';
}

/** Does one try, in a thread that ends with it. */
type RunInThread = (start: ActionStart, signal: AbortSignal) => Promise<unknown>;

const isSchema = (value: unknown): value is StandardSchema =>
  typeof (value as Partial<StandardSchema> | null | undefined)?.['~standard']?.validate === 'function';

const actionSchema = z.strictObject({
  module: z.union([z.string(), z.instanceof(URL)], 'a file: URL')
    .transform(String)
    .refine((module) => module.startsWith('file:') && existsSync(fileURLToPath(module)),
      "the file: URL of a file that exists, such as new URL('./actions.js', import.meta.url)"),
  params: z.custom<StandardSchema>(isSchema, 'a Standard Schema, such as z.strictObject({})').optional(),
  effect: z.enum(['pure', 'idempotent', 'once']).default('once'),
});

/**
 * The shipped actions and those of the host.
 *
 * @throws GRACE_CONFIG_INVALID, with the path of what is wrong. Nothing has been started then.
 */
export function allActions(
  inputs: Readonly<Record<string, ActionInput>>, runInThread: RunInThread,
): { readonly actions: ActionRegistry; readonly modules: ReadonlyMap<string, readonly string[]> } {
  const actions = new Map(shippedActions);
  const modules = new Map<string, string[]>();
  for (const [name, input] of Object.entries(inputs)) {
    const where = `actions.${name}`;
    if (!/^[a-z][a-z0-9_]{0,63}$/.test(name)) {
      throw configInvalid(where, 'a name of small letters, digits and _', name);
    }
    if (shippedActions.has(name)) throw configInvalid(where, 'a name that no shipped action has', name);
    const parsed = actionSchema.safeParse(input);
    if (!parsed.success) throw configIssue(where, input, parsed.error.issues[0]!);
    const { module, params = z.strictObject({}) as StandardSchema, effect } = parsed.data;
    modules.set(module, [...(modules.get(module) ?? []), name]);
    actions.set(name, hostAction(name, { module, params, effect }, runInThread));
  }
  return { actions, modules };
}

function hostAction(
  name: string, { module, params, effect }: { module: string; params: StandardSchema; effect: Action['effect'] },
  runInThread: RunInThread,
): Action {
  return {
    effect,
    problemsOf: (values) => issuesOf(name, params, values).issues,
    async run(raw, { key, run, incident, timeoutMs, signal }) {
      const { issues, value } = issuesOf(name, params, raw);
      if (issues.length > 0) {
        const wrong = issues.map(({ path, message }) => `${path.map(String).join('.')}: ${message}`).join('; ');
        throw new GraceError('GRACE_ACTION_FAILED', `Action "${name}" was given wrong parameters: ${wrong}`);
      }
      const work = { params: value, call: { key, run, incident, timeoutMs } };
      return runInThread({ module, actions: [name], work }, signal);
    },
  };
}

function issuesOf(name: string, params: StandardSchema, values: unknown) {
  const result = params['~standard'].validate(values);
  if (result instanceof Promise) {
    throw configInvalid(`actions.${name}.params`, 'a schema that answers at once', 'an asynchronous one');
  }
  return { issues: (result.issues ?? []).map(issueOf), value: result.value };
}

/** An issue of zod says more than the standard asks for: that is kept. */
const issueOf = (issue: StandardIssue): Issue => ({ code: 'custom', ...issue, path: pathOf(issue) }) as Issue;
