/** Keys whose values never reach the journal or evidence. */
const secretKey = /pass(word|phrase)?$|secret|token|api_?key|authorization|cookie|private_?key|credential/i;

/**
 * A replacer for `JSON.stringify` that takes out secrets by key, at any depth.
 *
 * @example JSON.stringify({ password: 'x' }, redact) // {"password":"[redacted]"}
 */
export function redact(key: string, value: unknown): unknown {
  return secretKey.test(key) && value !== null && value !== undefined ? '[redacted]' : value;
}
