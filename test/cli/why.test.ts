import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { why } from '../../src/cli/why.ts';
import type { JournalEntry } from '../../src/core/journal.ts';

let sequence = 0;
function entry(type: string, payload: object, causationId: string | null = null, incident: string | null = null) {
  sequence += 1;
  return {
    sequence, type, incident, actor: 'test', atMs: sequence, wallMs: sequence, previous: '', crc32: '',
    data: { id: `evt_${sequence}`, causationId, depth: 0, payload },
  } satisfies JournalEntry;
}
const idOf = ({ data }: ReturnType<typeof entry>) => data.id;
const down = (kernel: string, critical: boolean, notice = 'port_close') =>
  entry('kernel.down', { kernel, critical, reason: { kind: 'threw', notice } });
const fire = (cause: JournalEntry & { data: { id: string } }, type = 'event.incident', kernels = ['bus']) =>
  entry(type, { trigger_id: 'critical_kernel_heartbeat', playbook: 'p', kernels_down: kernels, kernels_degraded: [] },
    cause.data.id);
const heartbeat = 'critical_kernel_heartbeat';
const because = (entries: JournalEntry[], asked = heartbeat) =>
  why(entries, asked)?.reasons.map(({ fired, because: said }) => `${fired ? 'yes' : 'no'}: ${said}`);

describe('grace why', () => {
  test('says which rule fired', () => {
    const signal = down('bus', true);
    assert.deepEqual(because([signal, fire(signal)]), ['yes: one critical kernel is down (bus) -> p']);
    const second = down('agent', true);
    assert.deepEqual(because([second, fire(second, 'event.emergency', ['bus', 'agent'])]), [
      'yes: two or more distinct critical kernels are down (bus, agent) -> p',
    ]);
  });

  test('says which condition kept it from firing', () => {
    assert.match(because([down('mail', false)])![0]!, /^no: mail is not critical/);
    assert.match(because([down('bus', true, 'supervisor')])![0]!, /^no: Grace itself/);
    const opened = entry('incident.opened', {}, null, 'inc_1');
    assert.match(because([opened, down('bus', true)])![0]!, /^no: .*inc_1 was open/);
    const signal = down('bus', true);
    const fired = fire(signal);
    const held = entry('trigger.suppressed', { reason: 'cooldown', why: 'a moment ago' }, idOf(fired));
    assert.deepEqual(because([signal, fired, held]), ['no: event.incident was suppressed (cooldown): a moment ago']);
    assert.deepEqual(because([]), []);
  });

  test('tells the turns of an incident, with what led to each', () => {
    const signal = down('bus', true);
    const fired = fire(signal);
    const turns = [
      entry('incident.opened', { severity: 'incident' }, idOf(fired), 'inc_7'),
      entry('incident.escalated', { why: 'the playbook run ended: failed' }, idOf(fired), 'inc_7'),
    ];
    const { reasons } = why([signal, fired, ...turns], 'inc_7')!;
    assert.match(reasons[0]!.signal, /incident.opened after kernel.down bus/);
    assert.equal(reasons[1]!.because, 'the playbook run ended: failed');
    assert.equal(why([signal], 'inc_8'), undefined);
  });
});
