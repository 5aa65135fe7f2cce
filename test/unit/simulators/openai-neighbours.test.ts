import { describe, expect, it } from 'vitest';
import { asText, type JsonObject, type JsonValue, member } from '../../../protocol/json.ts';
import { openaiSimulator } from '../../../simulators/openai.ts';
import { encodeRaw } from '../../../simulators/raw-audio.ts';
import { encodeBase64 } from '../../../simulators/base64.ts';
import { refusedBy, SessionDrive } from '../../support/drive-session.ts';
import { silent, tone } from '../../support/drive-simulator.ts';

const drive = (path: string, query = ''): SessionDrive =>
  new SessionDrive(openaiSimulator, `https://host/v1/${path}?seed=1&${query}`);
const types = (events: readonly JsonObject[]): readonly string[] => {
  const all = events.map((event) => asText(event['type']) ?? '');
  return all.filter((type, index) => type !== all[index - 1]);
};
const named =
  (...wanted: readonly string[]) =>
  ({ type }: JsonObject): boolean =>
    wanted.includes(asText(type) ?? '');
const at = (event: JsonValue | undefined, path: string): JsonValue | undefined =>
  path.split('.').reduce<JsonValue | undefined>((value, name) => member(value, name), event);
const last = (events: readonly JsonObject[], type: string): JsonObject =>
  events.findLast((event) => event['type'] === type) ?? {};

const create = (more: JsonObject = {}): JsonObject => ({
  type: 'response.create',
  model: 'gpt-5.6',
  input: 'How are you?',
  ...more,
});

describe('SIM Responses over a WebSocket', () => {
  const TURN = [
    'response.created',
    'response.in_progress',
    'response.output_item.added',
    'response.content_part.added',
    'response.output_text.delta',
    'response.output_text.done',
    'response.content_part.done',
    'response.output_item.done',
    'response.completed',
  ];

  it('SIM says nothing until it is asked; then a response streams, its events numbered, and tells what it cost', () => {
    const socket = drive('responses');
    expect(socket.take()).toEqual([]);
    const events = socket.send(create()).pass(30_000).take();
    expect(types(events)).toEqual(TURN);
    expect(events.map((event) => event['sequence_number'])).toEqual(events.map((_, index) => index));
    const usage = at(events.at(-1), 'response.usage');
    const { response } = socket.charged;
    expect([at(usage, 'input_tokens'), at(usage, 'output_tokens')]).toEqual([
      response.input_text,
      response.output_text,
    ]);
    expect(response.output_text).toBeGreaterThan(5);
  });

  it('SIM requests of one stream wait for each other, and those of two do not; their events name it', () => {
    const order = (streams: readonly string[]) => {
      const socket = drive('responses');
      for (const stream_id of streams) socket.send(create({ stream_id }));
      const events = socket.pass(60_000).take();
      expect(new Set(events.map((event) => event['stream_id']))).toEqual(new Set(streams));
      return types(events.filter(named('response.created', 'response.completed')));
    };
    expect(order(['a', 'a'])).toEqual([
      'response.created',
      'response.completed',
      'response.created',
      'response.completed',
    ]);
    expect(order(['a', 'b'])).toEqual(['response.created', 'response.completed']);
  });

  it('SIM goes on from an earlier response: what was read before is cached', () => {
    const socket = drive('responses');
    const instructions = 'Be brief. '.repeat(60);
    const first = socket.send(create({ instructions })).pass(30_000).take().at(-1);
    expect(at(first, 'response.usage.input_tokens_details.cached_tokens')).toBe(0);
    const previous_response_id = at(first, 'response.id') ?? '';
    const second = socket.send(create({ instructions, previous_response_id })).pass(30_000).take().at(-1);
    expect(at(second, 'response.previous_response_id')).toBe(previous_response_id);
    const cached = at(second, 'response.usage.input_tokens_details.cached_tokens');
    expect(cached).toBeGreaterThan(100);
    expect(socket.charged.response.cached_text).toBe(cached);
  });

  it.each<[string, JsonObject | string, string, string | null]>([
    ['a model', { type: 'response.create', input: 'Hi' }, 'missing_required_parameter', 'model'],
    ['a known model', create({ model: 'nope' }), 'model_not_found', 'model'],
    [
      'a known response',
      create({ previous_response_id: 'resp_none' }),
      'previous_response_not_found',
      'previous_response_id',
    ],
    ['items', create({ input: [{ type: 'unheard.of' }] }), 'invalid_value', 'input[0]'],
    ['a known event', { type: 'unheard.of' }, 'invalid_value', 'type'],
    ['JSON', '{"type":', 'invalid_json', null],
  ])('SIM wants %s, and goes on without', (_, frame, code, param) => {
    const socket = drive('responses');
    const [refused] = (typeof frame === 'string' ? socket.raw(frame) : socket.send(frame)).take();
    expect(refused).toMatchObject({ type: 'error', status: 400, error: { code, param } });
    expect(types(socket.send(create()).pass(30_000).take())).toEqual(TURN);
  });

  it('SIM thinks, calls tools, is cut short and fails, as it is asked', () => {
    const socket = drive('responses');
    const thought = socket
      .send(create({ reasoning: { effort: 'low' } }))
      .pass(30_000)
      .take()
      .at(-1);
    const reasoning = at(thought, 'response.usage.output_tokens_details.reasoning_tokens');
    expect(reasoning).toBeGreaterThan(0);
    expect(socket.charged.response.reasoning).toBe(reasoning);
    const tools = [{ type: 'function', name: 'get_weather', parameters: { type: 'object', properties: {} } }];
    const called = socket
      .send(create({ tools, input: 'The weather?' }))
      .pass(30_000)
      .take();
    const item = at(last(called, 'response.output_item.done'), 'item');
    expect(item).toMatchObject({ type: 'function_call', name: 'get_weather', arguments: '{}' });
    const previous_response_id = at(called.at(-1), 'response.id') ?? '';
    const input = [{ type: 'function_call_output', call_id: member(item, 'call_id') ?? '', output: 'rain' }];
    const answered = socket.send(create({ previous_response_id, input })).pass(30_000).take();
    expect(last(answered, 'response.output_text.done')['text']).toContain('get_weather: rain');
    const short = socket
      .send(create({ max_output_tokens: 3 }))
      .pass(30_000)
      .take()
      .at(-1);
    expect(short).toMatchObject({
      type: 'response.incomplete',
      response: { incomplete_details: { reason: 'max_output_tokens' } },
    });
    const failing = drive('responses', 'faults=rate_limited').send(create()).pass(30_000);
    expect(failing.take().at(-1)).toMatchObject({
      type: 'response.failed',
      response: { error: { code: 'rate_limit_exceeded' }, usage: null },
    });
    expect(failing.charged.response.input_text).toBe(0);
  });

  it('SIM what is said to a response that is given is taken up by another; one that is over is refused', () => {
    const socket = drive('responses');
    const id = at(socket.send(create()).take()[0], 'response.id') ?? '';
    const steer = { type: 'response.steer', previous_response_id: id, input: 'In short.' };
    expect(socket.send(steer).take()).toMatchObject([{ type: 'response.steer.accepted' }]);
    const lives = socket.pass(60_000).take().filter(named('response.created', 'response.completed'));
    expect(types(lives)).toEqual(['response.completed', 'response.created', 'response.completed']);
    expect(at(lives.at(-1), 'response.previous_response_id')).toBe(id);
    expect(socket.send(steer).take()).toMatchObject([
      { type: 'response.steer.failed', error: { code: 'response_already_completed' } },
    ]);
  });

  it('SIM what a lost socket cuts off is charged as far as it came', () => {
    const socket = drive('responses').send(create()).pass(2_00);
    expect(socket.charged.response.input_text).toBe(0);
    expect(socket.over().charged.response.input_text).toBeGreaterThan(0);
  });

  it('SIM a connection ends after its time', () => {
    const socket = drive('responses', 'faults=session_expired_after=5').pass(6_000);
    expect(socket.take()).toMatchObject([{ error: { code: 'websocket_connection_limit_reached' } }]);
    expect(socket.closed).toMatchObject({ kind: 'close' });
  });
});

const PCM = { encoding: 'linear16', rate: 24_000, channels: 1 } as const;
const sound = (ms: number): string => encodeBase64(encodeRaw(tone(ms), PCM));
const quiet = (ms: number): string => encodeBase64(encodeRaw(silent(ms), PCM));

describe('SIM realtime translations', () => {
  const open = () => drive('realtime/translations', 'model=gpt-realtime-translate');
  const append = (audio: string) => ({ type: 'session.input_audio_buffer.append', audio });

  it('SIM what is heard comes down in pieces of 200 ms, with its words, and is charged by its time', () => {
    const socket = open();
    expect(socket.take()).toMatchObject([
      { type: 'session.created', session: { type: 'translation', model: 'gpt-realtime-translate' } },
    ]);
    socket.send({
      type: 'session.update',
      session: { audio: { input: { transcription: { model: 'm' } }, output: { language: 'es' } } },
    });
    expect(socket.take()).toMatchObject([{ session: { audio: { output: { language: 'es' } } } }]);
    const events = socket
      .send(append(sound(500)))
      .send(append(quiet(300)))
      .pass(5_000)
      .take();
    const pieces = events.filter(named('session.output_audio.delta'));
    expect(pieces.map((piece) => piece['elapsed_ms'])).toEqual([200, 400, 600, 800]);
    const words = (side: string) =>
      events.filter(named(`session.${side}_transcript.delta`)).map((event) => event['delta']);
    expect(words('output')).toEqual(words('input'));
    // Two pieces of the tone, and one that is half of it.
    expect(words('output')).toHaveLength(3);
    expect(socket.charged.response.seconds).toBeCloseTo(0.8, 9);
  });

  it('SIM what is still to be translated is, before it closes as it is asked to', () => {
    const socket = open();
    socket.take();
    const events = socket
      .send(append(sound(500)))
      .send({ type: 'session.close' })
      .pass(5_000)
      .take();
    expect(events.filter(named('session.output_audio.delta'))).toHaveLength(3);
    expect(events.at(-1)?.['type']).toBe('session.closed');
    expect(socket.closed).toMatchObject({ code: 1000 });
  });

  it.each<[string, JsonObject, string]>([
    ['audio', { type: 'session.input_audio_buffer.append' }, 'missing_required_parameter'],
    ['audio that can be read', append('%'), 'invalid_value'],
    ['a session', { type: 'session.update' }, 'missing_required_parameter'],
    ['an event of its own', { type: 'response.create' }, 'invalid_value'],
  ])('SIM wants %s', (_, frame, code) => {
    const socket = open();
    socket.take();
    expect(socket.send({ ...frame, event_id: 'mine' }).take()).toMatchObject([
      { type: 'error', error: { code, event_id: 'mine' } },
    ]);
    expect(socket.charged.response.seconds).toBe(0);
  });

  it('SIM is refused without a model as the realtime path is', () => {
    const socket = drive('realtime/translations');
    expect(socket.take()).toMatchObject([{ type: 'error', error: { code: 'missing_model' } }]);
    expect(socket.closed).toMatchObject({ code: 4000 });
  });
});

describe('SIM GPT-Live', () => {
  const start = (delegation: JsonValue = null) => ({
    type: 'session.start',
    session: { model: 'gpt-live-1', audio: { format: { type: 'audio/pcm', rate: 24_000 } }, delegation },
  });
  const append = (audio: string) => ({ type: 'session.input_audio.append', audio });
  const say = (socket: SessionDrive) => socket.send(append(sound(1_500))).send(append(quiet(800)));

  it('SIM a session is started once, and first, and is billed by its time', () => {
    const socket = drive('live/sessions').pass(2_000);
    expect(socket.send(append(sound(100))).take()).toMatchObject([
      { error: { code: 'session_not_started' } },
    ]);
    const [started] = socket.send({ ...start(), event_id: 'mine' }).take();
    expect(started).toMatchObject({
      type: 'session.started',
      client_event_id: 'mine',
      session: { model: 'gpt-live-1', status: 'active' },
    });
    expect(socket.send(start()).take()).toMatchObject([{ error: { code: 'session_already_started' } }]);
    const sums = socket
      .pass(12_000)
      .take()
      .map((event) => at(event, 'usage.seconds'));
    expect(sums).toEqual([5, 10]);
    const closed = socket.send({ type: 'session.close' }).pass(1_000).take();
    expect(closed).toMatchObject([
      { type: 'session.closed', reason: 'close_requested', usage: { seconds: 12.1 } },
    ]);
    expect(socket.over().charged.response.seconds).toBeCloseTo(12.1, 9);
  });

  it('SIM the time that was not told is charged when the socket is lost', () => {
    const socket = drive('live/sessions').pass(3_000).send(start()).pass(7_000);
    expect(socket.charged.response.seconds).toBe(5);
    expect(socket.over().charged.response.seconds).toBeCloseTo(7, 9);
  });

  it('SIM answers what is said, and stops when it is spoken over', () => {
    const socket = drive('live/sessions', 'speed=1').send(start());
    const heard = say(socket).pass(1_000).take();
    const order = types(heard);
    expect(order.slice(0, 4)).toEqual([
      'session.started',
      'session.input_transcript.delta',
      'session.output_transcript.delta',
      'session.output_audio.delta',
    ]);
    expect(last(heard, 'session.output_audio.delta')['event_id']).toBeUndefined();
    socket.send(append(sound(500)));
    expect(socket.pass(2_000).take()).toEqual([]);
  });

  it('SIM hands every other turn on: to the client, whose commentary it speaks', () => {
    const socket = drive('live/sessions', 'speed=50').send(start());
    say(socket).pass(4_000);
    socket.take();
    const [, delegated] = say(socket).take();
    expect(delegated).toMatchObject({ type: 'session.delegation.created', delegation: { target: 'client' } });
    const delegation_id = at(delegated, 'delegation.id') ?? '';
    socket.send({ type: 'session.commentary.append', content: 'It rains.', delegation_id });
    const spoken = socket.pass(1_000).take();
    expect(spoken[0]?.['type']).toBe('session.commentary.appended');
    expect(last(spoken, 'session.output_transcript.delta')['delta']).toBe('It rains.');
  });

  it('SIM or to its backend, whose tokens are charged beside its time, and whose words it speaks', () => {
    const responses = { model: 'gpt-5.6', instructions: 'Say exactly: "It rains."' };
    const socket = drive('live/sessions', 'speed=50').send(start({ type: 'responses', responses }));
    say(socket).pass(4_000);
    socket.take();
    const events = say(socket).pass(2_000).take();
    const [, delegated] = events;
    expect(delegated).toMatchObject({ delegation: { target: 'responses' } });
    const nested = events.filter(named('response.event'));
    expect(nested.every((event) => event['delegation_id'] === at(delegated, 'delegation.id'))).toBe(true);
    const completed = at(nested.at(-1), 'event');
    expect(completed).toMatchObject({
      type: 'response.completed',
      response: { model: 'gpt-5.6', output: [] },
    });
    expect(socket.charged.response.input_text).toBe(at(completed, 'response.usage.input_tokens'));
    expect(last(events, 'session.output_transcript.delta')['delta']).toBe('It rains.');
    const update = (delegation: JsonValue) =>
      socket.send({ type: 'session.update', session: { delegation } }).take();
    expect(update({ responses: { model: 'gpt-6' } })).toMatchObject([
      {
        type: 'session.updated',
        session: { delegation: { type: 'responses', responses: { model: 'gpt-6' } } },
      },
    ]);
    const [asked] = socket.send({ type: 'response.create' }).take();
    expect(asked).toMatchObject({ delegation_id: null, event: { response: { model: 'gpt-6' } } });
    expect(update({ type: 'client' })).toMatchObject([{ error: { param: 'session.delegation.type' } }]);
  });

  it('SIM a muted microphone is not heard, and a session without a backend has none to ask', () => {
    const socket = drive('live/sessions').send(start()).send({ type: 'session.input_audio.mute' });
    expect(types(say(socket).pass(3_000).take())).toEqual(['session.started', 'session.input_audio.muted']);
    expect(socket.send({ type: 'response.create' }).take()).toMatchObject([
      { error: { code: 'invalid_value' } },
    ]);
  });
});

describe('SIM OpenAI', () => {
  it.each(['live/sessions/live_1/attach', 'live/sessions/live_1/fork', 'files'])(
    'SIM refuses %s, which it does not play, and says so',
    (path) => expect(refusedBy(openaiSimulator, `https://host/v1/${path}`)).toMatchObject({ status: 404 }),
  );

  it.each(['responses', 'live/sessions'])(
    'SIM %s refuses a bad key, and a fault that it does not have',
    (path) => {
      const url = `https://host/v1/${path}`;
      expect(refusedBy(openaiSimulator, url, { authorization: 'Bearer sk-bad' })).toMatchObject({
        status: 401,
      });
      expect(refusedBy(openaiSimulator, `${url}?faults=stall=1`)).toMatchObject({ status: 400 });
    },
  );

  it('SIM the same seed, input and times give the same bytes', () => {
    const played = (path: string, ...frames: readonly JsonObject[]) => {
      const socket = drive(path, 'model=m');
      for (const frame of frames) socket.send(frame).pass(700);
      return socket.pass(10_000).outputs;
    };
    const start = { type: 'session.start', session: { model: 'gpt-live-1' } };
    const audio = sound(900);
    for (const run of [
      () => played('responses', create(), create({ stream_id: 'a' })),
      () => played('realtime/translations', { type: 'session.input_audio_buffer.append', audio }),
      () => played('live/sessions', start, { type: 'session.input_audio.append', audio }),
    ])
      expect(run()).toEqual(run());
  });
});
