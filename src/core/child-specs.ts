/** What a host writes about its kernels, checked and with the defaults filled in. */
import { z } from 'zod';
import { durationPattern, parseDuration } from './duration.ts';
import { GraceError } from './errors.ts';
import type { ChildSpec, RestartType, SupervisorId } from './kernel.ts';
import { topologicalOrder } from './topological-order.ts';

/** A kernel as a host writes it. Durations are strings such as `5s`. */
export interface KernelInput {
  /** Unique; letters, digits, `_` and `-`. */
  readonly id: string;
  /** `file:` URL of the module, best written `new URL('./kernel.js', import.meta.url)`. */
  readonly module: string | URL;
  /** Passed to `start` as `ctx.config`; structured-cloneable. Default `{}`. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Watched by the heartbeat trigger and recovered by playbooks. Default false. */
  readonly critical?: boolean;
  /** Default `critical` for a critical kernel, else `application`. */
  readonly supervisor?: SupervisorId;
  /** Default `permanent`. */
  readonly restart?: RestartType;
  /** Default false. */
  readonly significant?: boolean;
  /** How long `stop()` may take. Default `5s`. */
  readonly shutdown?: string;
  /** Kernels that have to be ready first at boot. Default none. */
  readonly dependsOn?: readonly string[];
  /**
   * `heapMb`: heap of the thread in MiB, 16 or more, default 128; it is ended at 80 %. `externalMb`:
   * memory outside the heap at which it is ended, default 512.
   */
  readonly limits?: { readonly heapMb?: number; readonly externalMb?: number };
  /** Threads waiting to take over. Default 1 when critical, else 0. */
  readonly standby?: 0 | 1;
  /** The former thread has to end before the next one starts. Default false. */
  readonly exclusive?: boolean;
  /** Defaults: critical `250ms` / `1s`, others `1s` / `5s`; stalled `30s`. */
  readonly liveness?: {
    readonly tardy?: string;
    readonly silent?: string;
    readonly stalled?: string;
  };
  /** From adoption to ready. Default `10s`. */
  readonly startDeadline?: string;
  /** Shortest time between two snapshots. Default `1s`. */
  readonly saveInterval?: string;
  /** Calls of `handle` at a time. Default 1. */
  readonly concurrency?: number;
  /** Topics delivered to it. Default none. */
  readonly subscribes?: readonly string[];
}

const duration = z.string().regex(durationPattern, 'a duration such as 250ms, 5s or 1.5m');
const name = z.string().regex(/^[A-Za-z][\w-]{0,63}$/, 'a name of letters, digits, _ and -');

const kernelSchema = z.strictObject({
  id: name,
  module: z.union([z.string().min(1), z.instanceof(URL)]),
  config: z.record(z.string(), z.unknown()).default({}),
  critical: z.boolean().default(false),
  supervisor: z.enum(['critical', 'platform', 'application']).optional(),
  restart: z.enum(['permanent', 'transient', 'temporary']).default('permanent'),
  significant: z.boolean().default(false),
  shutdown: z.union([duration, z.literal('brutal_kill')]).default('5s'),
  dependsOn: z.array(name).default([]),
  limits: z
    .strictObject({
      heapMb: z.number().int().min(16).default(128), externalMb: z.number().int().min(16).default(512),
    })
    .prefault({}),
  standby: z.union([z.literal(0), z.literal(1)]).optional(),
  exclusive: z.boolean().default(false),
  liveness: z
    .strictObject({
      tardy: duration.optional(), silent: duration.optional(), stalled: duration.default('30s'),
    })
    .prefault({}),
  startDeadline: duration.default('10s'),
  saveInterval: duration.default('1s'),
  concurrency: z.number().int().min(1).max(1_000).default(1),
  subscribes: z.array(z.string().min(1)).default([]),
});

/**
 * Checks the kernels of a host, fills in the defaults, and sorts them by what depends on what.
 *
 * @throws GRACE_CONFIG_INVALID, GRACE_KERNEL_DUPLICATE, GRACE_DEPENDENCY_UNKNOWN,
 * GRACE_DEPENDENCY_CYCLE. Nothing has been started then.
 */
export function parseChildSpecs(inputs: readonly KernelInput[]): ChildSpec[] {
  const specs = inputs.map(parseChildSpec);
  const seen = new Set<string>();
  for (const { id } of specs) {
    if (seen.has(id)) {
      throw new GraceError(
        'GRACE_KERNEL_DUPLICATE',
        `There are two kernels with the id "${id}". Rename one of them.`,
        { details: { kernel: id } },
      );
    }
    seen.add(id);
  }
  return topologicalOrder(specs);
}

/** Checks one kernel; `index` is its place in the list, for the message. */
export function parseChildSpec(input: KernelInput, index: number): ChildSpec {
  const parsed = kernelSchema.safeParse(input);
  if (!parsed.success) throw invalid(input, index, parsed.error.issues[0]!);
  const { module, liveness, startDeadline, saveInterval, shutdown, ...rest } = parsed.data;
  if (rest.significant && rest.restart === 'permanent') {
    throw new GraceError(
      'GRACE_CONFIG_INVALID',
      `Kernel "${rest.id}" is permanent and significant. A permanent child never ends for good, so ` +
        'only transient and temporary ones can be significant.',
      { details: { kernel: rest.id } },
    );
  }
  const { critical } = rest;
  return {
    ...rest,
    module: module instanceof URL ? module.href : module,
    supervisor: rest.supervisor ?? (critical ? 'critical' : 'application'),
    standby: rest.standby ?? (critical ? 1 : 0),
    shutdown: shutdown === 'brutal_kill' ? shutdown : parseDuration(shutdown),
    liveness: {
      tardyMs: parseDuration(liveness.tardy ?? (critical ? '250ms' : '1s')),
      silentMs: parseDuration(liveness.silent ?? (critical ? '1s' : '5s')),
      stalledMs: parseDuration(liveness.stalled),
    },
    startDeadlineMs: parseDuration(startDeadline),
    saveIntervalMs: parseDuration(saveInterval),
  };
}

function invalid(input: KernelInput, index: number, issue: z.core.$ZodIssue) {
  const where = [`kernels[${index}]`, ...issue.path.map(String)].join('.');
  const found = issue.path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key],
    input,
  );
  return new GraceError(
    'GRACE_CONFIG_INVALID',
    `${where}: ${issue.message}, got: ${JSON.stringify(found) ?? 'nothing'}. Correct it in the child spec` +
      ` of kernel "${String(input?.id)}".`,
    { details: { where, found } },
  );
}
