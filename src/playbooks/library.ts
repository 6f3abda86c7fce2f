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

/** The events of the heartbeat trigger, each answered by the playbook that is `on` it. */
export const answeredEvents = ['event.incident', 'event.emergency', 'event.early_warning'] as const;
export type Answers = Readonly<Record<(typeof answeredEvents)[number], string>>;

/** What every run is given, whatever started it. */
export const givenInputs: readonly string[] = [
  'kernels_down', 'kernels_degraded', 'kernels_min', 'emergency_protocol',
];

/**
 * The playbooks of a host beside the shipped ones. Its own win: by their id, and by the event they are `on`.
 *
 * @throws GRACE_PLAYBOOK_INVALID when two of its own are on one event, when an event is left without an
 * answer, or when a playbook that answers one requires an input that nobody gives.
 */
export function besideShipped(
  shipped: PlaybookLibrary, own: PlaybookLibrary,
): { readonly library: PlaybookLibrary; readonly answers: Answers } {
  const library = new Map([...shipped, ...own]);
  const answers = answeredEvents.map((event) => {
    const on = (from: PlaybookLibrary) => [...from.values()].filter(({ playbook }) => playbook.on === event);
    const [first, second] = on(own);
    if (second) throw wrong(second, `no other playbook on ${event}, found ${first!.file}`);
    const answer = first ?? on(library)[0];
    if (!answer) {
      const former = on(shipped)[0]!.playbook.id;
      throw wrong(library.get(former)!, `on: ${event}, which nothing else answers`);
    }
    const missing = missingInputs(answer, givenInputs);
    if (missing) throw wrong(answer, `no required input "${missing}": ${event} does not give it`);
    return [event, answer.playbook.id];
  });
  return { library, answers: Object.fromEntries(answers) as Answers };
}

/** The first required input of a playbook that is not among those given. */
export const missingInputs = ({ playbook }: LoadedPlaybook, given: readonly string[]): string | undefined =>
  Object.entries(playbook.inputs).find(([name, { required }]) => required && !given.includes(name))?.[0];

const wrong = ({ file, playbook }: LoadedPlaybook, expected: string) => new GraceError(
  'GRACE_PLAYBOOK_INVALID', `${file}:1:1: playbook "${playbook.id}": expected ${expected}.`, { details: { file } },
);

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
