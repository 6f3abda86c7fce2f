/** Keeps the record of open incidents, with dumps and resource samples, and writes their artefacts. */
import { join } from 'node:path';
import { toErrorRecord } from '../core/errors.ts';
import type { AnyMeshEvent } from '../core/events.ts';
import type { Clock, Log, TimerId } from '../core/ports.ts';
import { artefactsOf } from '../incidents/artefacts.ts';
import {
  dumpsMax, IncidentRecords, type Dump, type IncidentRecord, type ResourceSample,
} from '../incidents/incident-record.ts';
import type { Mesh } from '../triggers/mesh.ts';
import type { World } from './world.ts';

/** Resource samples while an incident is open, ms apart. */
const sampleEveryMs = 250;

export interface HostView {
  dump(): Pick<Dump, 'system_state' | 'kernel_states' | 'restart_counts'>;
  resources(): Omit<ResourceSample, 'wallMs' | 'atMs'>;
}

export class IncidentKeeper {
  readonly #records = new IncidentRecords();
  readonly #dir: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #view: HostView;
  readonly #writeArtefacts: World['writeArtefacts'];
  readonly #writing = new Set<Promise<void>>();
  #timer: TimerId;

  constructor(
    dir: string, mesh: Mesh, view: HostView,
    { clock, log, writeArtefacts }: Pick<World, 'clock' | 'writeArtefacts'> & { log: Log },
  ) {
    this.#dir = dir;
    this.#clock = clock;
    this.#log = log;
    this.#writeArtefacts = writeArtefacts;
    this.#view = view;
    mesh.subscribe('*', (event) => this.#take(event));
  }

  /** Resolves when no artefact is being written. */
  async settled(): Promise<void> {
    this.#clock.clearTimeout(this.#timer);
    await Promise.all(this.#writing);
  }

  #take(event: AnyMeshEvent): void {
    this.#records.take(event);
    const open = this.#records.open();
    if (/^(kernel|incident|emergency|run\.(started|ended))/.test(event.type)) {
      for (const { dumps } of this.#recordsOf(event, open)) {
        if (dumps.length < dumpsMax) dumps.push(this.#dump(event.type));
      }
    }
    if (event.type === 'incident.opened') this.#sampleLater();
    if (event.type === 'incident.closed' || event.type === 'incident.escalated') {
      this.#write(event.payload.incident);
    }
  }

  /** The open ones, and the one this event has just closed. */
  #recordsOf(event: AnyMeshEvent, open: readonly IncidentRecord[]): readonly IncidentRecord[] {
    const own = event.correlationId === null ? undefined : this.#records.get(event.correlationId);
    return own && !open.includes(own) ? [...open, own] : open;
  }

  #sample(): void {
    this.#clock.clearTimeout(this.#timer);
    const open = this.#records.open();
    if (open.length === 0) return;
    for (const { samples } of open) {
      if (samples.length < dumpsMax) samples.push({ ...this.#stamp(), ...this.#view.resources() });
    }
    this.#sampleLater();
  }

  /** Never at once: reading the process's memory takes a millisecond, and a recovery has begun. */
  #sampleLater(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = this.#clock.setTimeout(() => this.#sample(), sampleEveryMs);
  }

  #dump(cause: string): Dump {
    return { ...this.#stamp(), cause, ...this.#view.dump() };
  }

  #stamp() {
    return { wallMs: this.#clock.wallNow(), atMs: this.#clock.now() };
  }

  #write(incident: string): void {
    const record = this.#records.get(incident);
    if (!record) return;
    record.samples.push({ ...this.#stamp(), ...this.#view.resources() });
    const writing = this.#writeArtefacts(join(this.#dir, incident), artefactsOf(record))
      .catch((error: unknown) => {
        this.#log.error({ incident, error: toErrorRecord(error) }, 'the artefacts could not be written');
      })
      .finally(() => {
        this.#writing.delete(writing);
        this.#records.forget(incident);
      });
    this.#writing.add(writing);
  }
}
