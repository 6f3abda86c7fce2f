/**
 * From evidence to a cause. Each rule says what it needs to see; the one with the most specific
 * evidence wins, and what speaks against it lowers its confidence. "I don't know" is a right answer.
 */
import type {
  CauseCategory, Diagnosis, EvidenceBundle, EvidenceLine, KernelEvidence, MitigationRequest,
} from '../core/diagnosis.ts';
import type { ErrorRecord } from '../core/errors.ts';
import { describeFrame } from './evidence.ts';

/** What a rule sees: one failed kernel, and the bundle it stands in. */
interface Case {
  readonly kernel: KernelEvidence;
  readonly error: ErrorRecord | undefined;
  readonly code: string;
  readonly message: string;
  /** Heap at the last reading, share of the limit in percent; 0 when unknown. */
  readonly heapShare: number;
  readonly slopeKbPerS: number;
  readonly together: boolean;
}

interface Rule {
  readonly subcause: string;
  readonly category: CauseCategory;
  readonly confidence: number;
  /** Kinds of lines it rests on. */
  readonly cites: readonly EvidenceLine['kind'][];
  holds(seen: Case): boolean;
  readonly cause: (seen: Case) => string;
  readonly actions: readonly string[];
  readonly prevents: readonly string[];
  readonly mitigations?: (seen: Case) => MitigationRequest[];
}

const errorCites = ['error', 'death'] as const;

/** A failure of the module system, by its error code. */
const dependency = (subcause: string, codes: readonly string[], action: string): Rule => ({
  subcause, category: 'dependency', confidence: 0.9, cites: errorCites,
  holds: ({ code }) => codes.includes(code),
  cause: ({ kernel, message }) => `${kernel.kernel} could not load what it imports: ${message}`,
  actions: [action],
  prevents: ['Load every kernel module in CI, on the Node version it runs on'],
});

/** A failure of the surroundings, by the code of the system call. */
const configuration = (subcause: string, codes: readonly string[], action: string): Rule => ({
  subcause, category: 'configuration', confidence: 0.8, cites: errorCites,
  holds: ({ code }) => codes.includes(code),
  cause: ({ kernel, message }) => `${kernel.kernel} was not configured for where it runs: ${message}`,
  actions: [action],
  prevents: ['Check the configuration when the kernel starts, before it takes work'],
});

const exhausted = (subcause: string, codes: readonly string[], what: string): Rule => ({
  subcause, category: 'resource', confidence: 0.85, cites: errorCites,
  holds: ({ code }) => codes.includes(code),
  cause: ({ kernel, message }) => `${kernel.kernel} ran out of ${what}: ${message}`,
  actions: [`Find what holds on to ${what}`],
  prevents: [`Watch ${what} and warn before the limit`],
});

/** Warns well before the heap is as full as it was, 65 % of the limit at the latest, and holds back its input. */
const heapMonitor = ({ kernel, heapShare }: Case): MitigationRequest[] => {
  const share = Math.min(65, heapShare > 0 ? heapShare * 0.8 : 65) / 100;
  const warnAt = Math.round(kernel.heapLimitMb * 1_024 * share);
  return [
    { kind: 'monitor', kernel: kernel.kernel, metric: 'heapUsedKb', warnAt },
    { kind: 'limit', kernel: kernel.kernel, heapMb: kernel.heapLimitMb },
    { kind: 'breaker', kernel: kernel.kernel },
  ];
};

function whereIn({ stack }: KernelEvidence): string {
  if (stack === 'unreadable') return ' by a native call';
  const [top] = stack ?? [];
  return top ? ` in ${describeFrame(top)}` : '';
}

/** The most specific first: the first that holds is the cause. */
const rules: readonly Rule[] = [
  {
    subcause: 'res.worker_heap', category: 'resource', confidence: 0.9, cites: ['error', 'memory', 'death'],
    holds: ({ code, kernel, slopeKbPerS }) =>
      (code === 'ERR_WORKER_OUT_OF_MEMORY' || kernel.reason.kind === 'out_of_memory') && slopeKbPerS <= 0,
    cause: ({ kernel }) => `${kernel.kernel} reached its heap limit of ${kernel.heapLimitMb} MiB`,
    actions: ['Find the large allocation', 'Raise limits.heapMb if the work really needs it'],
    prevents: ['Bound what one message can make the kernel hold'],
    mitigations: heapMonitor,
  },
  {
    subcause: 'res.heap_leak', category: 'resource', confidence: 0.9, cites: ['memory', 'error', 'death'],
    holds: ({ code, kernel }) =>
      code === 'ERR_WORKER_OUT_OF_MEMORY' || kernel.reason.kind === 'out_of_memory',
    cause: ({ kernel, slopeKbPerS }) =>
      `the heap of ${kernel.kernel} grew by ${Math.round(slopeKbPerS)} KiB/s up to its limit of ` +
      `${kernel.heapLimitMb} MiB`,
    actions: ['Compare two heap snapshots', 'Look for a collection that is only added to'],
    prevents: ['Watch the heap and warn before the limit', 'Bound every cache'],
    mitigations: heapMonitor,
  },
  {
    ...dependency('dep.local_file_missing', [], 'Restore the file, or correct the relative import'),
    holds: ({ code, message }) =>
      /^(ERR_)?MODULE_NOT_FOUND$/.test(code) && /['"](file:|\.{1,2}\/|\/)/.test(message)
      && !/Cannot find package/.test(message),
  },
  dependency(
    'dep.package_missing', ['MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND'],
    'Install the package, and list it in package.json',
  ),
  dependency('dep.exports_subpath', ['ERR_PACKAGE_PATH_NOT_EXPORTED'], 'Import a subpath the package exports'),
  dependency('dep.require_esm', ['ERR_REQUIRE_ESM', 'ERR_REQUIRE_ASYNC_MODULE'], 'Use import instead of require'),
  dependency('dep.esm_directory_import', ['ERR_UNSUPPORTED_DIR_IMPORT'], 'Name the file of the folder'),
  dependency('dep.json_import_attribute', ['ERR_IMPORT_ATTRIBUTE_MISSING', 'ERR_IMPORT_ASSERTION_TYPE_MISSING'],
    "Add with { type: 'json' } to the import"),
  dependency('dep.native_abi_mismatch', ['ERR_DLOPEN_FAILED'], 'Rebuild the add-on for this Node version'),
  {
    ...dependency('dep.named_export_missing', [], 'Import a name that the module exports'),
    holds: ({ error, message }) =>
      error?.name === 'SyntaxError' && /does not provide an export named/.test(message),
  },
  {
    ...dependency('dep.module_system_mismatch', [], 'Set "type" in package.json, or rename the file'),
    holds: ({ error, message }) =>
      (error?.name === 'SyntaxError' && /Cannot use import statement|Unexpected token 'export'/.test(message))
      || /(require|module|exports|__dirname) is not defined in ES module scope/.test(message),
  },
  exhausted('res.fd_exhausted', ['EMFILE', 'ENFILE'], 'file descriptors'),
  exhausted('res.disk_full', ['ENOSPC', 'EDQUOT'], 'disk space'),
  exhausted('res.enomem', ['ENOMEM', 'ERR_MEMORY_ALLOCATION_FAILED'], 'memory'),
  exhausted('res.thread_limit', ['ERR_WORKER_INIT_FAILED', 'EAGAIN'], 'threads'),
  exhausted('res.socket_port_exhaustion', ['EADDRNOTAVAIL'], 'ports'),
  configuration('cfg.port_in_use', ['EADDRINUSE'], 'Choose another port, or end the process that has it'),
  configuration('cfg.wrong_host_port', ['ECONNREFUSED', 'EHOSTUNREACH', 'ECONNRESET', 'ETIMEDOUT'],
    'Correct host and port of the peer'),
  configuration('cfg.hostname_unresolvable', ['ENOTFOUND', 'EAI_AGAIN'], 'Correct the host name'),
  configuration('cfg.file_permission', ['EPERM', 'EACCES'], 'Give the process access to the file'),
  configuration('cfg.path_missing', ['ENOENT', 'ENOTDIR', 'EISDIR'], 'Correct the path, or create what is missing'),
  configuration('cfg.invalid_url', ['ERR_INVALID_URL'], 'Correct the URL'),
  configuration('cfg.tls_self_signed', ['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN'],
    'Give the certificate authority to the client'),
  configuration('cfg.tls_expired', ['CERT_HAS_EXPIRED'], 'Renew the certificate'),
  configuration('cfg.invalid_option_value', ['ERR_INVALID_ARG_VALUE', 'ERR_OUT_OF_RANGE', 'GRACE_CONFIG_INVALID'],
    'Correct the option'),
  {
    ...configuration('cfg.invalid_json', [], 'Correct the JSON file'),
    holds: ({ error, message }) => error?.name === 'SyntaxError' && /JSON/.test(message),
  },
  {
    ...configuration('cfg.invalid_yaml', [], 'Correct the YAML file'),
    holds: ({ error }) => error?.name.startsWith('YAML') ?? false,
  },
  {
    subcause: 'res.event_loop_blocked', category: 'resource', confidence: 0.9,
    cites: ['liveness', 'stack', 'os', 'death'],
    holds: ({ kernel }) => kernel.reason.kind === 'silent',
    cause: ({ kernel, message }) => `the event loop of ${kernel.kernel} was blocked${whereIn(kernel)}: ${message}`,
    actions: ['Look at the function on top of the stack', 'Split the work, or move it to a worker of its own'],
    prevents: ['Bound the work that one message can cause'],
  },
  {
    subcause: 'unk.assertion', category: 'unknown', confidence: 0.7, cites: errorCites,
    holds: ({ code, error }) => code === 'ERR_ASSERTION' || error?.name === 'AssertionError',
    cause: ({ kernel, message }) => `${kernel.kernel} found one of its own assumptions broken: ${message}`,
    actions: ['Look at the state the assertion describes'],
    prevents: ['Turn the case into a test'],
  },
  {
    subcause: 'unk.logic_bug', category: 'unknown', confidence: 0.6, cites: errorCites,
    holds: ({ error, kernel }) => error !== undefined && kernel.reason.kind !== 'ended_from_outside',
    cause: ({ kernel, error, message }) => `${kernel.kernel} threw ${error!.name}: ${message}`,
    actions: ['Reproduce it with the message that was being handled'],
    prevents: ['Turn the case into a test'],
  },
  {
    subcause: 'unk.ended_from_outside', category: 'unknown', confidence: 0.85,
    cites: ['death', 'exit', 'memory', 'correlation'],
    holds: ({ kernel, heapShare }) => kernel.reason.kind === 'ended_from_outside' && heapShare < 80,
    cause: ({ kernel }) =>
      `the thread of ${kernel.kernel} was ended from outside: it left no last words and no error, Grace ` +
      'had not ended it, and its heap was far from its limit',
    actions: ['Find out who ends threads of this process: nothing in the kernel needs a fix'],
    prevents: ['Keep handles to Workers away from code that does not own them'],
  },
  {
    subcause: 'unk.unclear_exit', category: 'unknown', confidence: 0.3, cites: ['death', 'exit', 'memory'],
    holds: () => true,
    cause: ({ kernel: { kernel, reason } }) => reason.kind === 'exited'
      ? `${kernel} ended by itself with exit code ${reason.exitCode ?? 'unknown'}, without an error`
      : `${kernel} ended (${reason.kind}), and nothing says why`,
    actions: ['Look at the log of the kernel before its end'],
    prevents: ['Let the kernel throw an error instead of calling process.exit'],
  },
];

/** Names the cause of the failures in a bundle. Never throws; cites only lines that exist. */
export function analyse(bundle: EvidenceBundle): Diagnosis {
  const findings = bundle.kernels.map((kernel) => {
    const seen = caseOf(kernel, bundle);
    return { seen, rule: rules.find((rule) => rule.holds(seen))! };
  });
  const [first] = findings;
  if (!first) return nothingKnown;
  // Kernels that failed for different reasons: the most certain finding is the cause.
  const best = findings.reduce((most, one) => (one.rule.confidence > most.rule.confidence ? one : most));
  const agreeing = findings.filter(({ rule }) => rule === best.rule);
  const citedKernels = new Set(agreeing.map(({ seen }) => seen.kernel.kernel));
  const evidence = bundle.lines
    .filter(({ kind, kernel }) => best.rule.cites.includes(kind) && (kernel === null || citedKernels.has(kernel)))
    .map(({ id }) => id);
  const { category, subcause, actions, prevents } = best.rule;
  return {
    category, subcause, actions, preventiveMeasures: prevents,
    rootCause: agreeing.length === 1
      ? best.rule.cause(best.seen)
      : `${agreeing.map(({ seen }) => seen.kernel.kernel).join(', ')}: ${best.rule.cause(best.seen)}`,
    confidence: confidenceOf(best, agreeing.length, findings.length),
    evidence,
    mitigations: agreeing.flatMap(({ seen, rule }) => rule.mitigations?.(seen) ?? []),
  };
}

function confidenceOf(
  { rule, seen }: { rule: Rule; seen: Case }, agreeing: number, all: number,
): number {
  const together = rule.subcause === 'unk.ended_from_outside' && seen.together ? 0.1 : 0;
  const disagreement = 0.2 * (1 - agreeing / all);
  return Number(Math.max(0.1, Math.min(0.95, rule.confidence + together - disagreement)).toFixed(2));
}

function caseOf(kernel: KernelEvidence, bundle: EvidenceBundle): Case {
  const error = kernel.reason.error ?? kernel.lastError;
  const memory = bundle.lines.find(({ kind, kernel: of }) => kind === 'memory' && of === kernel.kernel)?.data;
  const { share = 0, slopeKbPerS = 0 } = (memory ?? {}) as { share?: number; slopeKbPerS?: number };
  return {
    kernel, error, code: error?.code ?? '', message: error?.message ?? '', heapShare: share, slopeKbPerS,
    together: bundle.lines.some(({ kind }) => kind === 'correlation'),
  };
}

const nothingKnown: Diagnosis = {
  category: 'unknown', subcause: 'unk.unclear_exit', rootCause: 'there is no evidence of any failure',
  confidence: 0.1, evidence: [], actions: [], preventiveMeasures: [], mitigations: [],
};
