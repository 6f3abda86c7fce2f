/**
 * Who may act on which kernel: one incident owns a kernel at a time, and a bounded number of incidents
 * is open. So supervisor, playbooks and agent cannot fight over a kernel.
 */
export interface GovernorState {
  /** Kernel to the incident that owns it. */
  readonly owners: Readonly<Record<string, string>>;
}

/** Incidents open at a time, at most: each may run a playbook in the host's loop. */
export const openIncidentsMax = 8;

/** Below this many kernels a majority says nothing about the host. */
const quorumFromKernels = 8;

/**
 * More than half of the kernels are down at once: it is the host, not the kernels. Playbooks would make it
 * worse; supervisors go on with their backoff. After the node health check's storm guard (medik8s).
 */
export const isQuorumLost = (down: number, of: number): boolean => of >= quorumFromKernels && down * 2 > of;

export type Grant =
  | { readonly granted: true; readonly state: GovernorState }
  | { readonly granted: false; readonly reason: 'owned' | 'budget'; readonly why: string };

export const newGovernor: GovernorState = { owners: {} };

/**
 * Asks for kernels on behalf of an incident.
 *
 * @example grant({ owners: { bus: 'inc_1' } }, 'inc_2', ['bus']).granted // false
 */
export function grant(state: GovernorState, incident: string, kernels: readonly string[]): Grant {
  const taken = kernels.find((kernel) => (state.owners[kernel] ?? incident) !== incident);
  if (taken !== undefined) {
    return { granted: false, reason: 'owned', why: `kernel "${taken}" is owned by ${state.owners[taken]}` };
  }
  const open = new Set(Object.values(state.owners));
  if (!open.has(incident) && open.size >= openIncidentsMax) {
    return { granted: false, reason: 'budget', why: `${openIncidentsMax} incidents are open` };
  }
  const owned = Object.fromEntries(kernels.map((kernel) => [kernel, incident]));
  return { granted: true, state: { owners: { ...state.owners, ...owned } } };
}

/** Gives back all that an incident owns. */
export function release(state: GovernorState, incident: string): GovernorState {
  return {
    owners: Object.fromEntries(Object.entries(state.owners).filter(([, owner]) => owner !== incident)),
  };
}
