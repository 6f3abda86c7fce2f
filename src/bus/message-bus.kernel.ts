/**
 * The `message_bus` kernel: routes between the ports that the host hands it. It keeps nothing that
 * its clients do not keep too, so a fresh one takes over without a snapshot.
 */
import type { MessagePort } from 'node:worker_threads';
import type { BusControl, ToBus } from '../core/bus.ts';
import { defineKernel } from '../kernel.ts';
import { Router } from './router.ts';

const probeClient = '~probe';

export const { start } = defineKernel({
  start(ctx) {
    const router = new Router(ctx.id, () => router.figures());
    const ports = new Map<string, { readonly epoch: number; readonly port: MessagePort }>();
    let routes: Extract<BusControl, { kind: 'routes' }> | undefined;

    function attach(client: string, epoch: number, port: MessagePort): void {
      ports.get(client)?.port.close();
      ports.set(client, { epoch, port });
      port.on('message', (message: ToBus) => router.receive(client, epoch, message));
      port.on('messageerror', () => ctx.log.warn(`a message of ${client} could not be read`));
      router.attach(client, epoch, (message) => port.postMessage(message));
    }

    function detach(client: string, epoch: number): void {
      if (ports.get(client)?.epoch !== epoch) return;
      router.detach(client, epoch);
      ports.get(client)?.port.close();
      ports.delete(client);
    }

    return {
      control(payload, [port]) {
        const control = payload as BusControl;
        if (control.kind === 'routes') {
          routes = control;
          router.route(control.subscribers, control.sheddable);
        } else if (control.kind === 'attach') {
          attach(control.client, control.epoch, port!);
        } else if (control.kind === 'detach') {
          detach(control.client, control.epoch);
        } else if (control.kind === 'hold') {
          router.hold(control.client, control.on);
        } else {
          router.shed(control.on);
        }
      },

      handle: () => router.figures(),

      /** Able to work: routes are known, and a message to itself arrives and is settled. */
      async probe() {
        if (!routes) return false;
        router.route({ ...routes.subscribers, [probeClient]: [probeClient] }, routes.sheddable);
        try {
          return await new Promise<boolean>((resolve) => {
            router.attach(probeClient, 1, (message) => {
              if (message.type === 'deliver') {
                router.receive(probeClient, 1, { type: 'acknowledge', ids: [message.id] });
              } else if (message.type === 'settled') {
                resolve(true);
              }
            });
            const id = `${probeClient}.${ctx.epoch}`;
            router.receive(probeClient, 1, { type: 'publish', id, topic: probeClient, payload: null });
          });
        } finally {
          router.detach(probeClient, 1);
          router.route(routes.subscribers, routes.sheddable);
        }
      },
    };
  },
});
