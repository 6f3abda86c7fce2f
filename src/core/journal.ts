/** The journal as its users see it. `src/journal` writes it; nobody else opens its files. */

export interface JournalRecord {
  /** `noun.past_participle`, the type of the mesh event where there is one. */
  readonly type: string;
  /** Stamped by the host from the port it came by, never by the sender. */
  readonly actor: string;
  readonly incident: string | null;
  readonly data: unknown;
  /** Monotonic, ms. */
  readonly atMs: number;
  /** Wall clock, ms since the epoch. */
  readonly wallMs: number;
}

/** An entry of the file: one JSON line. Its bytes, without the newline, are what is hashed. */
export interface JournalEntry {
  readonly sequence: number;
  /** RFC 6962 leaf hash of the bytes of the entry before, hex; 64 zeros in the first. */
  readonly previous: string;
  readonly wallMs: number;
  readonly atMs: number;
  readonly type: string;
  readonly actor: string;
  readonly incident: string | null;
  readonly data: unknown;
  /** CRC-32 of the bytes of the line before this field, 8 hex digits. */
  readonly crc32: string;
}

export interface Journal {
  /** Queues a record. Never throws and never waits; order is kept. */
  append(record: JournalRecord): void;
  /**
   * Resolves when everything appended so far is synced to the disk.
   *
   * @throws GRACE_JOURNAL_WRITE_FAILED when the disk refused it.
   */
  flush(): Promise<void>;
}
