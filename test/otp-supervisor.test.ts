// 1,000 cases recorded from the supervisor of Erlang/OTP 25.2.3: the same operations must give the
// same starts, stops, order, answers, table and survival. GRACE_OTP_CASES=path takes another file.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'vitest';
import { createActor, fromTransition, type ActorRefFrom, type AnyActorRef } from 'xstate';
import { parseChildSpec } from '../src/core/child-specs.ts';
import type { DownReason } from '../src/core/kernel.ts';
import type { AutoShutdown, Strategy } from '../src/core/supervision.ts';
import { supervisorMachine } from '../machines/supervisor.machine.ts';

interface Row { readonly id: string; readonly state: 'alive' | 'undefined' }

interface Case {
  readonly case: number;
  readonly strategy: Strategy;
  readonly intensity: number;
  readonly auto_shutdown: AutoShutdown;
  readonly children: readonly {
    readonly id: string;
    readonly restart: 'permanent' | 'transient' | 'temporary';
    readonly shutdown: string;
    readonly significant: boolean;
  }[];
  readonly start: readonly string[];
  readonly steps: readonly {
    readonly op: string;
    readonly ret: string;
    readonly trace: readonly string[];
    readonly sup_alive: boolean;
    readonly sup_exit: string;
    readonly table: readonly Row[];
  }[];
  readonly final: { readonly sup_alive_before_stop: boolean; readonly trace: readonly string[] };
}

const file = process.env['GRACE_OTP_CASES']
  ?? `${import.meta.dirname}/oracles/otp-supervisor/cases.jsonl`;
const cases = readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Case);

/** Erlang's exit reasons as ours. */
const reasons: Readonly<Record<string, DownReason>> = {
  crash: { kind: 'threw', notice: 'last_words' },
  killed: { kind: 'ended_from_outside', notice: 'worker_exit' },
  normal: { kind: 'exited', notice: 'last_words', exitCode: 0 },
  shutdown: { kind: 'shutdown', notice: 'last_words' },
  '{shutdown,x}': { kind: 'shutdown', notice: 'last_words' },
};

/** The real supervisor chart over programmable children that start and stop at once. */
class World {
  readonly trace: string[] = [];
  readonly #alive = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #answers = new Map<string, string | null>();
  readonly #actor: ActorRefFrom<typeof supervisorMachine>;

  constructor({ children, strategy, intensity, auto_shutdown: autoShutdown }: Case) {
    const kernel = fromTransition(
      (id: string, event: { type: string; how?: number | 'brutal_kill' }, { self }) => {
        const parent = self._parent!;
        if (event.type === 'kernel.start') this.#start(id, parent);
        if (event.type === 'kernel.stop') this.#stop(id, event.how!, parent);
        return id;
      },
      ({ input }: { input: { spec: { id: string } } }) => input.spec.id,
    );
    const specs = children.map((child, index) => ({
      ...parseChildSpec({ id: child.id, module: 'file:///child.js' }, index),
      restart: child.restart,
      significant: child.significant,
      shutdown: child.shutdown === 'brutal_kill' ? ('brutal_kill' as const) : Number(child.shutdown),
    }));
    const machine = supervisorMachine.provide({
      actors: { kernel: kernel as never },
      actions: {
        publish: () => undefined,
        answer: (_, { requestId, refused }) => this.#answers.set(requestId, refused),
      },
    });
    this.#actor = createActor(machine, {
      input: {
        settings: {
          id: 'oracle', strategy, autoShutdown, policy: null,
          intensity: { restartsMax: intensity, periodMs: 1_000_000 },
        },
        specs,
      },
    });
    this.#actor.subscribe({ error: assert.ifError });
    this.#actor.start();
    this.#actor.send({ type: 'supervisor.boot', atMs: 0 });
  }

  get alive(): boolean {
    return this.#actor.getSnapshot().status === 'active';
  }

  get exit(): string {
    return this.#actor.getSnapshot().output?.reason ?? '';
  }

  table(): Row[] {
    if (!this.alive) return [];
    return this.#actor.getSnapshot().context.rules.children.map(({ spec, status }) => ({
      id: spec.id, state: status === 'alive' ? 'alive' : 'undefined',
    }));
  }

  /** Does what an operation of the recording did, and answers as Erlang did. */
  perform(op: string): string {
    const [name, id, argument] = op.split(' ') as [string, string, string | undefined];
    switch (name) {
      case 'exit':
        return this.#die(id, argument!, argument!);
      case 'kill':
        return this.#die(id, 'killed', 'killed');
      case 'crash_then_fail_start':
        if (!this.#alive.has(id)) return 'no_process';
        this.#failures.set(id, Number(argument));
        return this.#die(id, 'crash', 'crash');
      default:
        return this.#request(name, id);
    }
  }

  stop(): void {
    if (this.alive) this.#actor.send({ type: 'supervisor.stop', atMs: 0 });
  }

  #request(name: string, id: string): string {
    if (!this.alive) return 'noproc';
    const request = { id, requestId: op(name, id), atMs: 0 };
    if (name === 'terminate_child') this.#actor.send({ type: 'child.terminate_requested', ...request });
    if (name === 'delete_child') this.#actor.send({ type: 'child.delete_requested', ...request });
    if (name === 'restart_child') {
      this.#actor.send({
        type: 'child.restart_requested', force: false, emergency: false, by: 'oracle', ...request,
      });
    }
    const refused = this.#answers.get(request.requestId);
    return refused === undefined ? 'noproc' : refused === null ? 'ok' : `error:${refused}`;
  }

  #die(id: string, reason: string, word: string): string {
    if (!this.#alive.delete(id)) return 'no_process';
    this.trace.push(`down ${id} ${word}`);
    this.#actor.send({ type: 'child.down', id, reason: reasons[reason]!, atMs: 0 });
    return 'sent';
  }

  #start(id: string, parent: AnyActorRef): void {
    const failures = this.#failures.get(id) ?? 0;
    if (failures > 0) {
      this.#failures.set(id, failures - 1);
      this.trace.push(`startfail ${id}`);
      const error = { name: 'Error', message: 'told to fail' };
      parent.send({ type: 'child.start_failed', id, error, atMs: 0 });
      return;
    }
    this.#alive.add(id);
    this.trace.push(`start ${id}`);
    parent.send({ type: 'child.started', id, epoch: 1, atMs: 0 });
  }

  #stop(id: string, how: number | 'brutal_kill', parent: AnyActorRef): void {
    if (this.#alive.delete(id)) this.trace.push(`down ${id} ${how === 'brutal_kill' ? 'killed' : 'shutdown'}`);
    parent.send({ type: 'child.down', id, reason: { kind: 'shutdown', notice: 'supervisor' }, atMs: 0 });
  }
}

const op = (name: string, id: string) => `${name} ${id}`;

/** The first difference between a recording and our replay of it, or undefined. */
function disagreement(recorded: Case): string | undefined {
  const world = new World(recorded);
  const differs = (what: string, ours: unknown, theirs: unknown) =>
    JSON.stringify(ours) === JSON.stringify(theirs)
      ? undefined
      : `case ${recorded.case}, ${what}: ours ${JSON.stringify(ours)}, OTP ${JSON.stringify(theirs)}`;
  const started = differs('start', world.trace.splice(0), recorded.start);
  if (started) return started;
  for (const [index, step] of recorded.steps.entries()) {
    const at = `step ${index + 1} "${step.op}"`;
    const ret = world.perform(step.op);
    const found =
      differs(`${at} answer`, ret, step.ret) ??
      differs(`${at} trace`, world.trace.splice(0), step.trace) ??
      differs(`${at} alive`, world.alive, step.sup_alive) ??
      differs(`${at} exit`, world.exit, step.sup_exit) ??
      differs(`${at} table`, world.table(), step.table);
    if (found) return found;
  }
  const aliveBeforeStop = differs('alive before stop', world.alive, recorded.final.sup_alive_before_stop);
  if (aliveBeforeStop) return aliveBeforeStop;
  world.stop();
  return differs('final', world.trace.splice(0), recorded.final.trace);
}

describe('supervisor against Erlang/OTP', () => {
  test(`agrees with all ${cases.length} recorded cases`, () => {
    const found = cases.map(disagreement).filter((difference) => difference !== undefined);
    console.log(`otp-supervisor: ${cases.length - found.length} of ${cases.length} agree`);
    assert.ok(cases.length > 0, `${file} holds no case`);
    assert.equal(found.length, 0, found.slice(0, 5).join('\n'));
  });
});
