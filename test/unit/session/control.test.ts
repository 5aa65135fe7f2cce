import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { DownMessage } from '../../../protocol/control-down.ts';
import type { Payload } from '../../../protocol/connect.ts';
import { LIMITS } from '../../../session/limits.ts';
import type { Introduction } from '../../../session/roster.ts';
import type { SessionOptions } from './fake-wire.ts';
import { liveSession } from './fake-wire.ts';

const asText = (payload: Payload | undefined): string => (typeof payload === 'string' ? payload : '');

const DONE =
  '{"type":"response.done","response":{"id":"r1","status":"completed","usage":{"input_tokens":3,"output_tokens":4}}}';

/** A controller (1, no channel), and with the channel: a controller (2) and a speaker (3). */
function shared(options: SessionOptions = {}) {
  const { session, wire } = liveSession({ named: true, ...options });
  const join = (role: 'controller' | 'speaker' | 'observer' | null, as: Partial<Introduction> = {}) =>
    session.join(role, null, {}, 0, { name: null, control: 1, highest: 'controller', ...as });
  join('controller');
  join('speaker');
  const say = (client: number, message: unknown, now = 1) =>
    session.clientFrame(client, typeof message === 'string' ? message : JSON.stringify(message), now);
  const heard = (client: number) =>
    (wire.down.get(client) ?? [])
      .map((each) => JSON.parse(asText(each)) as { readonly type: string; readonly [key: string]: unknown })
      .filter(({ type }) => type.startsWith('parley.'));
  const records = () => {
    session.catchUp();
    return session.recording.next(() => null, 9)?.records ?? [];
  };
  return { session, wire, join, say, heard, records };
}

describe('P7 the control channel', () => {
  it('P7 who comes is told who is there, and the others that it came, and left', () => {
    const { session, wire, join, heard } = shared();
    const late = join('observer', { name: 'late' });
    session.lives.welcome(late, 's', null, 'none');
    expect(heard(4).at(-1)).toMatchObject({
      type: 'parley.session.joined',
      client: 'c4',
      role: 'observer',
      clients: [
        { client: 'c1', role: 'controller', name: null },
        { client: 'c2' },
        { client: 'c3' },
        { client: 'c4', name: 'late' },
      ],
      floor: { mode: 'open', holder: null, waiting: [] },
      limits: { clients: 256, control_message_bytes: 65_536 },
    });
    expect(heard(2).at(-1)).toEqual({
      type: 'parley.client.joined',
      client: 'c4',
      name: 'late',
      role: 'observer',
    });
    session.leave(4, 1000, 'bye', 2);
    expect(heard(2).at(-1)).toEqual({ type: 'parley.client.left', client: 'c4', code: 1000, reason: 'bye' });
    expect(wire.down.get(1)).toBeUndefined();
  });

  it('P7 what it says keeps its schema', () => {
    const { session, wire, join, say } = shared({ floor: 'single' });
    session.lives.welcome(join('observer', { control: 2 }), 's', null, 'none');
    say(3, { type: 'parley.floor.request' });
    say(2, { type: 'parley.floor.grant', client: 'c2' });
    say(2, { type: 'parley.role.set', client: 'c3', role: 'observer', id: 'x' });
    say(3, { type: 'parley.session.end', id: 'y' });
    say(2, { type: 'parley.ping' });
    session.clientFrame(2, new Uint8Array([1]).buffer, 2);
    session.upstreamFrame(DONE, 3);
    session.deadline('totals', 1_003);
    session.deadline('ending', 2_000);
    say(2, { type: 'parley.client.remove', client: 'c3' });
    say(2, { type: 'parley.session.end' });
    const all = [...wire.down.values()].flat().map((each) => JSON.parse(asText(each)) as { type: string });
    const own = all.filter(({ type }) => type.startsWith('parley.'));
    for (const message of own)
      expect(v.safeParse(DownMessage, message).issues, JSON.stringify(message)).toBeUndefined();
    expect([...new Set(own.map(({ type }) => type))].toSorted()).toEqual([
      'parley.client.frame',
      'parley.client.joined',
      'parley.client.left',
      'parley.client.updated',
      'parley.error',
      'parley.floor.granted',
      'parley.floor.released',
      'parley.pong',
      'parley.session.ending',
      'parley.session.joined',
      'parley.usage',
    ]);
  });

  it.each([
    [
      '{"type":"parley.role.set","client":"c3","role":"king","id":"i"}',
      { code: 'control_invalid', field: 'role', re: 'i' },
    ],
    [
      '{"type":"parley.role.set","client":"3","role":"observer"}',
      { code: 'control_invalid', field: 'client' },
    ],
    ['{"type":"parley.role.set","role":"observer"}', { code: 'control_invalid', field: 'client' }],
    ['{"type":"parley.mark","name":"m","more":1}', { code: 'control_invalid', field: 'more' }],
    ['{"type":"parley.mark","name":""}', { code: 'control_invalid', field: 'name' }],
    ['{"type":"parley.mark","type":"session.update","name":"m"}', { code: 'control_invalid' }],
    ['{"type":"session.update","type":"parley.mark","name":"m"}', { code: 'control_invalid' }],
    ['{"type":"parley.mark","name":', { code: 'control_invalid' }],
    ['{"type":"parley.nothing"}', { code: 'control_unknown', field: 'type' }],
    ['{"\\u0074ype":"\\u0070arley.session.end","x":1}', { code: 'control_invalid' }],
    ['{"type":"parley.client.remove","client":"c9"}', { code: 'client_unknown', field: 'client' }],
    ['{"type":"parley.floor.request"}', { code: 'control_forbidden' }],
  ])('P7 %s is not done, goes to no provider, and says what is wrong', (message, error) => {
    const { wire, say, heard } = shared();
    say(2, message);
    expect(heard(2).at(-1)).toMatchObject({ type: 'parley.error', ...error });
    expect(wire.up).toEqual([]);
  });

  it('P10 a message of 64 KiB is read, and one more byte is not', () => {
    const { say, heard } = shared();
    const sized = (bytes: number) => {
      const message = (id: string) => `{"type":"parley.nothing","x":"${id}"}`;
      return message('a'.repeat(bytes - message('').length));
    };
    say(2, sized(LIMITS.controlBytes));
    expect(heard(2).at(-1)).toMatchObject({ code: 'control_unknown' });
    say(2, sized(LIMITS.controlBytes + 1));
    expect(heard(2).at(-1)).toMatchObject({ code: 'control_too_big' });
  });

  it('P7 only who asked for the frames of others gets them, never its own, and none of a key', () => {
    const withoutKeys = (payload: unknown) =>
      payload === '{"key":"secret"}' ? { up: '{"key":"secret"}', log: '{"key":"[key]"}' } : null;
    const { session, join, wire, heard } = shared({ adapter: { withoutKeys } });
    join('observer', { control: 2 });
    join('controller', { control: 2 });
    session.clientFrame(1, '{"key":"secret"}', 5);
    session.clientFrame(5, 'own', 6);
    const frames = (client: number) => heard(client).filter(({ type }) => type === 'parley.client.frame');
    expect(frames(4)).toEqual([
      { type: 'parley.client.frame', client: 'c1', at: new Date(5).toISOString(), text: '{"key":"[key]"}' },
      { type: 'parley.client.frame', client: 'c5', at: new Date(6).toISOString(), text: 'own' },
    ]);
    expect(frames(5)).toHaveLength(1);
    expect(frames(2)).toEqual([]);
    expect(wire.up).toEqual(['{"key":"secret"}', 'own']);
  });

  it('P7 usage is told once a second at most, when it changed, and then no timer is left', () => {
    const { session, wire, heard } = shared();
    const told = () => heard(2).filter(({ type }) => type === 'parley.usage');
    session.upstreamFrame(DONE, 10);
    expect(wire.deadlines.get('totals')).toBe(1_010);
    session.upstreamFrame('{"type":"x"}', 900);
    wire.deadlines.delete('totals');
    session.deadline('totals', 1_010);
    expect(told()).toMatchObject([{ responses: 1, response: { reports: 1 } }]);
    expect(wire.deadlines.has('totals')).toBe(false);
    session.upstreamFrame('{"type":"x"}', 1_100);
    session.deadline('totals', 2_100);
    expect(told()).toHaveLength(1);
  });

  it('P6 without the channel no such timer is set', () => {
    const { session, wire } = liveSession();
    session.upstreamFrame(DONE, 10);
    expect(wire.deadlines.has('totals')).toBe(false);
  });
});

describe('P7 a controller changes roles, takes clients out and ends the session', () => {
  it('P7 a change holds at once, is told to all, recorded, and carried by the socket', () => {
    const { wire, say, heard, records } = shared();
    const update = '{"type":"session.update","session":{}}';
    say(2, { type: 'parley.role.set', client: 'c3', role: 'controller' });
    say(3, update);
    expect(wire.up).toEqual([update]);
    expect(wire.log).toContain('role 3 controller');
    const changed = { client: 'c3', role: 'controller', before: 'speaker', cause: 'set', by: 'c2' };
    expect(heard(3).at(-1)).toEqual({ type: 'parley.client.updated', ...changed });
    expect(records().find(({ kind }) => kind === 'client.updated')?.body).toEqual(changed);
  });

  it('P7 nobody is given more than its token allows, and nobody but a controller gives', () => {
    const { join, say, heard, wire } = shared();
    join('observer', { highest: 'speaker' });
    say(2, { type: 'parley.role.set', client: 'c4', role: 'controller' });
    expect(heard(2).at(-1)).toMatchObject({ code: 'control_forbidden' });
    for (const message of [
      { type: 'parley.role.set', client: 'c3', role: 'controller' },
      { type: 'parley.client.remove', client: 'c2' },
      { type: 'parley.session.end' },
    ]) {
      say(3, message);
      expect(heard(3).at(-1)).toMatchObject({ code: 'control_forbidden' });
    }
    expect(wire.log.filter((each) => each.startsWith('role') || each.startsWith('close'))).toEqual([]);
    say(3, { type: 'parley.role.set', client: 'c3', role: 'observer' });
    expect(wire.log).toContain('role 3 observer');
  });

  it('P7 a role that was given holds for a client that comes back under its name', () => {
    const { session, join, say } = shared();
    join('speaker', { name: 'ann' });
    say(2, { type: 'parley.role.set', client: 'c4', role: 'observer' });
    session.leave(4, 1006, '', 2);
    expect(join('speaker', { name: 'ann' }).role).toBe('observer');
    expect(session.lives.snapshot().roles).toEqual([['ann', 'observer']]);
  });

  it('P7 who is taken out hears why; the others stay', () => {
    const { session, wire, say, heard } = shared();
    say(2, { type: 'parley.client.remove', client: 'c3' });
    expect(wire.log).toContain('close 3 4403');
    expect(heard(2).at(-1)).toMatchObject({ type: 'parley.client.left', client: 'c3', code: 4403 });
    expect(session.clients).toBe(2);
  });

  it('P7 an end is told before the sockets are closed', () => {
    const { wire, say, heard } = shared();
    say(2, { type: 'parley.session.end' });
    expect(wire.endings[0]).toMatchObject({ reason: 'ended_by_controller', closedBy: 'parley' });
    expect(heard(3).at(-1)).toEqual({
      type: 'parley.session.ending',
      reason: 'ended_by_controller',
      within_ms: 0,
    });
    expect(wire.log).toContain('close upstream 1000');
  });

  it('P3 a mark is in the record, but none of an observer', () => {
    const { join, say, records, heard } = shared();
    join('observer');
    say(3, { type: 'parley.mark', name: 'here', data: { score: 3 } });
    say(4, { type: 'parley.mark', name: 'there' });
    expect(heard(4).at(-1)).toMatchObject({ code: 'control_forbidden' });
    const marks = records().filter(({ kind }) => kind === 'mark');
    expect(marks.map(({ body }) => body)).toEqual([{ client: 'c3', name: 'here', data: { score: 3 } }]);
  });
});

describe('P7 F-30 the controller leaves', () => {
  const leave = (onControllerLeave: 'end' | 'hand_over' | 'wait') => {
    const all = shared({ onControllerLeave });
    all.session.leave(1, 1000, '', 1);
    all.session.leave(2, 1006, '', 2);
    return all;
  };

  it('P7 F-30 end: the session ends, and says why', () => {
    const { wire } = leave('end');
    expect(wire.endings[0]).toMatchObject({ reason: 'controller_left' });
    expect(wire.log).toContain('close 3 4410');
  });

  it('P7 F-30 hand_over: the speaker that has been there longest is told that it controls', () => {
    const { wire, heard } = leave('hand_over');
    expect(heard(3).at(-1)).toMatchObject({
      type: 'parley.client.updated',
      client: 'c3',
      role: 'controller',
      cause: 'hand_over',
      by: null,
    });
    expect(wire.endings).toEqual([]);
  });

  it('P7 F-30 wait: its place is kept for the grace time, then handed over', () => {
    const { session, wire, join, heard } = leave('wait');
    const at = wire.deadlines.get('controller') ?? 0;
    expect(at).toBe(120_002);
    expect(join(null, { name: 'stranger' }).role).toBe('speaker');
    session.deadline('controller', at);
    expect(heard(3).at(-1)).toMatchObject({ client: 'c3', role: 'controller', cause: 'hand_over' });
  });

  it('P7 F-30 wait: who comes back has it again, and nothing is handed over', () => {
    const { wire, join } = leave('wait');
    expect(join(null).role).toBe('controller');
    expect(wire.deadlines.has('controller')).toBe(false);
  });

  it('P7 F-30 who comes back before its old socket is known to be dead has its role, and nothing is handed over', () => {
    const { session, wire } = liveSession({ named: true, onControllerLeave: 'end' });
    const as = { name: 'host', control: 1, highest: 'controller' } as const;
    session.join('controller', null, {}, 0, as);
    session.leave(1, 1000, '', 1);
    session.join('speaker', null, {}, 1);
    expect(session.join(null, null, {}, 2, as).role).toBe('controller');
    expect([wire.endings, wire.log.includes('close 2 4409')]).toEqual([[], true]);
  });

  it('P7 F-30 none is handed to who may not have it, nor to who only listens', () => {
    const { session, wire, join } = shared({ onControllerLeave: 'hand_over' });
    session.leave(3, 1000, '', 1);
    join('speaker', { highest: 'speaker' });
    join('observer');
    session.leave(1, 1000, '', 1);
    session.leave(2, 1000, '', 1);
    expect(wire.log.filter((each) => each.startsWith('role'))).toEqual([]);
    expect(join(null).role).toBe('controller');
  });
});
