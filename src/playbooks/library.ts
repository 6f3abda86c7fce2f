import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { GraceError } from '../core/errors.ts';
import type { ActionRegistry } from './actions.ts';
import { loadPlaybook, playbookBytesMax, type LoadedPlaybook } from './load.ts';

/** The playbooks of a runtime, by id. */
export type PlaybookLibrary = ReadonlyMap<string, LoadedPlaybook>;

/**
 * Loads every `*.yaml` of a folder, or the named files.
 *
 * @throws GRACE_PLAYBOOK_INVALID, GRACE_PLAYBOOK_OVER_SLO: the first file that is wrong.
 */
export function loadPlaybooks(source: string | readonly string[], actions: ActionRegistry): PlaybookLibrary {
  const library = new Map<string, LoadedPlaybook>();
  for (const file of filesOf(source)) {
    const loaded = loadPlaybook(read(file), file, actions);
    const other = library.get(loaded.playbook.id);
    if (other) {
      throw new GraceError(
        'GRACE_PLAYBOOK_INVALID',
        `${file}:1:1: playbook: expected an id of its own, found "${loaded.playbook.id}", which ` +
          `${other.file} has. Rename one of them.`,
        { details: { file } },
      );
    }
    library.set(loaded.playbook.id, loaded);
  }
  return library;
}

/** The playbook files of a folder, sorted; files are taken as they are. */
export function filesOf(source: string | readonly string[]): string[] {
  if (typeof source !== 'string') return [...source];
  try {
    if (!statSync(source).isDirectory()) return [source];
    return readdirSync(source)
      .filter((file) => /\.ya?ml$/.test(file))
      .toSorted()
      .map((file) => join(source, file));
  } catch (error) {
    throw unreadable(source, error);
  }
}

function read(file: string): string {
  try {
    // Looked at before it is read: a huge file should not be.
    if (statSync(file).size > playbookBytesMax * 2) return ' '.repeat(playbookBytesMax + 1);
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: string, cause: unknown): GraceError {
  return new GraceError(
    'GRACE_PLAYBOOK_UNKNOWN',
    `${basename(file)} cannot be read: ${(cause as Error).message}. Give the path of a playbook or folder.`,
    { details: { file }, cause },
  );
}
