import type { Grace } from '../index.ts';

/** Tells what the control plane does, line by line. */
export function narrate(grace: Grace, say: (line: string) => void): void {
  grace.on('kernel.down', ({ kernel, reason }) => say(`${kernel} is down: ${reason.kind}`));
  grace.on('kernel.degraded', ({ kernel, why }) => say(`${kernel} is degraded: ${why}`));
  grace.on('kernel.quarantined', ({ kernel }) => say(`${kernel} is in quarantine`));
  grace.on('event.early_warning', ({ playbook }) => say(`trigger fires event.early_warning -> ${playbook}`));
  grace.on('event.incident', ({ playbook }) => say(`trigger fires event.incident -> ${playbook}`));
  grace.on('event.emergency', ({ kernels_down: down, playbook }) =>
    say(`trigger fires event.emergency (${down.length} down) -> ${playbook}`));
  grace.on('kernel.ready', ({ kernel, epoch }) => say(`${kernel} is ready again (epoch ${epoch})`));
  grace.on('run.step_ended', ({ step, status }) => say(`step ${step}: ${status}`));
  grace.on('run.ended', ({ playbook, status }) => say(`playbook ${playbook}: ${status}`));
  grace.on('diagnosis.completed', ({ diagnosis }) =>
    say(`diagnosis: ${diagnosis.category}, ${diagnosis.subcause} (${diagnosis.confidence})`));
  grace.on('mitigation.applied', ({ mitigation }) => say(`mitigation: ${mitigation.kind} of ${mitigation.kernel}`));
  grace.on('incident.watching', () => say('recovered; watching for 2 s'));
  grace.on('incident.closed', () => say('incident closed'));
  grace.on('incident.escalated', ({ why }) => say(`incident escalated: ${why}`));
}
