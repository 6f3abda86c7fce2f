/**
 * Why something fired, or which condition kept it from firing: read from the journal, so it works while
 * the host runs and after it ended.
 */
import type { JournalEntry } from '../index.ts';
import { dataOf } from './journal-view.ts';

/** One signal, and what became of it. */
export interface Reason {
  readonly at: string;
  /** What was seen, in words. */
  readonly signal: string;
  readonly fired: boolean;
  /** The condition that decided. */
  readonly because: string;
}

export interface Answer {
  readonly asked: string;
  readonly kind: 'trigger' | 'incident';
  readonly reasons: readonly Reason[];
}

type Payload = Readonly<Record<string, unknown>>;

const firedTypes = /^event\./;
const signalTypes = new Set(['kernel.down', 'kernel.degraded', 'kernel.quarantined', 'kernel.warned']);
const heartbeat = 'critical_kernel_heartbeat';

/** Undefined when the journal knows neither a trigger nor an incident of this name. */
export function why(entries: readonly JournalEntry[], asked: string): Answer | undefined {
  const byCause = groupByCause(entries);
  const isOpened = entries.some(({ incident, type }) => incident === asked && type === 'incident.opened');
  if (isOpened) return { asked, kind: 'incident', reasons: whyIncident(entries, asked) };
  const fires = entries.filter(({ type, data }) =>
    firedTypes.test(type) && payloadOf({ data } as JournalEntry)['trigger_id'] === asked);
  if (fires.length === 0 && asked !== heartbeat) return undefined;
  // The shipped trigger looks at kernels; of another one only what it fired is known.
  const signals = asked === heartbeat ? entries.filter(({ type }) => signalTypes.has(type)) : [];
  const signalIds = new Set(signals.map(idOf));
  const reasons = [
    ...signals.map((signal) => whyNotOrFired(signal, byCause, entries)),
    ...fires.filter((fire) => !signalIds.has(dataOf(fire).causationId ?? '')).map((fire) => firing(fire, byCause)),
  ];
  return { asked, kind: 'trigger', reasons };
}

/** What opened the incident, and each thing that changed it. */
function whyIncident(entries: readonly JournalEntry[], incident: string): Reason[] {
  const byId = new Map(entries.map((entry) => [idOf(entry), entry]));
  const turns = /^incident\.(opened|joined|upgraded|reopened|recovered|closed|escalated)$/;
  return entries.filter((entry) => entry.incident === incident && turns.test(entry.type)).map((turn) => {
    const trigger = byId.get(dataOf(turn).causationId ?? '');
    const signal = trigger && byId.get(dataOf(trigger).causationId ?? '');
    const seen = signal ?? trigger;
    return {
      at: stamp(turn), fired: true,
      signal: `${turn.type}${seen ? ` after ${describe(seen)}` : ''}`,
      because: becauseOf(turn, trigger),
    };
  });
}

function becauseOf(turn: JournalEntry, trigger: JournalEntry | undefined): string {
  const payload = payloadOf(turn);
  if (turn.type === 'incident.closed') return 'the run was completed, nothing failed while it was watched';
  if (turn.type === 'incident.recovered') return 'its playbook run was completed';
  if (turn.type === 'incident.escalated') return String(payload['why']);
  if (!trigger || !firedTypes.test(trigger.type)) return `severity ${String(payload['severity'])}`;
  return ruleOf(trigger);
}

/** The rule of the seed, as it held for this event. */
function ruleOf(trigger: JournalEntry): string {
  const { kernels_down: down, kernels_degraded: degraded, playbook } = payloadOf(trigger) as {
    kernels_down?: readonly string[]; kernels_degraded?: readonly string[]; playbook?: string;
  };
  const rules: Readonly<Record<string, string>> = {
    'event.incident': `one critical kernel is down (${list(down)})`,
    'event.emergency': `two or more distinct critical kernels are down (${list(down)})`,
    'event.early_warning': `critical kernels are degraded (${list(degraded)}), none is down`,
  };
  return `${rules[trigger.type] ?? `the condition of its trigger holds`} -> ${playbook ?? 'no playbook'}`;
}

function whyNotOrFired(
  signal: JournalEntry, byCause: ReadonlyMap<string, readonly JournalEntry[]>, entries: readonly JournalEntry[],
): Reason {
  const fire = byCause.get(idOf(signal))?.find(({ type }) => firedTypes.test(type));
  if (fire) return firing(fire, byCause, signal);
  return { at: stamp(signal), signal: describe(signal), fired: false, because: keptFrom(signal, entries) };
}

/** It fired; an incident may still have been kept from it. */
function firing(
  fire: JournalEntry, byCause: ReadonlyMap<string, readonly JournalEntry[]>, signal?: JournalEntry,
): Reason {
  const suppressed = byCause.get(idOf(fire))?.find(({ type }) => type === 'trigger.suppressed');
  const { reason, why: said } = suppressed ? payloadOf(suppressed) : {};
  return {
    at: stamp(fire), signal: signal ? describe(signal) : fire.type, fired: suppressed === undefined,
    because: suppressed ? `${fire.type} was suppressed (${String(reason)}): ${String(said)}` : ruleOf(fire),
  };
}

/** Which condition of the heartbeat trigger did not hold. */
function keptFrom(signal: JournalEntry, entries: readonly JournalEntry[]): string {
  const payload = payloadOf(signal);
  const kernel = String(payload['kernel']);
  if (signal.type === 'kernel.warned') return 'a warning of a kernel is journalled, and fires nothing';
  if (payload['critical'] !== true) return `${kernel} is not critical: its supervisor restarts it`;
  if ((payload['reason'] as Payload | undefined)?.['notice'] === 'supervisor') {
    return 'Grace itself had ended the thread';
  }
  const open = openIncidentAt(entries, signal);
  if (open !== undefined) return `${kernel} had been counted already, and ${open} was open`;
  const storm = entries.find((entry) => entry.type === 'mesh.suppressed' && Math.abs(entry.atMs - signal.atMs) < 1_000);
  if (storm) return `the mesh refused it: ${String(payloadOf(storm)['why'])}`;
  return 'recovery was off, or the host ended at that moment';
}

function openIncidentAt(entries: readonly JournalEntry[], at: JournalEntry): string | undefined {
  let open: string | undefined;
  for (const { sequence, type, incident } of entries) {
    if (sequence >= at.sequence) break;
    if (type === 'incident.opened') open = incident ?? undefined;
    if ((type === 'incident.closed' || type === 'incident.escalated') && incident === open) open = undefined;
  }
  return open;
}

function describe(entry: JournalEntry): string {
  const { kernel, why: said, reason, warning } = payloadOf(entry) as {
    kernel?: string; why?: string; warning?: string; reason?: { kind?: string; notice?: string };
  };
  const more = said ?? warning ?? (reason?.kind ? `${reason.kind}, seen as ${reason.notice}` : '');
  return [entry.type, kernel, more && `(${more})`].filter(Boolean).join(' ');
}

function groupByCause(entries: readonly JournalEntry[]): ReadonlyMap<string, readonly JournalEntry[]> {
  const groups = new Map<string, JournalEntry[]>();
  for (const entry of entries) {
    const cause = dataOf(entry)?.causationId;
    if (cause) groups.set(cause, [...(groups.get(cause) ?? []), entry]);
  }
  return groups;
}

const payloadOf = (entry: JournalEntry): Payload => dataOf(entry)?.payload ?? {};
const idOf = (entry: JournalEntry): string => dataOf(entry)?.id ?? '';
const stamp = (entry: JournalEntry): string => new Date(entry.wallMs).toISOString();
const list = (names: readonly string[] | undefined): string => names?.join(', ') ?? '';
