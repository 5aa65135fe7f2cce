/** Several clients on one upstream: the session's own rules with the adapters of the providers. */
import { describe, expect, it } from 'vitest';
import { readSegment } from '../../../protocol/segment.ts';
import { assemblyai } from '../../../providers/assemblyai.ts';
import { cartesia } from '../../../providers/cartesia.ts';
import { deepgram } from '../../../providers/deepgram.ts';
import { elevenlabs } from '../../../providers/elevenlabs.ts';
import { openai } from '../../../providers/openai.ts';
import type { ProviderAdapter } from '../../../providers/adapter.ts';
import type { Payload, Role } from '../../../protocol/connect.ts';
import { LIMITS } from '../../../session/limits.ts';
import { Session } from '../../../session/session.ts';
import { FakeWire, planOf } from './fake-wire.ts';

const PATHS: Readonly<Record<string, string>> = {
  deepgram: 'v1/agent/converse',
  elevenlabs: 'v1/speech-to-text/realtime',
  cartesia: 'stt/turns/websocket',
};

type Frame = { readonly type?: string; readonly [name: string]: unknown };

/** Every frame here is the text of an object. */
function parsed(payload: Payload): Frame {
  return JSON.parse(payload as string) as Frame;
}

class Room {
  readonly wire = new FakeWire();
  readonly session: Session;

  constructor(adapter: ProviderAdapter, path = '') {
    const plan = planOf({ named: true });
    const query = [['agent_id', 'a']] as const;
    const request = { ...plan.request, path, query };
    this.session = new Session({ ...plan, request }, adapter, LIMITS, this.wire, 0);
    this.session.upstreamOpened(1, 0);
  }

  join(
    role: Role | null = null,
    about: { name?: string; control?: boolean; history?: 'items' } = {},
  ): number {
    const as = {
      name: about.name ?? null,
      control: about.control === true ? 1 : 0,
      highest: 'controller',
    } as const;
    const client = this.session.join(role, null, {}, 0, as);
    this.session.lives.welcome(client, 's', null, about.history ?? 'none');
    return client.number;
  }

  says(client: number, frame: Frame): void {
    this.session.clientFrame(client, JSON.stringify(frame), 1);
  }

  provider(frame: Frame): void {
    this.session.upstreamFrame(JSON.stringify(frame), 1);
  }

  get up(): Frame[] {
    return this.wire.up.splice(0).map(parsed);
  }

  /** What came to a client since this was last asked. */
  got(client: number): Frame[] {
    const frames = this.wire.down.get(client) ?? [];
    this.wire.down.set(client, []);
    return frames.map(parsed);
  }

  types(client: number): unknown[] {
    return this.got(client).map(({ type }) => type);
  }
}

const SESSION = { type: 'realtime', model: 'm', instructions: 'be kind', voice: 'marin' };
const CREATED = { type: 'session.created', event_id: 'e1', session: SESSION };

/** A controller, and a speaker that has come later. */
function conversation(): { room: Room; first: number; second: number } {
  const room = new Room(openai);
  const first = room.join();
  room.provider(CREATED);
  const second = room.join();
  room.got(first);
  room.got(second);
  return { room, first, second };
}

describe('P7 who joins an OpenAI session late', () => {
  it('P7 is greeted with the configuration of now, in the shape in which the provider told it', () => {
    const room = new Room(openai);
    const first = room.join();
    expect(room.got(first)).toEqual([]);
    room.provider(CREATED);
    const changed = { ...SESSION, instructions: 'be brief' };
    room.provider({ type: 'session.updated', event_id: 'e2', session: changed });
    const [greeting, ...rest] = room.got(room.join());
    expect(greeting).toEqual({ type: 'session.created', event_id: expect.any(String), session: changed });
    expect(rest).toEqual([]);
    expect(room.types(first)).toEqual(['session.created', 'session.updated']);
  });

  it('P7 gets conversation.created where the provider sends one', () => {
    const room = new Room(openai);
    room.join();
    room.provider(CREATED);
    room.provider({ type: 'conversation.created', event_id: 'e', conversation: { id: 'conv_1' } });
    expect(room.got(room.join())).toMatchObject([
      { type: 'session.created' },
      { type: 'conversation.created', conversation: { id: 'conv_1' } },
    ]);
  });

  it('P7 gets the items so far when it asks for them, in order, under their ids', () => {
    const { room } = conversation();
    const item = (id: string) => ({ id, type: 'message', role: 'user', status: 'completed', content: [] });
    room.provider({ type: 'conversation.item.added', previous_item_id: null, item: item('a') });
    room.provider({ type: 'conversation.item.done', previous_item_id: null, item: item('a') });
    const begun = { ...item('b'), status: 'in_progress' };
    room.provider({ type: 'conversation.item.added', previous_item_id: 'a', item: begun });
    const got = room.got(room.join(null, { history: 'items' }));
    expect(got.slice(1)).toMatchObject([
      { type: 'conversation.item.added', previous_item_id: null, item: { id: 'a' } },
      { type: 'conversation.item.done', previous_item_id: null, item: { id: 'a' } },
      { type: 'conversation.item.added', previous_item_id: 'a', item: { id: 'b' } },
    ]);
    expect(room.types(room.join())).toEqual(['session.created']);
  });
});

describe('P7 what SDKs of OpenAI’s wire send by themselves', () => {
  it('P7 a speaker that joins configures nothing: it is told the configuration of now', () => {
    const { room, first, second } = conversation();
    room.says(second, { type: 'session.update', session: { type: 'realtime', instructions: 'mine' } });
    room.says(second, { type: 'session.update', session: { type: 'realtime', tracing: 'auto' } });
    expect(room.up).toEqual([]);
    expect(room.got(second)).toMatchObject([
      { type: 'session.updated', session: SESSION },
      { type: 'session.updated', session: SESSION },
    ]);
    expect(room.got(first)).toEqual([]);
    room.says(second, { type: 'response.create' });
    room.says(second, { type: 'session.update', session: { type: 'realtime', instructions: 'now' } });
    expect(room.up.map(({ type }) => type)).toEqual(['response.create']);
  });

  it('P7 an observer may send it too, and stays', () => {
    const { room } = conversation();
    const observer = room.join('observer');
    room.got(observer);
    room.says(observer, { type: 'session.update', session: { type: 'realtime' } });
    expect(room.types(observer)).toEqual(['session.updated']);
    expect(room.wire.log).not.toContain(`close ${observer} 4403`);
    expect(room.up).toEqual([]);
  });

  it('P7 a controller configures at any time, and so does who is alone', () => {
    const { room, first, second } = conversation();
    room.session.leave(second, 1000, '', 2);
    const update = { type: 'session.update', session: { type: 'realtime', instructions: 'x' } };
    const other = room.join('controller');
    room.says(other, update);
    expect(room.up).toEqual([update]);
    room.session.leave(first, 1000, '', 2);
    room.says(other, update);
    expect(room.up).toEqual([update]);
  });

  it('P7 of an interruption that every client tells, the first goes up', () => {
    const { room, first, second } = conversation();
    room.provider({ type: 'response.created', response: { id: 'r1' } });
    room.got(first);
    for (const client of [first, second]) {
      room.says(client, { type: 'response.cancel' });
      room.says(client, {
        type: 'conversation.item.truncate',
        item_id: 'i1',
        content_index: 0,
        audio_end_ms: 5,
      });
    }
    expect(room.up.map(({ type }) => type)).toEqual(['response.cancel', 'conversation.item.truncate']);
    // The next response can be interrupted again.
    room.provider({ type: 'response.done', response: { id: 'r1', status: 'cancelled', output: [] } });
    room.says(second, { type: 'response.cancel' });
    expect(room.up).toEqual([]);
    room.provider({ type: 'response.created', response: { id: 'r2' } });
    room.says(second, { type: 'response.cancel', response_id: 'r2' });
    room.says(first, { type: 'response.cancel' });
    expect(room.up).toEqual([{ type: 'response.cancel', response_id: 'r2' }]);
  });

  it('P7 who gave the session its tools answers their calls; while it is away, who comes first', () => {
    const { room, first, second } = conversation();
    const server = room.join('controller');
    const output = (call_id: string) => ({
      type: 'conversation.item.create',
      item: { type: 'function_call_output', call_id, output: '1' },
    });
    room.says(server, { type: 'session.update', session: { type: 'realtime', tools: [{ name: 'a' }] } });
    for (const client of [first, second, server]) {
      room.says(client, output('call_1'));
      room.says(client, { type: 'response.create' });
    }
    expect(room.up.slice(1)).toEqual([output('call_1'), { type: 'response.create' }]);
    room.session.leave(server, 1000, '', 2);
    for (const client of [second, first]) room.says(client, output('call_2'));
    room.says(second, { type: 'response.create' });
    expect(room.up).toEqual([output('call_2'), { type: 'response.create' }]);
  });

  it('P7 an item that one fetches comes to it alone, and to observers; the log says to whom', () => {
    const { room, first, second } = conversation();
    const observer = room.join('observer');
    for (const each of [first, second, observer]) room.got(each);
    room.says(second, { type: 'conversation.item.retrieve', item_id: 'i1' });
    const answer = { type: 'conversation.item.retrieved', item: { id: 'i1', content: [{ audio: 'AAAA' }] } };
    room.provider(answer);
    expect([room.got(first), room.got(second), room.got(observer)]).toEqual([[], [answer], [answer]]);
    room.session.catchUp();
    const entries = (room.session.recording.next(() => null, 0)?.segments ?? []).flatMap((segment) => [
      ...readSegment(segment.firstSeq, segment.firstAt, segment.data),
    ]);
    expect(entries.map(({ direction, client }) => `${direction} ${client}`)).toEqual([
      'down 0',
      'up 2',
      'down 2',
    ]);
  });

  it('P7 an error comes to the client whose event it names, whatever others called theirs', () => {
    const { room, first, second } = conversation();
    const bad = (event_id: string) => ({ event_id, type: 'input_audio_buffer.commit' });
    room.says(first, bad('evt_1'));
    room.says(second, bad('evt_1'));
    const [one, other] = room.up;
    expect(one).toEqual(bad('evt_1'));
    expect(other).toEqual(bad('evt_1~c2'));
    const error = (event_id: unknown) => ({ type: 'error', event_id: 'e', error: { code: 'x', event_id } });
    room.provider(error(other?.['event_id']));
    room.provider(error('evt_1'));
    room.provider(error(null));
    expect(room.got(second)).toEqual([error('evt_1'), error(null)]);
    expect(room.got(first)).toEqual([error('evt_1'), error(null)]);
  });

  it('P1 frames of a session of one client, and audio of any, go up as the very text they are', () => {
    const room = new Room(openai);
    const first = room.join();
    room.provider(CREATED);
    const odd = '{ "type" : "response.cancel", "event_id":"a" }';
    room.session.clientFrame(first, odd, 1);
    expect(room.wire.up).toEqual([odd]);
    const second = room.join();
    const audio = '{"type":"input_audio_buffer.append" ,"audio":"AAAA"}';
    room.session.clientFrame(second, audio, 1);
    expect(room.wire.up).toEqual([odd, audio]);
  });
});

describe('P7 contexts of many clients on one socket', () => {
  const speak = (context_id: string, transcript: string) => ({ model_id: 'm', context_id, transcript });
  const chunk = (context_id: string) => ({ type: 'chunk', context_id, data: 'AAAA', done: false });

  it('P7 each hears its own, two that chose one id are kept apart, and an observer hears all', () => {
    const room = new Room(cartesia);
    const first = room.join();
    const observer = room.join('observer');
    const second = room.join();
    room.says(first, speak('x', 'one'));
    room.says(second, speak('x', 'two'));
    room.says(second, speak('y', 'three'));
    expect(room.up.map((each) => each['context_id'])).toEqual(['x', 'x~c3', 'y']);
    for (const id of ['x', 'x~c3', 'y']) room.provider(chunk(id));
    expect(room.got(first)).toEqual([chunk('x')]);
    expect(room.got(second)).toEqual([chunk('x'), chunk('y')]);
    expect(room.got(observer)).toHaveLength(3);
    // A cancellation is of one's own.
    room.says(second, { context_id: 'x', cancel: true });
    expect(room.up).toEqual([{ context_id: 'x~c3', cancel: true }]);
    // The provider may know an id for a while after its end.
    for (const id of ['x', 'x~c3']) room.provider({ type: 'done', context_id: id, done: true });
    room.says(second, speak('x', 'four'));
    expect(room.up).toEqual([speak('x~c3', 'four')]);
  });

  it('P7 what was begun before a second client came is the first one’s', () => {
    const room = new Room(cartesia);
    const first = room.join();
    room.says(first, speak('x', 'one'));
    const second = room.join();
    room.says(second, speak('x', 'two'));
    room.provider(chunk('x'));
    expect(room.up.map((each) => each['context_id'])).toEqual(['x', 'x~c2']);
    expect([room.got(first), room.got(second)]).toEqual([[chunk('x')], []]);
  });

  it('P8 the characters of both are counted once each', () => {
    const room = new Room(cartesia);
    const [first, second] = [room.join(), room.join()];
    room.says(first, speak('x', 'one'));
    room.says(second, speak('x', 'seven'));
    for (const id of ['x', 'x~c2']) {
      room.provider(chunk(id));
      room.provider({ type: 'done', context_id: id, done: true });
    }
    expect(room.session.totals().response.characters).toBe(8);
  });

  it('P5 a client that counts stays in step, and gets what it missed, its own alone', () => {
    const room = new Room(cartesia);
    const first = room.join(null, { name: 'one', control: true });
    const second = room.join();
    room.says(first, speak('x', 'one'));
    room.says(second, speak('y', 'two'));
    room.got(first);
    for (const id of ['y', 'y', 'x']) room.provider(chunk(id));
    expect(room.got(first)).toEqual([{ type: 'parley.session.counted', frames: 2 }, chunk('x')]);
    room.session.leave(first, 1006, '', 2);
    for (const id of ['y', 'x', 'y', 'x']) room.provider(chunk(id));
    const missed = room.session.lives.missed(3, 1);
    if (missed.kind !== 'frames') throw new Error(missed.kind);
    const again = room.session.join(null, null, {}, 3, { name: 'one', control: 1, highest: 'controller' });
    const owed = { frames: missed.frames, lost: null };
    expect(room.session.lives.welcome(again, 's', owed, 'none')).toBe(3);
    expect(room.got(again.number).slice(1)).toEqual([
      { type: 'parley.session.counted', frames: 1 },
      chunk('x'),
      { type: 'parley.session.counted', frames: 1 },
      chunk('x'),
    ]);
    // It goes on as the owner of what it began.
    room.provider(chunk('x'));
    expect(room.got(again.number)).toEqual([chunk('x')]);
  });

  it('P7 on an ElevenLabs socket too, where nobody closes it for the others', () => {
    const room = new Room(elevenlabs, 'v1/text-to-speech/v/multi-stream-input');
    const [first, second] = [room.join(), room.join('controller')];
    room.says(first, { text: ' ', context_id: 'x' });
    room.says(second, { text: ' ', context_id: 'x' });
    room.says(second, { close_socket: true });
    expect(room.up).toEqual([
      { text: ' ', context_id: 'x' },
      { text: ' ', context_id: 'x~c2' },
      { context_id: 'x~c2', close_context: true },
    ]);
    room.provider({ isFinal: true, contextId: 'x~c2' });
    expect([room.got(first), room.got(second)]).toEqual([[], [{ isFinal: true, contextId: 'x' }]]);
    room.session.leave(second, 1000, '', 2);
    room.says(first, { close_socket: true });
    expect(room.up).toEqual([{ close_socket: true }]);
  });
});

describe('P4 an adapter that fails to share', () => {
  it('P4 is not asked again: everyone gets everything, and all that is sent goes up', () => {
    const sharing: ProviderAdapter['sharing'] = {
      begin: () => ({}),
      up: () => {
        throw new Error('broken');
      },
      down: (memory, payload) => ({ memory, to: 1, own: payload }),
    };
    const room = new Room({ ...openai, ...(sharing === undefined ? {} : { sharing }) });
    const [first, second] = [room.join(), room.join('controller')];
    room.says(second, { type: 'x' });
    expect(room.up).toEqual([{ type: 'x' }]);
    room.provider({ type: 'y' });
    expect([room.types(first), room.types(second)]).toEqual([['y'], ['y']]);
    expect(room.wire.problems).toEqual([expect.stringContaining('failed to share')]);
  });
});

describe('P7 who joins late at other providers', () => {
  it.each([
    ['AssemblyAI', assemblyai, { type: 'Begin', id: 'b', expires_at: 2_000_000_000 }],
    ['Deepgram’s agent', deepgram, { type: 'Welcome', request_id: 'r' }],
    ['ElevenLabs’ transcription', elevenlabs, { message_type: 'session_started', session_id: 's' }],
    ['Cartesia’s turns', cartesia, { type: 'connected', request_id: 'r' }],
  ] as const)('P7 %s greets as it did', (_name, adapter, greeting) => {
    const room = new Room(adapter, PATHS[adapter.id]);
    const first = room.join();
    expect(room.got(first)).toEqual([]);
    room.provider(greeting);
    expect(room.got(room.join())).toEqual([greeting]);
  });

  it('P7 an agent of Deepgram takes its settings once', () => {
    const room = new Room(deepgram, PATHS['deepgram']);
    const [first, second] = [room.join(), room.join()];
    const settings = { type: 'Settings', agent: {} };
    for (const client of [first, second]) room.says(client, settings);
    expect(room.up).toEqual([settings]);
    expect([room.types(first), room.types(second)]).toEqual([[], ['SettingsApplied']]);
  });
});
