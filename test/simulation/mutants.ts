/**
 * Planted bugs, each with the checker that has to find it: a checker that never fires is not a checker. None of
 * them has a switch in production: a module is replaced, or a port of the simulated world is wrapped.
 */
import type { CheckerName } from '../../src/simulation/checkers.ts';
import type { Fault } from '../../src/simulation/faults.ts';
import type { SimulatedHost } from '../../src/simulation/simulated-host.ts';
import { scenarioOf, type Scenario } from '../../src/simulation/simulate.ts';

export interface Mutant {
  readonly checker: CheckerName;
  readonly bug: string;
  /** In one of these it shows; a number is a seed. */
  readonly runs: readonly (number | Scenario)[];
  /** What of production is replaced. */
  readonly replaces?: Replacement;
  /** What is done to the host before it starts. */
  readonly change?: (host: SimulatedHost) => void;
}

export interface Replacement {
  /** From this folder. */
  readonly file: string;
  readonly by: (own: object) => object;
}

const replacing = <M extends object>(file: string, by: (own: M) => Partial<M>): Replacement =>
  ({ file, by: (own) => by(own as M) });

type Governor = typeof import('../../src/core/governor.ts');
type Detector = typeof import('../../src/core/failure-detector.ts');
type Guard = typeof import('../../src/core/memory-guard.ts');
type Supervision = typeof import('../../src/core/supervision.ts');
type Connection = typeof import('../../src/core/bus-connection.ts');
type Routing = typeof import('../../src/bus/router.ts');
type Mesh = typeof import('../../src/triggers/mesh.ts');
type Recovery = typeof import('../../src/wiring/recovery.ts');
type Handles = typeof import('../../src/kernels/thread-handle.ts');
type Registry = typeof import('../../src/kernels/thread-registry.ts');
type Writer = typeof import('../../src/journal/writer-loop.ts');
type Runs = typeof import('../../machines/playbook-run.machine.ts');
type Alarm = typeof import('../../machines/alarm.ts');
type IncidentChart = typeof import('../../machines/incident.machine.ts');
type TriggerChart = typeof import('../../machines/heartbeat-trigger.machine.ts');
type EmergencyChart = typeof import('../../machines/emergency-mode.machine.ts');

const grantsAll = replacing<Governor>('../../src/core/governor.ts', () => ({
  grant: ({ owners }, incident, kernels) => ({
    granted: true,
    state: { owners: { ...owners, ...Object.fromEntries(kernels.map((kernel) => [kernel, incident])) } },
  }),
}));

/** Kernels that cannot start for long: each is put in quarantine, and the host has an incident for each. */
function crashLoops(seed: number, links: number, kernels: readonly string[]): Scenario {
  const fault = (kind: Fault['kind'], kernel: string, amount: number): Fault => ({ atMs: 100, kind, kernel, amount });
  return {
    seed,
    topology: { links, criticalLinks: 0 },
    faults: kernels.flatMap((kernel) => [fault('fails_to_start', kernel, 8), fault('kill', kernel, 0)]),
  };
}

/** A thread in a native call is given up after 1 s; when it wakes, it saves what it knew, and its successor dies. */
const wakesAfterItsSuccessor: Scenario = {
  seed: 1,
  topology: { links: 1, criticalLinks: 1 },
  faults: [
    { atMs: 2_000, kind: 'stuck', kernel: 'keeper_1', amount: 4_000 },
    { atMs: 6_200, kind: 'kill', kernel: 'keeper_1', amount: 0 },
  ],
};

/** The bus dies with a message on its way to it; who sent that saves, and dies before there is a bus again. */
const diesWithAMessageOnItsWay = (seed: number): Scenario => ({
  seed,
  topology: { links: 2, criticalLinks: 0 },
  faults: [
    { atMs: 1_000, kind: 'starts_late', kernel: 'message_bus', amount: 1_500 },
    { atMs: 1_001.2, kind: 'kill', kernel: 'message_bus', amount: 0 },
    { atMs: 1_056, kind: 'kill', kernel: 'keeper_1', amount: 0 },
  ],
});

/** Threads that are well enough to save, and to acknowledge, in the moment in which they are ended. */
const allLeak = (seed: number): Scenario => ({
  seed,
  topology: { links: 6, criticalLinks: 0 },
  faults: Array.from({ length: 6 }, (_, link): Fault => ({
    atMs: 1_000 + seed * 0.37 + link * 7.3, kind: 'leak', kernel: `keeper_${link + 1}`, amount: 0,
  })),
});

/** The writer dies over the news of another death. */
const writerDies: Scenario = {
  seed: 0,
  topology: { links: 1, criticalLinks: 0 },
  faults: [
    { atMs: 1_000, kind: 'writer_dies', kernel: null, amount: 0 },
    { atMs: 1_010, kind: 'kill', kernel: 'keeper_1', amount: 0 },
  ],
};

const hangsForEver: Scenario = {
  seed: 1,
  topology: { links: 1, criticalLinks: 0 },
  faults: [{ atMs: 4_900, kind: 'hang', kernel: 'keeper_1', amount: 0 }],
};

export const mutants: readonly Mutant[] = [
  {
    checker: 'every_incident_ends',
    bug: 'the alarms of the charts never ring',
    runs: [2],
    replaces: replacing<Alarm>('../../machines/alarm.ts', (own) => ({
      alarmOn: (clock) => own.alarmOn({
        now: () => clock.now(), wallNow: () => clock.wallNow(), setTimeout: () => 0, clearTimeout: () => undefined,
      }),
    })),
  },
  {
    checker: 'every_incident_ends',
    bug: 'an incident waits for a diagnosis that nobody has asked for',
    runs: [2],
    replaces: replacing<IncidentChart>('../../machines/incident.machine.ts', (own) => ({
      incidentMachine: own.incidentMachine.provide({ guards: { isRemediated: () => false } }),
    })),
  },
  {
    checker: 'emergency_is_left',
    bug: 'the last step of the playbook does not leave emergency mode',
    runs: [1],
    replaces: replacing<Recovery>('../../src/wiring/recovery.ts', (own) => ({
      recoveryPorts: (options) => ({ ...own.recoveryPorts(options), leaveEmergency: () => undefined }),
    })),
  },
  {
    checker: 'emergency_is_left',
    bug: 'a playbook run forgets `finally`',
    runs: [21],
    replaces: replacing<Runs>('../../machines/playbook-run.machine.ts', (own) => ({
      createPlaybookRunMachine: (playbook, evaluate) =>
        own.createPlaybookRunMachine({ ...playbook, finally: [] }, evaluate),
    })),
  },
  {
    checker: 'emergency_is_left',
    bug: 'emergency mode does not know its owners when they leave',
    runs: [4],
    replaces: replacing<EmergencyChart>('../../machines/emergency-mode.machine.ts', (own) => ({
      emergencyModeMachine: own.emergencyModeMachine.provide({
        guards: { isOnlyOwner: () => false, isOwner: () => false },
      }),
    })),
  },
  {
    checker: 'critical_deaths_are_answered',
    bug: 'the trigger takes no death for a failure',
    runs: [1],
    replaces: replacing<TriggerChart>('../../machines/heartbeat-trigger.machine.ts', (own) => ({
      heartbeatTriggerMachine: own.heartbeatTriggerMachine.provide({ guards: { isFailure: () => false } }),
    })),
  },
  {
    checker: 'critical_deaths_are_answered',
    bug: 'the trigger never sees a second kernel',
    runs: [1],
    replaces: replacing<TriggerChart>('../../machines/heartbeat-trigger.machine.ts', (own) => ({
      heartbeatTriggerMachine: own.heartbeatTriggerMachine.provide({ guards: { isNews: () => false } }),
    })),
  },
  {
    checker: 'kernels_are_counted_once',
    bug: 'a kernel that fails again is counted once more while its incident recovers',
    runs: [7],
    replaces: replacing<TriggerChart>('../../machines/heartbeat-trigger.machine.ts', (own) => ({
      heartbeatTriggerMachine: own.heartbeatTriggerMachine.provide({ guards: { isNews: () => true } }),
    })),
  },
  {
    checker: 'no_healthy_kernel_is_ended',
    bug: 'a kernel that is only late is called silent',
    runs: [1],
    replaces: replacing<Detector>('../../src/core/failure-detector.ts', (own) => ({
      judge: (state, reading, limits) => own.judge(state, reading, { ...limits, silentMs: limits.tardyMs }),
    })),
  },
  {
    checker: 'no_healthy_kernel_is_ended',
    bug: 'memory is judged by what the heap holds at twice its size',
    runs: [1],
    replaces: replacing<Guard>('../../src/core/memory-guard.ts', (own) => ({
      judgeMemory: (figures, limits, watch) => own.judgeMemory(
        { ...figures, heapUsedKb: figures.heapUsedKb * 32, heapLiveKb: figures.heapLiveKb * 32 }, limits, watch,
      ),
    })),
  },
  {
    checker: 'epochs_are_unique',
    bug: 'a start gets the epoch of the one before it',
    runs: [2],
    replaces: replacing<Handles>('../../src/kernels/thread-handle.ts', (own) => ({
      ThreadHandle: class extends own.ThreadHandle {
        override adopt(message: Parameters<InstanceType<Handles['ThreadHandle']>['adopt']>[0]): void {
          super.adopt({ ...message, epoch: Math.max(1, message.epoch - 1) });
        }
      },
    })),
  },
  {
    checker: 'former_epochs_are_refused',
    bug: 'what is told of a thread bears the epoch of the first one',
    runs: [2],
    replaces: replacing<Registry>('../../src/kernels/thread-registry.ts', (own) => ({
      ThreadRegistry: class extends own.ThreadRegistry {
        override attach(kernel: string, sink: Parameters<InstanceType<Registry['ThreadRegistry']>['attach']>[1]) {
          return super.attach(kernel, (signal) =>
            sink(signal.type === 'thread.started' ? { ...signal, epoch: 1 } : signal));
        }
      },
    })),
  },
  {
    checker: 'a_kernel_has_one_owner',
    bug: 'the governor grants a kernel that another incident owns',
    runs: [10],
    replaces: grantsAll,
  },
  {
    checker: 'the_budget_is_kept',
    bug: 'the governor does not count the open incidents',
    runs: [crashLoops(1, 12, ['coding_agent', ...Array.from({ length: 12 }, (_, link) => `keeper_${link + 1}`)])],
    replaces: grantsAll,
  },
  {
    checker: 'causes_come_first',
    bug: 'the mesh names the id of another event as the cause',
    runs: [2],
    replaces: replacing<Mesh>('../../src/triggers/mesh.ts', (own) => ({
      createMesh: (clock, random) => {
        const mesh = own.createMesh(clock, random);
        return {
          ...mesh,
          publish: (said) => mesh.publish({ ...said, cause: said.cause && { ...said.cause, id: `${said.cause.id}x` } }),
        };
      },
    })),
  },
  {
    checker: 'causes_come_first',
    bug: 'the mesh forgets what caused an event',
    runs: [2],
    replaces: replacing<Mesh>('../../src/triggers/mesh.ts', (own) => ({
      createMesh: (clock, random) => {
        const mesh = own.createMesh(clock, random);
        return { ...mesh, publish: (said) => mesh.publish({ ...said, cause: undefined }) };
      },
    })),
  },
  {
    checker: 'causes_come_first',
    bug: 'the mesh skips the correlation',
    runs: [2],
    replaces: replacing<Mesh>('../../src/triggers/mesh.ts', (own) => ({
      createMesh: (clock, random) => {
        const mesh = own.createMesh(clock, random);
        return {
          ...mesh,
          publish: (said) => mesh.publish({
            ...said, correlationId: null, cause: said.cause && { ...said.cause, correlationId: null },
          }),
        };
      },
    })),
  },
  {
    checker: 'nothing_acknowledged_is_lost',
    bug: 'a save does not hold what was published and is not settled',
    runs: [0, 7, 11].map(diesWithAMessageOnItsWay),
    replaces: replacing<Connection>('../../src/core/bus-connection.ts', (own) => ({
      BusConnection: class extends own.BusConnection {
        override collectForSave() {
          return { ...super.collectForSave(), outbox: [] };
        }
      },
    })),
  },
  {
    checker: 'nothing_acknowledged_is_lost',
    bug: 'a message is acknowledged before the save that holds its effects',
    runs: [2, 11],
    replaces: replacing<Connection>('../../src/core/bus-connection.ts', (own) => ({
      BusConnection: class extends own.BusConnection {
        override completed(...[message, result]: Parameters<InstanceType<Connection['BusConnection']>['completed']>) {
          super.completed(message, result, { saveRequested: false });
        }
      },
    })),
  },
  {
    checker: 'nothing_acknowledged_is_lost',
    bug: 'the bus settles a message before its subscribers have acknowledged it',
    runs: [2],
    replaces: replacing<Routing>('../../src/bus/router.ts', (own) => ({
      Router: class extends own.Router {
        readonly #sends = new Map<string, Parameters<InstanceType<Routing['Router']>['attach']>[2]>();

        override attach(...client: Parameters<InstanceType<Routing['Router']>['attach']>) {
          this.#sends.set(client[0], client[2]);
          super.attach(...client);
        }

        override receive(...[client, epoch, message]: Parameters<InstanceType<Routing['Router']>['receive']>) {
          super.receive(client, epoch, message);
          if (message.type === 'publish') this.#sends.get(client)?.({ type: 'settled', ids: [message.id] });
        }
      },
    })),
  },
  {
    checker: 'nothing_is_handled_twice',
    bug: 'a save does not hold which messages were handled',
    runs: [3],
    replaces: replacing<Connection>('../../src/core/bus-connection.ts', (own) => ({
      BusConnection: class extends own.BusConnection {
        override collectForSave() {
          return { ...super.collectForSave(), handled: [] };
        }
      },
    })),
  },
  {
    checker: 'nothing_is_handled_twice',
    bug: 'what is published while a message is handled has an id of its own each time',
    runs: [11],
    replaces: replacing<Connection>('../../src/core/bus-connection.ts', (own) => ({
      BusConnection: class extends own.BusConnection {
        constructor(options: ConstructorParameters<Connection['BusConnection']>[0]) {
          super({ ...options, currentMessage: () => undefined });
        }
      },
    })),
  },
  {
    checker: 'nothing_acknowledged_is_lost',
    bug: 'what a thread had saved before it was ended is not read from its port any more',
    runs: [84, 89].map(allLeak),
    change: ({ world: { threads } }) => {
      threads.receiveNow = () => undefined;
    },
  },
  {
    checker: 'nothing_acknowledged_is_lost',
    bug: 'a thread that hung and was given up is listened to when it wakes',
    runs: [wakesAfterItsSuccessor],
    replaces: replacing<Handles>('../../src/kernels/thread-handle.ts', (own) => ({
      ThreadHandle: class extends own.ThreadHandle {
        override fence(): void {
          void this.worker?.terminate();
        }
      },
    })),
  },
  {
    checker: 'the_journal_is_whole',
    bug: 'the disk flips a bit of what is written',
    runs: [53],
    change: ({ world: { disk } }) => {
      const write = disk.write.bind(disk);
      let writes = 0;
      disk.write = (fd, bytes, offset, length, position) => {
        writes += 1;
        const damaged = Uint8Array.from(bytes);
        if (writes === 5) damaged[offset + Math.floor(length / 2)]! ^= 1;
        return write(fd, damaged, offset, length, position);
      };
    },
  },
  {
    checker: 'the_journal_is_whole',
    bug: 'the disk says that it has written, and has not',
    runs: [53],
    change: ({ world: { disk } }) => {
      const write = disk.write.bind(disk);
      let writes = 0;
      disk.write = (fd, bytes, offset, length, position) => {
        writes += 1;
        return writes === 5 ? length : write(fd, bytes, offset, length, position);
      };
    },
  },
  {
    checker: 'the_journal_is_whole',
    bug: 'the writer says that it has synced before it has written',
    runs: [34],
    replaces: replacing<Writer>('../../src/journal/writer-loop.ts', (own) => ({
      writerLoop: (options) => {
        let found = 0;
        const take = own.writerLoop({
          ...options,
          post: (message) => {
            if (message.type === 'opened') found = message.found;
            if (message.type !== 'synced') options.post(message);
          },
        });
        return take && ((messages) => {
          for (const message of messages) {
            if (message.type !== 'write') continue;
            found += message.tails.length;
            options.post({ type: 'synced', batch: message.batch, sequence: found });
          }
          if (messages.some(({ type }) => type === 'close')) return take(messages);
          options.later(() => take(messages), 20);
          return true;
        });
      },
    })),
  },
  {
    checker: 'the_journal_is_whole',
    bug: 'a new writer does not tell how far the one before it got',
    runs: [writerDies],
    replaces: replacing<Writer>('../../src/journal/writer-loop.ts', (own) => ({
      writerLoop: (options) => own.writerLoop({
        ...options,
        post: (message) => options.post(message.type === 'opened' ? { ...message, found: 0 } : message),
      }),
    })),
  },
  {
    checker: 'it_becomes_whole',
    bug: 'a supervisor forgets to wake when a backoff is over',
    runs: [12],
    replaces: replacing<Supervision>('../../src/core/supervision.ts', (own) => ({
      supervise: (state, event) => {
        const turn = own.supervise(state, event);
        return { ...turn, commands: turn.commands.filter((command) => command.do !== 'wake') };
      },
    })),
  },
  {
    checker: 'it_becomes_whole',
    bug: 'a kernel that hangs is never called silent',
    runs: [hangsForEver],
    replaces: replacing<Detector>('../../src/core/failure-detector.ts', (own) => ({
      judge: (state, reading, limits) =>
        own.judge(state, reading, { ...limits, silentMs: Infinity, stalledMs: Infinity }),
    })),
  },
  {
    checker: 'it_becomes_whole',
    bug: 'a heap that grows is never ended',
    runs: [5],
    replaces: replacing<Guard>('../../src/core/memory-guard.ts', () => ({ judgeMemory: () => ({ verdict: 'fine' }) })),
  },
];

export const scenarioFor = (run: number | Scenario): Scenario => (typeof run === 'number' ? scenarioOf(run) : run);
