const suffix = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
const at = (path: string) => new URL(`${path}.kernel${suffix}`, import.meta.url).href;

/** The kernels that Grace brings along, as `module` of a child spec. */
export const graceKernels = {
  message_bus: at('./bus/message-bus'),
  immutable_log: at('./journal/immutable-log'),
  self_healing: at('./remediation/self-healing'),
  coding_agent: at('./remediation/coding-agent'),
} as const;
