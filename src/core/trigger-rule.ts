import type { EventType } from './events.ts';

/** A trigger rule as a host writes it. */
export interface TriggerInput {
  /** Unique among the rules; small letters, digits and _. */
  readonly id: string;
  /** The type of event it looks at; any but `event.custom`, which is what rules fire. */
  readonly on: EventType;
  /** CEL over `event`; what cannot be evaluated does not hold. Default `true`. */
  readonly when?: string;
  /** The id of the playbook that answers. */
  readonly playbook: string;
  /** Default `medium`. */
  readonly severity?: 'medium' | 'high' | 'critical';
  /** Inputs of the playbook; `${...}` in them is CEL over `event`. Default none. */
  readonly with?: Readonly<Record<string, unknown>>;
}

/** The same, checked and with the defaults filled in. */
export interface TriggerRule {
  readonly id: string;
  readonly on: EventType;
  readonly when: string;
  readonly playbook: string;
  readonly severity: 'medium' | 'high' | 'critical';
  readonly with: Readonly<Record<string, unknown>>;
}
