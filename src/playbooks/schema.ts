/** The playbook dialect, once: types, checks and the JSON Schema for editors come from here. */
import { z } from 'zod';
import { durationPattern } from '../core/duration.ts';

const duration = z.string()
  .regex(durationPattern, 'a duration such as 250ms, 5s or 1.5m')
  .describe('A duration such as 250ms, 5s or 1.5m');
const name = z.string()
  .regex(/^[a-z][a-z0-9_]{0,63}$/, 'a name of small letters, digits and _')
  .describe('A name of small letters, digits and _');
const cel = z.string().min(1).max(500).describe('A CEL expression over inputs, steps, saved and incident');
const values = z.record(z.string(), z.unknown());

const retry = z.strictObject({
  attempts: z.number().int().min(1).max(20).describe('Tries in all, the first included'),
  delay: duration.default('0ms'),
  backoff: z.enum(['constant', 'exponential']).default('constant'),
  max_delay: duration.optional().describe('No wait is longer'),
  jitter: z.number().min(0).max(1).default(0).describe('Share of the wait that is random: 0.2 is 20 % more or less'),
});

const onFailure = z.union([z.enum(['abort', 'continue']), z.strictObject({ goto: name })]);

const actionFields = {
  id: name,
  action: z.string().min(1),
  with: values.default({}),
  when: cel.optional(),
  timeout: duration,
  retry: retry.optional(),
  for_each: cel.optional().describe('A list; the action is done for each item, beside each other'),
  as: name.default('item'),
  max: z.number().int().min(1).max(100).default(20),
  on_failure: onFailure.default('abort'),
  compensate: z.strictObject({ action: z.string().min(1), with: values.default({}), timeout: duration })
    .optional(),
  save_as: name.optional(),
};

const actionStep = z.strictObject(actionFields);
const parallelStep = z.strictObject({
  id: name,
  when: cel.optional(),
  parallel: z.array(actionStep).min(1).max(20),
  join: z.union([z.literal('all'), z.number().int().min(1)]).default('all'),
  on_failure: onFailure.default('abort'),
});

export const stepSchemas = { action: actionStep, parallel: parallelStep };

const inputSchema = z.strictObject({
  type: z.enum(['string', 'number', 'boolean', 'list']),
  required: z.boolean().default(false),
  default: z.unknown().optional(),
  description: z.string().optional(),
});

/** All but the steps, whose shape depends on whether they are parallel. */
export const headSchema = z.strictObject({
  playbook: name,
  version: z.number().int().min(1),
  title: z.string().min(1),
  on: z.enum(['event.incident', 'event.emergency', 'event.early_warning']).optional(),
  slo: duration,
  cooldown: duration.default('0ms').describe('Pause before it runs again for the same cause'),
  inputs: z.record(name, inputSchema).default({}),
  steps: z.array(z.unknown()).min(1).max(100),
  finally: z.array(z.unknown()).max(20).default([]),
  success: z.array(cel).max(20).default([]),
});

const documentSchema = headSchema.extend({
  steps: z.array(z.union([actionStep, parallelStep])).min(1).max(100),
  finally: z.array(actionStep).max(20).default([]),
});

/** The JSON Schema (draft 7) that editors check playbook files against. */
export function playbookJsonSchema(): Record<string, unknown> {
  return { title: 'Grace playbook', ...z.toJSONSchema(documentSchema, { target: 'draft-7', io: 'input' }) };
}
