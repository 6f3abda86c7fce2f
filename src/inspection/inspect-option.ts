import { GraceError } from '../core/errors.ts';

/** `true` takes any free port. */
export type InspectOption = boolean | { readonly port?: number };

/**
 * The port to serve on, 0 for any free one; undefined when the inspector is off.
 *
 * @throws GRACE_CONFIG_INVALID
 */
export function inspectorPort(inspect: InspectOption | undefined): number | undefined {
  if (inspect === undefined || inspect === false) return undefined;
  const port = inspect === true ? 0 : inspect.port ?? 0;
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new GraceError(
    'GRACE_CONFIG_INVALID',
    `inspect.port: expected a port from 0 (any free one) to 65535, got: ${String(port)}.`,
    { details: { port } },
  );
}
