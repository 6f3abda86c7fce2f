/** What the journal says about kernels and incidents: works while the host runs, and after it ended. */
import type { JournalEntry } from '../index.ts';

export interface KernelLine {
  readonly kernel: string;
  readonly status: string;
  readonly critical: boolean;
  readonly epoch: number;
  readonly restarts: number;
  readonly since: string;
}

export interface HostLine {
  readonly pid: number;
  readonly running: boolean;
  readonly since: string;
}

export interface IncidentLine {
  readonly incident: string;
  readonly severity: string;
  readonly state: string;
  readonly kernels: readonly string[];
  readonly openedAt: string;
  readonly openMs: number | null;
  readonly playbooks: readonly string[];
  readonly cause: string | null;
}

interface Data {
  readonly id: string;
  readonly causationId: string | null;
  readonly depth: number;
  readonly payload: Readonly<Record<string, unknown>>;
}

export const dataOf = (entry: JournalEntry) => entry.data as Data;
const stamp = (entry: JournalEntry) => new Date(entry.wallMs).toISOString();

const statusOf: Readonly<Record<string, string>> = {
  'kernel.ready': 'running', 'kernel.healthy': 'running', 'kernel.degraded': 'degraded',
  'kernel.down': 'down', 'kernel.stopped': 'stopped', 'kernel.quarantined': 'quarantined',
};

/** The host that wrote last, and its kernels. */
export function kernelsIn(entries: Iterable<JournalEntry>): { host: HostLine | null; kernels: KernelLine[] } {
  const kernels = new Map<string, KernelLine>();
  let host: HostLine | null = null;
  let over = true;
  let booted = false;
  for (const entry of entries) {
    // Epochs begin anew with each host: what was known is of the one before.
    if (booted && entry.type === 'kernel.ready' && dataOf(entry).payload['epoch'] === 1) {
      kernels.clear();
      booted = false;
    }
    if (entry.type === 'host.started') {
      booted = true;
      host = { pid: Number(dataOf(entry).payload['pid']), running: false, since: stamp(entry) };
      over = false;
    }
    if (entry.type === 'host.stopping') over = true;
    const status = statusOf[entry.type];
    if (status === undefined) continue;
    const { kernel, epoch, critical } = dataOf(entry).payload as Omit<KernelLine, 'status' | 'restarts' | 'since'>;
    const known = kernels.get(kernel);
    const newest = epoch > 0 ? epoch : (known?.epoch ?? 0);
    kernels.set(kernel, {
      kernel, status, critical, epoch: newest, restarts: Math.max(0, newest - 1), since: stamp(entry),
    });
  }
  const running = host !== null && !over && isAlive(host.pid);
  return { host: host && { ...host, running }, kernels: [...kernels.values()] };
}

export function incidentsIn(entries: Iterable<JournalEntry>): IncidentLine[] {
  const incidents = new Map<string, IncidentLine>();
  for (const entry of entries) {
    const { incident: id, type } = entry;
    if (id === null) continue;
    const { payload } = dataOf(entry);
    if (type === 'incident.opened') {
      incidents.set(id, {
        incident: id, severity: String(payload['severity']), state: 'open', openedAt: stamp(entry),
        kernels: payload['kernels'] as string[], openMs: null, playbooks: [], cause: null,
      });
    }
    const known = incidents.get(id);
    if (!known) continue;
    incidents.set(id, { ...known, ...changeOf(known, type, payload) });
  }
  return [...incidents.values()];
}

function changeOf(
  known: IncidentLine, type: string, payload: Readonly<Record<string, unknown>>,
): Partial<IncidentLine> {
  switch (type) {
    case 'incident.joined':
    case 'incident.upgraded':
    case 'incident.reopened':
      return { severity: String(payload['severity']), kernels: payload['kernels'] as string[], state: 'open' };
    case 'incident.watching':
      return { state: 'watching' };
    case 'incident.closed':
      return { state: 'closed', openMs: Number(payload['openMs']) };
    case 'incident.escalated':
      return { state: 'escalated' };
    case 'run.ended': {
      const { playbook, status } = payload as { playbook: string; status: string };
      return { playbooks: [...known.playbooks, `${playbook}: ${status}`] };
    }
    case 'diagnosis.completed':
      return { cause: (payload['diagnosis'] as { subcause: string }).subcause };
    default:
      return {};
  }
}

/** Everything that belongs to an incident, and what led to it, oldest first. */
export function traceOf(entries: readonly JournalEntry[], incident: string): JournalEntry[] {
  const byId = new Map(entries.map((entry) => [dataOf(entry)?.id, entry]));
  const wanted = new Set<JournalEntry>();
  for (const entry of entries.filter((one) => one.incident === incident)) {
    for (let at: JournalEntry | undefined = entry; at && !wanted.has(at);) {
      wanted.add(at);
      const cause: string | null = dataOf(at)?.causationId ?? null;
      at = cause === null ? undefined : byId.get(cause);
    }
  }
  return entries.filter((entry) => wanted.has(entry));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
