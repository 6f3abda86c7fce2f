/**
 * The `coding_agent` kernel: gets a diagnostic task with its evidence, answers with a diagnosis.
 */
import type { Diagnosis, DiagnosticTask } from '../core/diagnosis.ts';
import { defineKernel } from '../kernel.ts';
import { analyse } from './analyse.ts';
import { collectEvidence } from './evidence.ts';

interface Done {
  readonly task: string;
  readonly subcause: string;
  readonly confidence: number;
}

interface State {
  readonly done: readonly Done[];
  readonly total: number;
}

const tasksKept = 100;

/** A case whose answer is known: the probe is a real diagnosis. */
const known = collectEvidence('probe', 0, [{
  kernel: 'example', epoch: 1, module: 'file:///example.js', diedAtMs: 0, ranMs: 1, heapLimitMb: 64,
  memory: [], deathsRecently: 1,
  reason: {
    kind: 'threw', notice: 'last_words',
    error: { name: 'Error', code: 'EADDRINUSE', message: 'listen EADDRINUSE: address already in use' },
  },
}]);

export const { start } = defineKernel<State>({
  start(ctx) {
    let { done, total } = ctx.restored ?? { done: [], total: 0 };

    function diagnose(task: DiagnosticTask): Diagnosis {
      const diagnosis = analyse(task.evidence);
      const { subcause, confidence } = diagnosis;
      done = [...done, { task: task.task_id, subcause, confidence }].slice(-tasksKept);
      total += 1;
      ctx.save();
      return diagnosis;
    }

    return {
      handle({ payload }) {
        const question = payload as DiagnosticTask | { readonly op: 'tasks' | 'figures' };
        if ('task_type' in question) return diagnose(question);
        return question.op === 'tasks' ? done : { tasks: total };
      },
      probe: () => analyse(known).subcause === 'cfg.port_in_use',
      snapshot: () => ({ done, total }),
    };
  },
});
