/**
 * The reference host: twenty kernels, so that "18 of 20" means something. Eight are Grace's own, twelve
 * are a small application whose books must balance.
 */
import { join } from 'node:path';
import { graceKernels, type KernelInput } from '../index.ts';

const suffix = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
const platform = (id: string) => new URL(`./platform/${id}.kernel${suffix}`, import.meta.url);
const application = (id: string) => new URL(`./application/${id}.kernel${suffix}`, import.meta.url);

/** Kernel to the topics it handles. */
const books: Readonly<Record<string, readonly string[]>> = {
  catalog: ['order.submitted'],
  pricing: ['order.itemised'],
  customers: ['order.priced'],
  fraud_check: ['order.attributed'],
  orders: ['order.cleared', 'order.rejected'],
  inventory: ['order.accepted'],
  payments: ['order.accepted'],
  ledger: ['payment.captured', 'stock.moved'],
  shipping: ['stock.moved'],
  invoices: ['payment.captured'],
  notifications: ['notification.wanted'],
  reports: ['order.accepted', 'payment.captured', 'report.due'],
};

/** What the scenarios may kill at once, and expect back. */
export const criticalKernels = ['message_bus', 'self_healing', 'coding_agent'] as const;

/** Every kernel of the reference host. */
export const kernelNames = (): string[] => referenceHost('.').kernels.map(({ id }) => id);

/** The options of a reference host that keeps its data in `dataDir`. */
export function referenceHost(dataDir: string): {
  readonly kernels: readonly KernelInput[];
  readonly sheddable: readonly string[];
  readonly dataDir: string;
} {
  const dependsOn = ['message_bus'];
  const kernels: KernelInput[] = [
    { id: 'message_bus', module: graceKernels.message_bus, critical: true },
    {
      id: 'self_healing', module: graceKernels.self_healing, critical: true, dependsOn,
      subscribes: ['health.sampled'],
    },
    {
      id: 'coding_agent', module: graceKernels.coding_agent, critical: true, dependsOn,
      // Its answer leaves with the save that counts it.
      saveInterval: '10ms',
    },
    {
      id: 'immutable_log', module: graceKernels.immutable_log, supervisor: 'platform', dependsOn,
      config: { dir: join(dataDir, 'journal') },
    },
    {
      id: 'health_monitor', module: platform('health_monitor'), supervisor: 'platform', dependsOn,
      subscribes: ['health.sampled'],
    },
    {
      id: 'snapshot_manager', module: platform('snapshot_manager'), supervisor: 'platform', dependsOn,
      config: { books: Object.keys(books) }, subscribes: ['snapshot.due'], concurrency: 4,
    },
    { id: 'scheduler', module: platform('scheduler'), supervisor: 'platform', dependsOn },
    ...Object.entries(books).map(([id, subscribes]): KernelInput => ({
      id, module: application(id), dependsOn, subscribes, saveInterval: '10ms',
    })),
    {
      id: 'api_server', module: platform('api_server'), supervisor: 'platform', dependsOn,
      saveInterval: '10ms', concurrency: 64,
    },
  ];
  return { kernels, sheddable: ['notification.wanted', 'report.due'], dataDir };
}

export { checkBooks, readBooks, type BooksVerdict } from './invariants.ts';
export { startLoad, type Load, type LoadFigures } from './load.ts';
