/**
 * The actors of the control plane, made of the charts and what the features do for them. The root is the
 * only actor created here; everything else is spawned by its parent.
 */
import { createActor, fromPromise, type ActorRefFrom, type AnyActorRef } from 'xstate';
import { alarmOn } from '../../machines/alarm.ts';
import { emergencyModeMachine } from '../../machines/emergency-mode.machine.ts';
import { heartbeatTriggerMachine } from '../../machines/heartbeat-trigger.machine.ts';
import { incidentDeskMachine } from '../../machines/incident-desk.machine.ts';
import { incidentMachine, type IncidentSettings } from '../../machines/incident.machine.ts';
import { remediationMachine } from '../../machines/remediation.machine.ts';
import { rootMachine, type PartSpec } from '../../machines/root.machine.ts';
import { ruleTriggerMachine, type RuleTriggerInput } from '../../machines/rule-trigger.machine.ts';
import { kernelActor, supervisorMachine, type SupervisorMessage } from '../../machines/supervisor.machine.ts';
import type {
  Diagnosis, DiagnosticTask, EvidenceBundle, Mitigation, MitigationRequest,
} from '../core/diagnosis.ts';
import { toErrorRecord } from '../core/errors.ts';
import type { AnyAnnouncement, AnyMeshEvent } from '../core/events.ts';
import type { Inspect } from '../core/inspection-wire.ts';
import type { ChildSpec, KernelStatus, SupervisorId } from '../core/kernel.ts';
import type { Clock, Log } from '../core/ports.ts';
import type { RecoveryPorts } from '../core/recovery-ports.ts';
import { defaultPolicy, type Refusal } from '../core/supervision.ts';
import type { TriggerRule } from '../core/trigger-rule.ts';
import { kernelLogic } from '../kernels/kernel-logic.ts';
import type { ThreadRegistry } from '../kernels/thread-registry.ts';
import type { ActionRegistry } from '../playbooks/actions.ts';
import type { Answers, PlaybookLibrary } from '../playbooks/library.ts';
import { performer } from '../playbooks/perform.ts';
import { runLogic } from '../playbooks/run-logic.ts';
import { LastStates, resumable } from '../supervision/resumable.ts';
import type { Mesh } from '../triggers/mesh.ts';
import { match } from './trigger-rules.ts';

const supervisors: readonly SupervisorId[] = ['critical', 'platform', 'application'];
/** Kernels that go down this close to each other are down at once, ms. */
const atOnceMs = 1_000;
const supervisorActor = (id: SupervisorId) => `supervisor.${id}`;
const ruleActor = ({ id }: TriggerRule) => `trigger.rule.${id}` as const;

/** What finding and treating a cause takes. */
export interface RemediationWork {
  collectEvidence(incident: string, kernels: readonly string[]): Promise<EvidenceBundle>;
  diagnose(task: DiagnosticTask, signal: AbortSignal): Promise<Diagnosis>;
  applyMitigations(
    incident: string, requests: readonly MitigationRequest[],
  ): Promise<readonly Mitigation[]>;
}

export interface ControlPlaneOptions {
  readonly specs: readonly ChildSpec[];
  readonly clock: Clock;
  readonly log: Log;
  readonly mesh: Mesh;
  readonly registry: ThreadRegistry;
  readonly library: PlaybookLibrary;
  /** Which playbook answers which event of the heartbeat trigger. */
  readonly answers: Answers;
  readonly actions: ActionRegistry;
  readonly rules: readonly TriggerRule[];
  readonly ports: RecoveryPorts;
  readonly remediation: RemediationWork;
  readonly incidents: IncidentSettings;
  readonly quarantineMs: number;
  /** False: nothing is restarted and no trigger fires. The negative control of chaos scenarios. */
  readonly recovery: boolean;
  /** Is told what every actor does. */
  readonly inspect: Inspect | undefined;
}

type Answered = (refused: Refusal | null) => void;

export class ControlPlane {
  readonly #root: ActorRefFrom<typeof rootMachine>;
  readonly #clock: Clock;
  readonly #specs: ReadonlyMap<string, ChildSpec>;
  readonly #answers = new Map<string, Answered>();
  /** Kernel to when it went down last, unasked. */
  readonly #downAtMs = new Map<string, number>();
  readonly #over: Promise<void>;
  #lastRequest = 0;

  constructor(options: ControlPlaneOptions) {
    const { clock, mesh, specs, log, inspect } = options;
    this.#clock = clock;
    this.#specs = new Map(specs.map((spec) => [spec.id, spec]));
    this.#root = createActor(this.#machine(options), {
      id: 'root',
      input: { parts: partsOf(options), atMs: clock.now() },
      ...(inspect && { inspect }),
    });
    this.#over = new Promise((resolve) => {
      this.#root.subscribe({
        complete: resolve,
        // The root handles the death of every part; if it dies itself, the host has to decide.
        error: (error) => {
          log.error({ error: toErrorRecord(error) }, 'the control plane died');
          const payload = { reason: 'the control plane died', error: toErrorRecord(error) };
          mesh.publish({ type: 'host.unrecoverable', source: 'root', payload });
          resolve();
        },
      });
    });
    this.#subscribe(options);
  }

  start(): void {
    this.#root.start();
  }

  /** Stops the supervisors, the last started first. Resolves when all are over. */
  async stop(): Promise<void> {
    if (this.#root.getSnapshot().status === 'active') this.#root.send({ type: 'root.stop' });
    await this.#over;
    this.#root.stop();
  }

  /** State of each kernel, in the order of start. */
  statuses(): { readonly kernel: string; readonly status: KernelStatus; readonly critical: boolean }[] {
    return [...this.#specs.values()].map(({ id, supervisor, critical }) => {
      const { children } = this.#part(supervisorActor(supervisor))?.getSnapshot() ?? {};
      const snapshot = (children as Record<string, AnyActorRef> | undefined)?.[kernelActor(id)]?.getSnapshot();
      const tags = (snapshot as { tags?: ReadonlySet<KernelStatus> } | undefined)?.tags;
      const [status] = tags ?? [];
      return { kernel: id, status: status ?? 'down', critical };
    });
  }

  /** How many kernels went down within the last second: a restart may have hidden it already. */
  #availability(): { readonly down: number; readonly of: number } {
    const sinceMs = this.#clock.now() - atOnceMs;
    const down = [...this.#downAtMs.values()].filter((atMs) => atMs >= sinceMs).length;
    return { down, of: this.#specs.size };
  }

  /** Restarts of a kernel since the supervisor began. */
  restarts(kernel: string): number {
    const spec = this.#specs.get(kernel);
    const snapshot = spec && this.#part(supervisorActor(spec.supervisor))?.getSnapshot();
    const { context } = (snapshot ?? {}) as Partial<{ context: { rules: RulesView } }>;
    return context?.rules.children.find((child) => child.spec.id === kernel)?.restarts ?? 0;
  }

  /** Asks a kernel's supervisor for a restart; resolves with why it was refused, or null when ready. */
  restart(kernel: string, by: string, emergency: boolean): Promise<Refusal | null> {
    this.#lastRequest += 1;
    const requestId = `${by}/${this.#lastRequest}`;
    return new Promise((resolve) => {
      this.#answers.set(requestId, resolve);
      this.#tellSupervisorOf(kernel, {
        type: 'child.restart_requested', id: kernel, by, emergency, force: true, requestId,
        atMs: this.#clock.now(),
      });
    });
  }

  /** Sends to a part of the control plane; to one that is dead just then, nothing. */
  send(part: 'emergency' | 'incidents' | `trigger.${string}`, event: { readonly type: string }): void {
    this.#later(part, event);
  }

  /** After the present turn: an actor is never entered from within another one's action. */
  #later(part: string, event: { readonly type: string }): void {
    queueMicrotask(() => this.#part(part)?.send(event));
  }

  #part(id: string): AnyActorRef | undefined {
    const child: AnyActorRef | undefined = this.#root.getSnapshot().children[id];
    return child?.getSnapshot().status === 'active' ? child : undefined;
  }

  #tellSupervisorOf(kernel: string, message: SupervisorMessage): void {
    const spec = this.#specs.get(kernel);
    if (spec) this.#later(supervisorActor(spec.supervisor), message);
  }

  #machine({ mesh, clock, registry, library, actions, ports, remediation }: ControlPlaneOptions) {
    const lastStates = new LastStates();
    const alarm = alarmOn(clock);
    const publish = (_: unknown, announcement: AnyAnnouncement): void => {
      mesh.publish(announcement);
    };
    const kernel = resumable(kernelLogic(registry, mesh, clock), lastStates);
    const supervisor = supervisorMachine.provide({
      actors: { alarm, kernel },
      actions: {
        publish,
        answer: (_, { requestId, refused }) => {
          this.#answers.get(requestId)?.(refused);
          this.#answers.delete(requestId);
        },
      },
    });
    const remedy = remediationMachine.provide({
      actors: {
        alarm,
        collectEvidence: fromPromise(({ input }) =>
          remediation.collectEvidence(input.incident, input.kernels)),
        diagnose: fromPromise(({ input, signal }) => remediation.diagnose(input, signal)),
        applyMitigations: fromPromise(({ input }) => 
          remediation.applyMitigations(input.incident, input.requests)),
      },
      actions: {
        publish,
        escalate: (_, payload) => {
          mesh.publish({
            type: 'remediation.escalated', source: 'remediation', correlationId: payload.incident, payload,
          });
        },
      },
    });
    const incident = incidentMachine.provide({
      actors: {
        alarm,
        remediation: remedy,
        run: runLogic(library, {
          actors: { alarm, perform: performer(actions, ports, clock) },
          actions: { publish: publish as never },
        }) as never,
      },
      actions: {
        publish,
        claim: (_, { kernels, by, untilMs }) => {
          const atMs = clock.now();
          for (const id of kernels) this.#tellSupervisorOf(id, { type: 'child.claimed', id, by, untilMs, atMs });
        },
        release: (_, { by }) => {
          for (const id of supervisors) {
            const released: SupervisorMessage = { type: 'claims.released', by, atMs: clock.now() };
            this.#later(supervisorActor(id), released);
          }
        },
      },
    });
    return rootMachine.provide({
      actors: {
        supervisor: resumable(supervisor, lastStates) as never,
        trigger: resumable(heartbeatTriggerMachine.provide({ actions: { publish } }), lastStates) as never,
        rule: resumable(
          ruleTriggerMachine.provide({ actors: { alarm }, actions: { publish } }), lastStates,
        ) as never,
        emergency: resumable(
          emergencyModeMachine.provide({ actors: { alarm }, actions: { publish } }), lastStates,
        ) as never,
        incidents: resumable(
          incidentDeskMachine.provide({
            actors: { alarm, incident: resumable(incident, lastStates) }, actions: { publish },
          }),
          lastStates,
        ) as never,
        reading: fromPromise(async () => ({ atMs: clock.now() })),
      },
      actions: { publish },
    });
  }

  /** Signals to the trigger, what it fires to the desk. */
  #subscribe({ mesh, recovery, rules }: ControlPlaneOptions): void {
    if (!recovery) return;
    mesh.subscribe(['kernel.down'], (event) => {
      if (event.type !== 'kernel.down' || event.payload.reason.notice === 'supervisor') return;
      this.#downAtMs.set(event.payload.kernel, event.atMs);
    });
    mesh.subscribe(
      [
        'kernel.down', 'kernel.degraded', 'kernel.healthy', 'kernel.ready', 'kernel.stopped',
        'incident.watching', 'incident.reopened', 'incident.closed', 'incident.escalated',
        'trigger.suppressed', 'cooldown.ended',
      ],
      (event) => {
        if (!isCustom(event)) this.send('trigger.heartbeat', event);
      },
    );
    mesh.subscribe(
      ['event.incident', 'event.emergency', 'event.early_warning', 'event.custom', 'kernel.quarantined'],
      (event) => this.send('incidents', Object.assign({ host: this.#availability() }, event)),
    );
    for (const rule of rules) {
      mesh.subscribe([rule.on], (event) => {
        const matched = match(rule, event);
        if (matched) this.send(ruleActor(rule), matched);
      });
      mesh.subscribe(
        ['event.custom', 'trigger.suppressed', 'incident.closed', 'incident.escalated'],
        (event) => this.send(ruleActor(rule), event),
      );
    }
  }
}

/** What becomes of a problem of the host's own is nothing to the trigger of the critical kernels. */
const isCustom = ({ payload }: AnyMeshEvent) => 'severity' in payload && payload.severity === 'custom';

interface RulesView {
  readonly children: readonly { readonly spec: { readonly id: string }; readonly restarts: number }[];
}

function partsOf(options: ControlPlaneOptions): PartSpec[] {
  const { specs, recovery, incidents, answers, rules, quarantineMs } = options;
  const trees = supervisors
    .map((id) => ({ id, children: specs.filter((spec) => spec.supervisor === id) }))
    .filter(({ children }) => children.length > 0)
    .map(({ id, children }): PartSpec => ({
      id: supervisorActor(id),
      src: 'supervisor',
      input: {
        settings: {
          id, strategy: 'one_for_one', autoShutdown: 'never', intensity: null,
          policy: { ...defaultPolicy, quarantineMs },
        },
        // Without recovery a kernel that ended stays ended.
        specs: recovery ? children : children.map((spec) => ({ ...spec, restart: 'temporary' })),
      },
    }));
  if (!recovery) return trees;
  const playbooks = {
    incident: answers['event.incident'],
    emergency: answers['event.emergency'],
    earlyWarning: answers['event.early_warning'],
  };
  return [
    { id: 'emergency', src: 'emergency', input: {} },
    { id: 'incidents', src: 'incidents', input: { settings: incidents } },
    { id: 'trigger.heartbeat', src: 'trigger', input: { playbooks } },
    ...rules.map((rule): PartSpec => ({
      id: ruleActor(rule), src: 'rule', input: ruleInput(rule, incidents),
    })),
    ...trees,
  ];
}

/** An incident runs its playbook, is watched, and may look for its cause: then it is over. */
function ruleInput(
  { id, playbook, severity }: TriggerRule, { slos, watchMs, remediationMs }: IncidentSettings,
): RuleTriggerInput {
  const incidentMaxMs = (slos[playbook] ?? 0) + watchMs + remediationMs + 1_000;
  return { rule: { id, playbook, severity }, incidentMaxMs };
}
