import { GraceError } from '../core/errors.ts';
import { describePath, type WorstCase } from '../core/worst-case.ts';
import type { ActionRegistry } from './actions.ts';
import { allActions, type ActionInput } from './host-actions.ts';
import { filesOf, loadPlaybooks } from './library.ts';

/** What `grace playbook check` says of one file. */
export type PlaybookCheck =
  | {
      readonly ok: true;
      readonly file: string;
      readonly playbook: string;
      readonly title: string;
      readonly sloMs: number;
      readonly worstCase: WorstCase;
      /** The longest path, as one line. */
      readonly path: string;
    }
  | {
      readonly ok: false;
      readonly file: string;
      readonly code: string;
      readonly message: string;
      /** Where and what: `problems` with their places, or the fields of `WorstCase` when it is over its SLO. */
      readonly details: Readonly<Record<string, unknown>>;
    };

/**
 * Checks playbook files one by one; a bad one does not hide the others.
 *
 * @param actions - Those of the host, as `createGrace` gets them. Their modules are not loaded.
 */
export function checkPlaybooks(
  source: string | readonly string[], actions: Readonly<Record<string, ActionInput>> = {},
): PlaybookCheck[] {
  const known = knownActions(actions);
  return filesOf(source).map((file): PlaybookCheck => {
    try {
      const [[, loaded]] = [...loadPlaybooks([file], known)] as [[string, Loaded]];
      const { playbook, worstCase } = loaded;
      const { id, title, sloMs } = playbook;
      return { ok: true, file, playbook: id, title, sloMs, worstCase, path: describePath(worstCase) };
    } catch (error) {
      if (!(error instanceof GraceError)) throw error;
      return { ok: false, file, code: error.code, message: error.message, details: error.details };
    }
  });
}

/** All actions by name, to check playbooks against: none can be run. */
export const knownActions = (actions: Readonly<Record<string, ActionInput>>): ActionRegistry =>
  allActions(actions, () => Promise.reject(new Error('a check runs no action'))).actions;

type Loaded = ReturnType<typeof loadPlaybooks> extends ReadonlyMap<string, infer T> ? T : never;
