/**
 * What must hold in every simulated run, whatever failed in it. Each checker is a pure function of what was
 * observed, and says each violation in a sentence.
 */
import { openIncidentsMax } from '../core/governor.ts';
import type { AnyMeshEvent, EventType } from '../core/events.ts';
import { eventDepthMax } from '../core/events.ts';
import type { Happening } from './simulated-host.ts';
import type { Book } from './workload.ts';

export interface Observed {
  readonly history: readonly Happening[];
  readonly published: number;
  /** Orders whose publish was acknowledged. */
  readonly acknowledged: readonly { readonly order: number; readonly atMs: number }[];
  /** Of each bookkeeper that answered. */
  readonly books: Readonly<Record<string, Book>>;
  readonly keepers: readonly string[];
  /** Whether the system became whole again after the last fault. */
  readonly whole: boolean;
  /** What is not whole. */
  readonly notWhole: string;
  readonly journal: {
    readonly ok: boolean;
    readonly problems: readonly string[];
    /** Ids of the events in it, in their order. */
    readonly events: readonly string[];
  };
  readonly endedAtMs: number;
}

export type Checker = (observed: Observed) => readonly string[];

/** The longest SLO, the look for the cause, the watch, and what they wait for each other, ms. */
const incidentMaxMs = 120_000 + 60_000 + 2_000 + 1_000;
/** Between an alarm and the event that tells of it, ms; a host that stands still adds to it. */
const tellingMs = 4_000;

/** These never happen by themselves. */
const alwaysCaused = /^(event|incident|run|diagnosis)\./;

export const checkers = {
  every_incident_ends({ history, endedAtMs }) {
    const since = new Map<string, number>();
    const late: string[] = [];
    for (const { type, payload, atMs } of eventsOf(history)) {
      if (!type.startsWith('incident.')) continue;
      const { incident } = payload as { incident: string };
      const openedAtMs = since.get(incident);
      if (type === 'incident.closed' || type === 'incident.escalated') {
        const tookMs = atMs - (openedAtMs ?? atMs);
        if (tookMs > incidentMaxMs) late.push(`${incident} took ${tookMs} ms`);
        since.delete(incident);
      } else if (type === 'incident.opened' || type === 'incident.upgraded' || type === 'incident.reopened') {
        // Each new response has its own deadline.
        since.set(incident, atMs);
      }
    }
    const left = [...since].map(([incident, atMs]) => `${incident} is open since ${atMs} ms at ${endedAtMs} ms`);
    return [...late, ...left];
  },

  /** One mode for all its owners: it is over when the last of their runs is, and never after their deadlines. */
  emergency_is_left({ history }) {
    const wrong: string[] = [];
    const running = new Set<string>();
    let on: { readonly owner: string; deadlineAtMs: number } | undefined;
    let noRunSinceMs = 0;
    for (const event of eventsOf(history)) {
      if (event.type === 'run.started') {
        running.add(event.payload.run);
        if (on) on.deadlineAtMs = Math.max(on.deadlineAtMs, event.payload.deadlineAtMs);
      } else if (event.type === 'run.ended') {
        running.delete(event.payload.run);
        noRunSinceMs = event.atMs;
      } else if (event.type === 'emergency.entered') {
        if (on) wrong.push(`${event.payload.owner} entered it while ${on.owner} had not left it`);
        on = { ...event.payload };
      } else if (event.type === 'emergency.left') {
        const { owner } = event.payload;
        if (!on) wrong.push(`${owner} left it, and nobody had entered it`);
        const lateMs = Math.round(event.atMs - (on?.deadlineAtMs ?? Infinity));
        const aloneMs = running.size > 0 ? 0 : Math.round(event.atMs - noRunSinceMs);
        if (lateMs > tellingMs) wrong.push(`${owner} left it ${lateMs} ms after its deadline`);
        if (aloneMs > tellingMs) wrong.push(`${owner} left it ${aloneMs} ms after the last run was over`);
        on = undefined;
      }
    }
    return on ? [...wrong, `the emergency of ${on.owner} was never left`] : wrong;
  },

  /** It belongs to an open incident a moment later, or it was said why there is none. */
  critical_deaths_are_answered({ history, endedAtMs }) {
    const wrong: string[] = [];
    const owned = new Map<string, readonly string[]>();
    const unanswered = new Map<string, number>();
    const lookAt = (nowMs: number) => {
      for (const [kernel, atMs] of unanswered) {
        if (nowMs - atMs <= tellingMs) continue;
        wrong.push(`the death of ${kernel} at ${Math.round(atMs)} ms was not answered`);
        unanswered.delete(kernel);
      }
    };
    const answer = (kernels: readonly string[]) => {
      for (const kernel of kernels) unanswered.delete(kernel);
    };
    for (const event of eventsOf(history)) {
      lookAt(event.atMs);
      if (event.type === 'kernel.down') {
        const { kernel, critical, reason } = event.payload;
        if (!critical || reason.notice === 'supervisor') continue;
        if (![...owned.values()].some((kernels) => kernels.includes(kernel))) unanswered.set(kernel, event.atMs);
      } else if (event.type === 'trigger.suppressed') {
        answer(event.payload.kernels);
      } else if (event.type === 'incident.closed' || event.type === 'incident.escalated') {
        owned.delete(event.payload.incident);
      } else if (takesKernels(event)) {
        owned.set(event.payload.incident, event.payload.kernels);
        answer(event.payload.kernels);
      }
    }
    lookAt(endedAtMs);
    return wrong;
  },

  /** An emergency is fired for a kernel that was not counted, or for any while they are watched. */
  kernels_are_counted_once({ history }) {
    const wrong: string[] = [];
    const everDown = new Set<string>();
    let counted = new Set<string>();
    let isWatched = false;
    for (const event of eventsOf(history)) {
      if (event.type === 'kernel.down') everDown.add(event.payload.kernel);
      if (event.type === 'incident.watching') isWatched = true;
      if (event.type === 'incident.reopened') isWatched = false;
      if (event.type !== 'event.incident' && event.type !== 'event.emergency') continue;
      const down = event.payload.kernels_down;
      const names = down.join(', ');
      const distinct = new Set(down);
      if (distinct.size < down.length) wrong.push(`${event.type} names a kernel twice: ${names}`);
      if (down.some((kernel) => !everDown.has(kernel))) wrong.push(`${event.type} for ${names}, not all of them down`);
      if (event.type === 'event.emergency' && !isWatched && down.every((kernel) => counted.has(kernel))) {
        wrong.push(`${event.type} for ${names}, which had been counted before`);
      }
      counted = distinct;
      isWatched = false;
    }
    return wrong;
  },

  no_healthy_kernel_is_ended({ history }) {
    return history.flatMap((one) => (one.is === 'healthy_ended'
      ? [`${one.kernel} (epoch ${one.epoch}) was ended at ${Math.round(one.atMs)} ms, and nothing was wrong with it`]
      : []));
  },

  epochs_are_unique({ history }) {
    const newest = new Map<string, number>();
    return history.flatMap((one) => {
      if (one.is !== 'adopted') return [];
      const before = newest.get(one.kernel) ?? 0;
      newest.set(one.kernel, one.epoch);
      return one.epoch > before ? [] : [`${one.kernel} got epoch ${one.epoch} after ${before}`];
    });
  },

  former_epochs_are_refused({ history }) {
    const newest = new Map<string, number>();
    return history.flatMap((one) => {
      if (one.is === 'adopted') newest.set(one.kernel, Math.max(one.epoch, newest.get(one.kernel) ?? 0));
      if (one.is !== 'event' || one.event.type !== 'kernel.ready') return [];
      const { kernel, epoch } = one.event.payload;
      const expected = newest.get(kernel);
      return epoch === expected ? [] : [`${kernel} was said ready in epoch ${epoch}, not ${expected}`];
    });
  },

  a_kernel_has_one_owner({ history }) {
    const owned = new Map<string, readonly string[]>();
    const wrong: string[] = [];
    for (const event of eventsOf(history)) {
      if (event.type === 'incident.closed' || event.type === 'incident.escalated') owned.delete(event.payload.incident);
      if (!takesKernels(event)) continue;
      const { incident, kernels } = event.payload;
      owned.set(incident, kernels);
      for (const [other, theirs] of owned) {
        const both = other === incident ? [] : theirs.filter((kernel) => kernels.includes(kernel));
        if (both.length > 0) wrong.push(`${both.join(', ')} belongs to ${other} and to ${incident}`);
      }
    }
    return wrong;
  },

  the_budget_is_kept({ history }) {
    const open = new Set<string>();
    const wrong: string[] = [];
    for (const event of eventsOf(history)) {
      if (event.type === 'incident.opened') open.add(event.payload.incident);
      if (event.type === 'incident.closed' || event.type === 'incident.escalated') open.delete(event.payload.incident);
      // The critical kernels' incident stands beside the bounded rest.
      if (open.size > openIncidentsMax + 1) wrong.push(`${open.size} incidents are open at once`);
    }
    return wrong;
  },

  causes_come_first({ history }) {
    const depths = new Map<string, number>();
    return eventsOf(history).flatMap(({ id, type, payload, causationId, correlationId, depth }) => {
      depths.set(id, depth);
      if (depth > eventDepthMax) return [`${type} has depth ${depth}`];
      // What another incident put in force is taken back by the one that replaces it.
      const isOthers = type === 'mitigation.reverted';
      if (!isOthers && 'incident' in payload && payload.incident !== correlationId) {
        return [`${type} of ${payload.incident} is correlated with ${correlationId}`];
      }
      if (causationId === null) return alwaysCaused.test(type) ? [`${type} ${id} has no cause`] : [];
      const before = depths.get(causationId);
      if (before === undefined) return [`${type} is caused by ${causationId}, which nobody has seen`];
      return depth === before + 1 ? [] : [`${type} has depth ${depth} after ${before}`];
    });
  },

  nothing_acknowledged_is_lost({ acknowledged, books, keepers }) {
    return keepers.flatMap((keeper) => {
      const book = books[keeper];
      if (!book) return [`the books of ${keeper} could not be read`];
      return acknowledged.flatMap(({ order }) =>
        (book[order] === undefined ? [`${keeper} has never heard of order ${order}, which was acknowledged`] : []));
    });
  },

  nothing_is_handled_twice({ books }) {
    return Object.entries(books).flatMap(([keeper, book]) =>
      Object.entries(book).flatMap(([order, times]) =>
        (times === 1 ? [] : [`${keeper} handled order ${order} ${times} times`])));
  },

  the_journal_is_whole({ history, journal }) {
    const seen = new Map<string, number>();
    for (const id of journal.events) seen.set(id, (seen.get(id) ?? 0) + 1);
    const missing = eventsOf(history).filter(({ id }) => !seen.has(id))
      .map(({ type, id }) => `${type} ${id} is not in it`);
    const doubled = [...seen].flatMap(([id, times]) => (times === 1 ? [] : [`${id} is in it ${times} times`]));
    return [...(journal.ok ? [] : journal.problems), ...missing, ...doubled];
  },

  it_becomes_whole({ whole, notWhole }) {
    return whole ? [] : [`it is not whole again: ${notWhole}`];
  },
} satisfies Record<string, Checker>;

export type CheckerName = keyof typeof checkers;

type TakesKernels = Extract<AnyMeshEvent, {
  type: 'incident.opened' | 'incident.joined' | 'incident.upgraded' | 'incident.reopened';
}>;

/** What the incident owns grows. */
const takesKernels = (event: AnyMeshEvent): event is TakesKernels =>
  /^incident\.(opened|joined|upgraded|reopened)$/.test(event.type);

function* eventsIn(history: readonly Happening[]): Generator<AnyMeshEvent> {
  for (const one of history) if (one.is === 'event') yield one.event;
}

const eventsOf = (history: readonly Happening[]): AnyMeshEvent[] => [...eventsIn(history)];

/** Whether an event of this type, and with this in its payload, was seen. */
export const saw = (
  history: readonly Happening[], type: EventType, holds: (event: AnyMeshEvent) => boolean = () => true,
) => history.some((one) => one.is === 'event' && one.event.type === type && holds(one.event));
