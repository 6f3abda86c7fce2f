/** How a bench runs a host in a process of its own, so that hosts do not disturb each other. */
import { fork, type ChildProcess } from 'node:child_process';

const suffix = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

/** The reference host, or this many counters, of which the first is a message bus. */
export type What = 'reference' | number;

export interface Boot {
  /** From the first call to the last kernel that serves. */
  readonly allMs: number;
  /** Until the critical kernels serve. */
  readonly criticalMs?: number;
  /** No other kernel served before the critical ones. */
  readonly criticalFirst?: boolean;
}

export interface Idle {
  readonly percentOfCore: number;
  readonly rssMb: number;
}

/** Starts a host in a process of its own. */
export async function boot(kind: 'grace' | 'bare', what: What): Promise<Host> {
  const child = fork(new URL(`./${kind}-host${suffix}`, import.meta.url), [String(what)]);
  return new Host(child, await answerOf<Boot>(child));
}

export class Host {
  readonly boot: Boot;
  readonly #child: ChildProcess;

  constructor(child: ChildProcess, boot: Boot) {
    this.#child = child;
    this.boot = boot;
  }

  /** What it costs while it has nothing to do. */
  idle(windowMs: number): Promise<Idle> {
    this.#child.send({ windowMs });
    return answerOf<Idle>(this.#child);
  }

  async end(): Promise<void> {
    const gone = new Promise((resolve) => {
      this.#child.once('exit', resolve);
    });
    this.#child.kill('SIGKILL');
    await gone;
  }
}

function answerOf<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const died = (code: number | null) => reject(new Error(`A host ended with exit code ${code}.`));
    child.once('exit', died);
    child.once('message', (message) => {
      child.off('exit', died);
      resolve(message as T);
    });
  });
}

/** The host's side: says that it has booted, then answers what idling costs. */
export function serve(boot: Boot): void {
  process.on('message', ({ windowMs }: { readonly windowMs: number }) => {
    const cpu = process.cpuUsage();
    const began = performance.now();
    setTimeout(() => {
      const { user, system } = process.cpuUsage(cpu);
      const percentOfCore = (user + system) / 10 / (performance.now() - began);
      process.send!({ percentOfCore, rssMb: process.memoryUsage().rss / 1_048_576 } satisfies Idle);
    }, windowMs);
  });
  process.send!(boot);
}
