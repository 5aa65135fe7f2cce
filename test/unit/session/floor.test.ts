import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Payload } from '../../../protocol/connect.ts';
import { Floor, type FloorEvent } from '../../../session/floor.ts';
import { liveSession } from './fake-wire.ts';

const LIMITS = { floorSilentMs: 100, floorLongestMs: 300 };
const APPEND = '{"type":"input_audio_buffer.append","audio":"AAAA"}';

type Step = readonly ['request' | 'release' | 'left' | 'grant' | 'revoke' | 'spoke' | 'wait', number];

const asText = (payload: Payload | undefined): string => (typeof payload === 'string' ? payload : '');

describe('P7 the floor', () => {
  const steps = fc.array(
    fc.tuple(
      fc.constantFrom<Step[0]>('request', 'request', 'release', 'left', 'grant', 'revoke', 'spoke', 'wait'),
      fc.integer({ min: 1, max: 4 }),
    ),
    { maxLength: 60 },
  );

  function play(floor: Floor, [step, client]: Step, now: number): readonly FloorEvent[] {
    switch (step) {
      case 'request':
        return floor.request(client, now);
      case 'release':
      case 'left':
        return floor.release(client, step === 'left' ? 'left' : 'released', now);
      case 'grant':
        return floor.grant(client, 1, now);
      case 'revoke':
        return floor.grant(null, 1, now);
      case 'spoke':
        if (floor.holder === client) floor.spoke(now);
        return [];
      case 'wait':
        return floor.expire(now + LIMITS.floorSilentMs);
    }
  }

  it('P7 whatever comes, at most one client has it, and the events tell who', () => {
    fc.assert(
      fc.property(steps, (script) => {
        const floor = new Floor('single', LIMITS);
        let told: number | null = null;
        script.forEach((step, index) => {
          for (const event of play(floor, step, index)) {
            if (event.kind === 'granted') {
              expect(told).toBeNull();
              told = event.client;
            }
            if (event.kind === 'released') {
              expect(told).toBe(event.client);
              told = null;
            }
          }
          expect(floor.holder).toBe(told);
          expect(new Set(floor.waiting).size).toBe(floor.waiting.length);
          expect(floor.waiting).not.toContain(floor.holder);
          // A holder is watched, and nobody is not: no timer is left at rest.
          expect(floor.due === null).toBe(floor.holder === null);
        });
      }),
    );
  });

  it('P7 who asks gets it within bounded time, however long the others go on', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), (ahead) => {
        const floor = new Floor('single', LIMITS);
        for (let client = 1; client <= ahead + 1; client += 1) floor.request(client, 0);
        let now = 0;
        for (; floor.holder !== ahead + 1 && now < 10_000; now += 50) {
          floor.spoke(now);
          floor.expire(now);
        }
        return now <= (ahead + 1) * (LIMITS.floorLongestMs + 50);
      }),
    );
  });

  it('P7 alone, its holder may go on for as long as there is speech, and loses it by silence', () => {
    const floor = new Floor('single', LIMITS);
    floor.request(1, 0);
    for (let now = 0; now < 2_000; now += 50) {
      floor.spoke(now);
      expect(floor.expire(now)).toEqual([]);
    }
    expect(floor.expire(2_049)).toEqual([]);
    expect(floor.expire(2_050)).toEqual([{ kind: 'released', client: 1, reason: 'timeout' }]);
  });
});

describe('P7 a session with a single floor', () => {
  const as = { name: null, control: 1, highest: 'controller' } as const;

  function single() {
    const harness = liveSession({ named: true, floor: 'single' });
    harness.session.join('speaker', null, {}, 0, as);
    harness.session.join('speaker', null, {}, 0, as);
    const say = (client: number, message: unknown, now: number) =>
      harness.session.clientFrame(client, JSON.stringify(message), now);
    const heard = (client: number): readonly { readonly type: string }[] =>
      (harness.wire.down.get(client) ?? []).map((each) => JSON.parse(asText(each)) as { type: string });
    return { ...harness, say, heard };
  }

  it('P7 the frames of who has it go up, and of nobody else; each is told', () => {
    const { session, wire, say, heard } = single();
    session.clientFrame(2, APPEND, 1);
    expect(wire.up).toEqual([]);
    expect(heard(2).at(-1)).toMatchObject({ type: 'parley.error', code: 'floor_taken' });
    say(2, { type: 'parley.floor.request' }, 2);
    expect(heard(3).at(-1)).toEqual({ type: 'parley.floor.granted', client: 'c2', by: null });
    session.clientFrame(2, APPEND, 3);
    session.clientFrame(3, APPEND, 4);
    session.clientFrame(1, APPEND, 5);
    expect(wire.up).toEqual([APPEND]);
    say(3, { type: 'parley.floor.request' }, 6);
    expect(heard(2).at(-1)).toEqual({ type: 'parley.floor.requested', client: 'c3', waiting: ['c3'] });
    session.leave(2, 1000, '', 7);
    session.clientFrame(3, APPEND, 8);
    expect(wire.up).toHaveLength(2);
  });

  it('P7 what is no speech is not stopped by it', () => {
    const { session, wire, say } = single();
    say(2, { type: 'parley.floor.request' }, 1);
    session.clientFrame(1, '{"type":"session.update","session":{}}', 2);
    expect(wire.up).toHaveLength(1);
  });

  it('P7 a client without the channel takes a free one by speaking, and a controller takes it away', () => {
    const { session, wire, heard } = single();
    session.join('controller', null, {}, 0, as);
    session.clientFrame(1, APPEND, 1);
    expect(wire.up).toEqual([APPEND]);
    expect(heard(2).at(-1)).toMatchObject({ type: 'parley.floor.granted', client: 'c1' });
    session.clientFrame(4, '{"type":"parley.floor.grant","client":"c3"}', 2);
    session.clientFrame(1, APPEND, 3);
    expect(wire.up).toHaveLength(1);
    session.clientFrame(3, APPEND, 4);
    expect(wire.up).toHaveLength(2);
    session.clientFrame(4, '{"type":"parley.floor.grant","client":null}', 5);
    expect(heard(3).at(-1)).toEqual({ type: 'parley.floor.released', client: 'c3', reason: 'revoked' });
    expect(wire.deadlines.has('floor')).toBe(false);
  });

  it('P7 it is lost by silence', () => {
    const { session, wire, say, heard } = single();
    say(2, { type: 'parley.floor.request' }, 1);
    session.clientFrame(2, APPEND, 5_000);
    session.deadline('floor', wire.deadlines.get('floor') ?? 0);
    expect(heard(2).at(-1)).toMatchObject({ type: 'parley.floor.granted' });
    session.deadline('floor', wire.deadlines.get('floor') ?? 0);
    expect(heard(2).at(-1)).toEqual({ type: 'parley.floor.released', client: 'c2', reason: 'timeout' });
  });
});
