/** The charts of Grace, for those who want to look at them, test against them, or draw them. */
export { alarmOn } from './alarm.ts';
export { emergencyModeMachine } from './emergency-mode.machine.ts';
export { heartbeatTriggerMachine } from './heartbeat-trigger.machine.ts';
export { incidentDeskMachine } from './incident-desk.machine.ts';
export { incidentMachine } from './incident.machine.ts';
export { kernelMachine } from './kernel.machine.ts';
export { createPlaybookRunMachine } from './playbook-run.machine.ts';
export { remediationMachine } from './remediation.machine.ts';
export { rootMachine } from './root.machine.ts';
export { ruleTriggerMachine } from './rule-trigger.machine.ts';
export { supervisorMachine } from './supervisor.machine.ts';
