import type { Diagnosis } from '../index.ts';

/** What a scenario found. `passed` is the sum of `checks`. */
export interface ScenarioReport {
  readonly scenario: string;
  readonly cause: string;
  /** `watchdog`: without trigger and playbooks. */
  readonly detector: string;
  readonly recovery: boolean;
  readonly passed: boolean;
  /** False makes the scenario invalid: it did not test anything. */
  readonly effectProven: boolean;
  /** From the injection, of a leak from its end, ms; null when it did not happen. */
  readonly timings: {
    readonly effectMs: number | null;
    readonly detectedMs: number | null;
    readonly servingMs: number | null;
    readonly playbookClosedMs: number | null;
    readonly diagnosedMs: number | null;
    /** From the repeated fault until the mitigation had caught it. */
    readonly fixVerifiedMs: number | null;
  };
  readonly collateralRestarts: number;
  /** Victim to how often it was started again. */
  readonly restarts: Readonly<Record<string, number>>;
  readonly kernelsRunning: number;
  readonly kernelsTotal: number;
  readonly criticalRecovered: number;
  readonly clientRequests: { readonly ok: number; readonly failed: number; readonly waitedMaxMs: number };
  readonly steps: readonly { readonly id: string; readonly status: string; readonly ms: number }[];
  readonly journal: { readonly verified: boolean; readonly entries: number };
  readonly invariants: {
    readonly balanced: boolean;
    readonly acknowledged: number;
    readonly handled: number;
    readonly problems: readonly string[];
  };
  readonly diagnosis:
    (Pick<Diagnosis, 'category' | 'subcause' | 'confidence' | 'evidence' | 'rootCause'>) | null;
  /** In force at the end. */
  readonly mitigations: readonly string[];
  readonly incident: string | null;
  readonly artefacts: string | null;
  /** Each check by name; a failed one says why. */
  readonly checks: readonly Check[];
}

export interface Check {
  readonly check: string;
  readonly ok: boolean;
  readonly found: string;
}
