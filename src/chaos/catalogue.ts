/** The scenarios, as `grace chaos ls` shows them and `grace chaos run` finds them. */
import { causes, type Cause } from './faults.ts';
import type { ScenarioReport } from './report.ts';
import { agentDeathSloMs, runAgentDeath } from './scenarios/agent-death.ts';
import { crashLoopSloMs, runCrashLoop } from './scenarios/crash-loop.ts';
import { dirt01SloMs, runDirt01 } from './scenarios/dirt01.ts';
import { earlyWarningSloMs, runEarlyWarning } from './scenarios/early-warning.ts';
import { quorumSloMs, runQuorum } from './scenarios/quorum.ts';
import { runSecondDeath, secondDeathSloMs } from './scenarios/second-death.ts';
import { runSingle, singleSloMs } from './scenarios/single.ts';
import type { Detector, ScenarioOptions } from './stage.ts';

export interface RunOptions extends ScenarioOptions {
  readonly cause?: Cause;
  readonly kernel?: string;
  readonly detector?: Detector;
}

export interface Scenario {
  readonly id: string;
  readonly title: string;
  readonly sloMs: number;
  /** What of `RunOptions` it takes beside the common ones. */
  readonly takes: readonly ('cause' | 'kernel' | 'detector')[];
  run(options: RunOptions): Promise<ScenarioReport>;
}

export const scenarios: readonly Scenario[] = [
  {
    id: 'dirt01', title: 'three critical kernels fail at the same instant', sloMs: dirt01SloMs,
    takes: ['cause', 'detector'], run: runDirt01,
  },
  {
    id: 'single', title: 'one kernel fails; one that is not critical is left to the watchdog', sloMs: singleSloMs,
    takes: ['cause', 'kernel'], run: runSingle,
  },
  {
    id: 'second-death', title: 'a second critical kernel dies during the recovery of the first',
    sloMs: secondDeathSloMs, takes: [], run: runSecondDeath,
  },
  {
    id: 'early-warning', title: 'a critical kernel is late, not down', sloMs: earlyWarningSloMs, takes: [],
    run: runEarlyWarning,
  },
  {
    id: 'crash-loop', title: 'a kernel dies again and again: quarantine and a timed retry', sloMs: crashLoopSloMs,
    takes: [], run: runCrashLoop,
  },
  {
    id: 'agent-death', title: 'the coding agent dies while it diagnoses', sloMs: agentDeathSloMs, takes: [],
    run: runAgentDeath,
  },
  {
    id: 'quorum', title: 'more than half of the kernels fail at once: no playbook, only supervisors',
    sloMs: quorumSloMs, takes: [], run: runQuorum,
  },
];

export { causes };
export const detectors: readonly Detector[] = ['heartbeat', 'watchdog'];
