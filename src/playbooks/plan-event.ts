/** The event of `grace playbook plan`, read from a file: a mesh event or only its payload. */
import { z } from 'zod';
import { GraceError } from '../core/errors.ts';
import type { EventType, TriggerPayload } from '../core/events.ts';

/** What fires triggers, and can be planned for. */
const types = [
  'event.incident', 'event.emergency', 'event.early_warning', 'event.custom',
] as const satisfies readonly EventType[];

export interface PlanEvent {
  readonly type: (typeof types)[number];
  readonly payload: TriggerPayload;
  /** Monotonic, ms; 0 when the file does not say. */
  readonly atMs: number;
  /** Wall clock, ms since the epoch; null when the file does not say. */
  readonly wallMs: number | null;
}

const payloadSchema = z.object({
  trigger_id: z.string().default('plan'),
  playbook: z.string().default(''),
  severity: z.enum(['medium', 'high', 'critical']).default('high'),
  kernels_down: z.array(z.string()).default([]),
  kernels_degraded: z.array(z.string()).default([]),
  emergency_protocol: z.boolean().default(false),
  inputs: z.record(z.string(), z.unknown()).optional(),
});
/** What a date can hold. */
const wall = z.number().min(0).max(8e15);
const eventSchema = z.object({
  type: z.enum(types), payload: payloadSchema, atMs: z.number().default(0), wallMs: wall.nullable().default(null),
});

/**
 * @param on - The event a bare payload is taken for, unless it says that it is an emergency.
 * @throws GRACE_CONFIG_INVALID with the place, when it is no JSON or no such event.
 * @example readPlanEvent('{ "kernels_down": ["message_bus"] }', 'e.json', 'event.incident').type // "event.incident"
 */
export function readPlanEvent(text: string, file: string, on: string | null): PlanEvent {
  const raw = parse(text, file);
  const isEvent = typeof raw === 'object' && raw !== null && 'type' in raw && 'payload' in raw;
  const parsed = (isEvent ? eventSchema : payloadSchema).safeParse(raw);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the event'}: ${message}`);
    throw invalid(`${file}: ${problems.join('; ')}. Give a trigger's event or its payload.`, { file, problems });
  }
  if (isEvent) return parsed.data as PlanEvent;
  const payload = parsed.data as TriggerPayload;
  const type = payload.emergency_protocol ? 'event.emergency' : (types.find((one) => one === on) ?? 'event.custom');
  return { type, payload, atMs: 0, wallMs: null };
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const before = text.slice(0, placeOf(text, (error as Error).message)).split('\n');
    const [line, column] = [before.length, before.at(-1)!.length + 1];
    throw invalid(
      `${file}:${line}:${column}: expected JSON, ${(error as Error).message.replaceAll(/\s+/g, ' ')}`,
      { file, line, column },
    );
  }
}

/** Not every message of the parser tells the place; the shortest beginning that is as wrong ends there. */
function placeOf(text: string, message: string): number {
  const said = /at position (\d+)/.exec(message)?.[1];
  if (said !== undefined) return Number(said);
  if (!message.startsWith('Unexpected token')) return text.length;
  let [right, wrong] = [0, text.length];
  while (right + 1 < wrong) {
    const middle = (right + wrong) >> 1;
    if (isWrong(text.slice(0, middle))) wrong = middle;
    else right = middle;
  }
  return right;
}

function isWrong(beginning: string): boolean {
  try {
    JSON.parse(beginning);
    return false;
  } catch (error) {
    return (error as Error).message.startsWith('Unexpected token');
  }
}

const invalid = (message: string, details: Readonly<Record<string, unknown>>) =>
  new GraceError('GRACE_CONFIG_INVALID', message, { details });
