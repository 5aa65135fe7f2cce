import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Payload, ROLES } from '../../../protocol/connect.ts';
import { PROVIDERS } from '../../../providers/registry.ts';
import { LIMITS } from '../../../session/limits.ts';
import { mayDo } from '../../../session/roles.ts';
import { Session } from '../../../session/session.ts';
import { FakeWire, liveSession, planOf } from './fake-wire.ts';
import { bytes, HOSTILE, type Wire, WIRES } from './role-matrix.ts';

/** A live session of that provider, with a controller (1) and a client of each other role (2: speaker, 3: observer). */
function sharedSession({ adapter, request }: Pick<Wire, 'adapter' | 'request'>) {
  const wire = new FakeWire();
  const plan = { ...planOf({ named: true }), request };
  // What clients are to each other beside their roles has its own tests.
  const { sharing: _, ...alone } = adapter;
  const session = new Session(plan, alone, LIMITS, wire, 0);
  session.upstreamOpened(5, 0);
  for (const role of ROLES) session.join(role, null, {}, 0);
  wire.up.length = 0;
  return { session, wire };
}

const asText = (payload: Payload | undefined): string => (typeof payload === 'string' ? payload : '');

const shown = (payload: Payload): string =>
  typeof payload === 'string'
    ? payload.slice(0, 80)
    : `binary ${new TextDecoder().decode(payload).slice(0, 40)}`;

describe.each(WIRES)('P7 S-15 roles at $name', (wire) => {
  it.each(wire.rows.map(([payload, act]) => ({ shown: shown(payload), payload, act })))(
    'P7 $act: $shown',
    ({ payload, act }) => {
      expect(wire.adapter.acts(wire.request)(payload)).toBe(act);
      for (const [index, role] of ROLES.entries()) {
        const { session, wire: out } = sharedSession(wire);
        session.clientFrame(index + 1, payload, 1);
        // What a provider takes once may be swallowed; nothing else is, of who may send it.
        if (mayDo(role, act) && wire.adapter.once?.matches(payload) !== true) expect(out.up).toHaveLength(1);
        if (!mayDo(role, act)) expect(out.up).toEqual([]);
      }
    },
  );

  it('P7 S-15 nothing that parsers may disagree about reaches the provider, but from a controller', () => {
    for (const text of HOSTILE)
      for (const payload of [text, bytes(text)]) {
        const { session, wire: out } = sharedSession(wire);
        session.clientFrame(2, payload, 1);
        session.clientFrame(3, payload, 2);
        // What holds no brackets is sound like any other, where sound comes in binary frames.
        const isSound = typeof payload !== 'string' && !/^[\uFEFF\s]*[{[]/.test(text);
        const mayHear = isSound && wire.adapter.acts(wire.request)(payload) === 'speak';
        // At fal each request is one of its own, and sets nothing, whatever its keys are.
        if (!mayHear && wire.adapter.id !== 'fal') expect(out.up, text).toEqual([]);
      }
  });

  it('P7 S-15 whatever an observer sends, none of it goes up', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.uint8Array({ maxLength: 64 }).map((each) => new Uint8Array(each).buffer),
          fc.constantFrom(...wire.rows.map(([payload]) => payload)),
        ),
        (payload) => {
          const { session, wire: out } = sharedSession(wire);
          session.clientFrame(3, payload, 1);
          return out.up.length === 0;
        },
      ),
      { numRuns: 100 },
    );
  });
});

it('P7 every provider is in the matrix', () => {
  const known = new Set(WIRES.map(({ adapter }) => adapter.id));
  expect(PROVIDERS.filter(({ id }) => !known.has(id))).toEqual([]);
});

describe('P7 S-15 a key that comes twice', () => {
  const acts = WIRES[0]?.adapter.acts(WIRES[0].request);

  it('P7 anywhere in a frame makes it one for controllers, whatever else it says', () => {
    const key = fc.constantFrom('type', 'audio', 'a', 'response', 'metadata', 'x"y', 'é');
    fc.assert(
      fc.property(key, fc.array(fc.constantFrom('metadata', 'a', 'b'), { maxLength: 4 }), (twice, path) => {
        const name = JSON.stringify(twice);
        let value = `{${name}:1,${name}:2}`;
        for (const each of path) value = `{"${each}":[${value}]}`;
        return acts?.(`{"type":"response.create","response":{"metadata":${value}}}`) === 'unknown';
      }),
    );
  });

  it('P7 and what looks like one inside a string does not', () => {
    expect(acts?.('{"type":"response.create","response":{"metadata":{"a":"\\"a\\":1,\\"a\\":2"}}}')).toBe(
      'speak',
    );
  });

  it('P10 deep and large frames are read without harm', () => {
    const deep = `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`;
    expect(acts?.(deep)).toBe('unknown');
    expect(
      acts?.(`{"event_id":"e","type":"input_audio_buffer.append","audio":"${'A'.repeat(8_000_000)}"}`),
    ).toBe('speak');
  });
});

describe('P7 what comes of a frame that its sender may not send', () => {
  const update = '{"type":"conversation.item.delete","item_id":"i"}';

  it('P7 the sender is told at most once a second, and cut only when it goes on and on', () => {
    const { session, wire } = liveSession({
      named: true,
      limits: { forbiddenFrames: 3, forbiddenMs: 10_000 },
    });
    session.join('observer', null, {}, 0);
    for (let at = 0; at < 3; at += 1) session.clientFrame(2, update, at);
    expect(wire.down.get(2)).toHaveLength(1);
    expect(wire.log).not.toContain('close 2 4403');
    session.clientFrame(2, update, 1_500);
    expect(wire.log).toContain('close 2 4403');
  });

  it('P7 one within the limit each time is never cut, nor one whose SDK attends by itself', () => {
    const { session, wire } = liveSession({
      named: true,
      limits: { forbiddenFrames: 3, forbiddenMs: 10_000 },
    });
    session.join('observer', null, {}, 0);
    for (let at = 0; at < 50; at += 1) session.clientFrame(2, update, at * 4_000);
    for (let at = 0; at < 50; at += 1)
      session.clientFrame(2, '{"type":"conversation.item.retrieve","item_id":"i"}', 200_001);
    expect(wire.log).not.toContain('close 2 4403');
    expect(wire.up).toEqual([]);
  });

  it('P7 a client with the control channel is told there', () => {
    const { session, wire } = liveSession({ named: true });
    session.join('speaker', null, {}, 0, { name: null, control: 1, highest: 'speaker' });
    session.clientFrame(2, update, 1);
    expect(JSON.parse(asText(wire.down.get(2)?.at(-1)))).toMatchObject({
      type: 'parley.error',
      code: 'role_forbids_sending',
    });
  });

  it('P1 a controller’s frame is sent as it is, unread: the very object', () => {
    let asked = 0;
    const acts = () => () => {
      asked += 1;
      return 'unknown' as const;
    };
    const { session, wire } = liveSession({ adapter: { acts } });
    session.clientFrame(1, 'not even JSON', 1);
    expect(wire.up).toEqual(['not even JSON']);
    expect(asked).toBe(0);
  });
});
