/** The trigger rules that a host registers: checked like a playbook, and then watched on the mesh. */
import { z } from 'zod';
import type { RuleMatched } from '../../machines/rule-trigger.machine.ts';
import { configInvalid, configIssue } from '../core/config-error.ts';
import { eventTypes, type AnyMeshEvent, type EventType } from '../core/events.ts';
import type { PlaybookInput } from '../core/playbook.ts';
import type { TriggerInput, TriggerRule } from '../core/trigger-rule.ts';
import { checkRuleExpression, expressionsIn, fillFrom, holdsFor } from '../playbooks/expressions.ts';
import { givenInputs, missingInputs, type PlaybookLibrary } from '../playbooks/library.ts';

/** Each rule may have an incident open: so there is a limit. */
export const rulesMax = 32;

const ruleSchema = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, 'a name of small letters, digits and _'),
  on: z.custom<EventType>(
    (type) => type !== 'event.custom' && eventTypes.includes(type as EventType),
    'a type of event other than event.custom',
  ),
  when: z.string().min(1).max(500).default('true'),
  playbook: z.string(),
  severity: z.enum(['medium', 'high', 'critical']).default('medium'),
  with: z.record(z.string(), z.unknown()).default({}),
});

/** @throws GRACE_CONFIG_INVALID with the path of what is wrong. Nothing has been started then. */
export function parseRules(inputs: readonly TriggerInput[], library: PlaybookLibrary): TriggerRule[] {
  if (inputs.length > rulesMax) throw configInvalid('triggers', `at most ${rulesMax} rules`, inputs.length);
  const seen = new Set<string>();
  return inputs.map((input, index) => {
    const where = `triggers.${index}`;
    const parsed = ruleSchema.safeParse(input);
    if (!parsed.success) throw configIssue(where, input, parsed.error.issues[0]!);
    const rule = parsed.data;
    if (seen.has(rule.id)) throw configInvalid(`${where}.id`, 'an id that no other rule has', rule.id);
    seen.add(rule.id);
    checkExpressions(rule, where);
    checkInputs(rule, where, library);
    return rule;
  });
}

function checkExpressions(rule: TriggerRule, where: string): void {
  const values = Object.entries(rule.with).flatMap(([key, value]) =>
    expressionsIn(value).map((expression) => [`with.${key}`, expression] as const));
  for (const [path, expression] of [['when', rule.when] as const, ...values]) {
    const wrong = checkRuleExpression(expression);
    if (wrong) throw configInvalid(`${where}.${path}`, `a CEL expression over event (${wrong})`, expression);
  }
}

function checkInputs(rule: TriggerRule, where: string, library: PlaybookLibrary): void {
  const loaded = library.get(rule.playbook);
  if (!loaded) throw configInvalid(`${where}.playbook`, `one of ${[...library.keys()].join(', ')}`, rule.playbook);
  for (const [name, value] of Object.entries(rule.with)) {
    const input = loaded.playbook.inputs[name];
    if (!input) throw configInvalid(`${where}.with.${name}`, `an input of playbook "${rule.playbook}"`, name);
    if (!isOfType(value, input)) throw configInvalid(`${where}.with.${name}`, `a ${input.type}`, value);
  }
  const missing = missingInputs(loaded, [...givenInputs, ...Object.keys(rule.with)]);
  if (missing) throw configInvalid(`${where}.with`, `the input "${missing}" of playbook "${rule.playbook}"`, rule.with);
}

/** What an expression gives is known only when the rule fires. */
const isOfType = (value: unknown, { type }: PlaybookInput): boolean =>
  (typeof value === 'string' && expressionsIn(value).length > 0)
  || (type === 'list' ? Array.isArray(value) : typeof value === type);

/** What a rule makes of an event: null when its condition does not hold, or its inputs cannot be had. */
export function match(rule: TriggerRule, event: AnyMeshEvent): RuleMatched | null {
  if (!holdsFor(rule.when, event)) return null;
  const { id, depth, correlationId, atMs } = event;
  try {
    const inputs = fillFrom(event, rule.with) as RuleMatched['inputs'];
    return { type: 'rule.matched', cause: { id, depth, correlationId }, inputs, atMs };
  } catch {
    return null;
  }
}
