import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asArray, member } from '../../../protocol/json.ts';
import { assemblyaiSimulator } from '../../../simulators/assemblyai.ts';
import { deepgramSimulator, workersAiSimulator } from '../../../simulators/deepgram.ts';
import type { RawFormat } from '../../../simulators/raw-audio.ts';
import { silent, tone } from '../../support/drive-simulator.ts';
import { PCM_16K, SocketDrive } from '../../support/drive-socket.ts';

const PCM = 'encoding=linear16&sample_rate=16000&seed=1';
const drive = (path: string, query = PCM, headers = {}) =>
  new SocketDrive(deepgramSimulator, `https://host/${path}?${query}`, headers);
const listen = (more = '') => drive('v1/listen', `model=nova-3&${PCM}${more}`);
const handshake = (url: string, headers = {}) =>
  deepgramSimulator({ url: `https://host/${url}`, headers }, 0);

describe('SIM Deepgram’s upgrade', () => {
  it.each([
    ['an unknown socket', 'v3/listen', {}, 404],
    ['raw audio without its rate', 'v1/listen?encoding=linear16', {}, 400],
    ['an unknown encoding', 'v1/listen?encoding=mp9', {}, 400],
    ['Flux without a Flux model', `v2/listen?model=nova-3&${PCM}`, {}, 400],
    ['speech at a rate that is not offered', 'v1/speak?sample_rate=22050', {}, 400],
    ['a bad key', `v1/listen?${PCM}`, { authorization: 'Token bad' }, 401],
    ['a bad key by subprotocol', `v1/listen?${PCM}`, { 'sec-websocket-protocol': 'token, bad' }, 401],
    ['a fault that asks for it', `v1/listen?${PCM}&faults=connect_429`, {}, 429],
    ['a misspelt fault', `v1/listen?${PCM}&faults=conect`, {}, 400],
    ['a fault that does not exist here', `v1/listen?${PCM}&faults=stall=3`, {}, 400],
  ])('SIM %s is refused with the reason in dg-error', (_, url, headers, status) => {
    const refused = handshake(url, headers);
    expect(refused).toMatchObject({ kind: 'refuse', status });
    if (refused.kind !== 'refuse') throw new Error('it was not refused');
    const body = JSON.parse(refused.body) as { err_msg: string; request_id: string };
    expect(refused.headers).toMatchObject({ 'dg-error': body.err_msg, 'dg-request-id': body.request_id });
  });

  it('SIM the scheme is what is answered, never the key', () => {
    const offered = { 'sec-websocket-protocol': 'token, KEY' };
    expect(drive('v1/listen', PCM, offered).subprotocol).toBe('token');
    expect(listen().subprotocol).toBeNull();
  });
});

describe('SIM Deepgram v1/listen', () => {
  it('SIM interim results grow into a final one, with the audio’s own times', () => {
    const session = listen('&interim_results=true&vad_events=true&utterance_end_ms=1000');
    session.hear(silent(200)).hear(tone(1_500)).hear(silent(600)).pass(1_000);
    expect(session.order()).toEqual(['SpeechStarted', 'Results', 'UtteranceEnd']);
    const results = session.messages('Results');
    const texts = results.map((each) => JSON.stringify(each['channel']).length);
    expect(texts.toSorted((a, b) => a - b)).toEqual(texts);
    expect(results.slice(0, -1).every((each) => each['is_final'] === false)).toBe(true);
    expect(results.at(-1)).toMatchObject({ is_final: true, speech_final: true, start: 0.2 });
  });

  it('SIM Finalize answers from_finalize; CloseStream answers Metadata and closes 1000', () => {
    const session = listen().hear(tone(1_000)).send({ type: 'Finalize' });
    expect(session.messages('Results')).toMatchObject([{ is_final: true, from_finalize: true }]);
    session.send({ type: 'CloseStream' });
    expect(session.messages('Metadata')).toMatchObject([{ duration: 1, channels: 1 }]);
    expect(session.order().slice(-2)).toEqual(['Metadata', 'close 1000']);
  });

  it('SIM an empty binary frame ends the stream, as CloseStream does', () => {
    expect(listen().hear(tone(200)).raw(new ArrayBuffer(0)).order().slice(-2)).toEqual([
      'Metadata',
      'close 1000',
    ]);
  });

  it('SIM 10 s without audio or KeepAlive: NET-0001', () => {
    const session = listen().hear(tone(100)).pass(9_000).send({ type: 'KeepAlive' }).pass(9_999);
    expect(session.order()).not.toContain('close 1011');
    session.pass(1);
    expect(session.outputs.at(-1)).toMatchObject({ code: 1011, reason: expect.stringContaining('NET-0001') });
  });

  it('SIM KeepAlive alone does not begin a stream', () => {
    const session = listen().pass(6_000).send({ type: 'KeepAlive' }).pass(4_000);
    expect(session.order()).toEqual(['close 1011']);
  });

  it('SIM a KeepAlive in a binary frame is audio', () => {
    const frame = new TextEncoder().encode('{"type":"KeepAlive"}  ');
    const session = listen().raw(new Uint8Array(frame).buffer).send({ type: 'CloseStream' });
    expect(session.messages('Metadata')).toMatchObject([{ duration: 0.00069 }]);
  });

  it.each<RawFormat>([
    { encoding: 'linear16', rate: 48_000, channels: 2 },
    { encoding: 'linear32', rate: 8_000, channels: 1 },
    { encoding: 'mulaw', rate: 8_000, channels: 1 },
    { encoding: 'alaw', rate: 16_000, channels: 1 },
  ])('SIM $encoding at $rate Hz is heard', (format) => {
    const query = `encoding=${format.encoding}&sample_rate=${format.rate}&channels=${format.channels}&seed=1`;
    const session = drive('v1/listen', query);
    // One channel of sound, twice as long when it is taken for two.
    session.hear(tone(2_000), format).hear(silent(2_000), format).send({ type: 'CloseStream' });
    expect(session.messages('Results')).toHaveLength(1);
    const [metadata] = session.messages('Metadata');
    expect(Number(metadata?.['duration']) * format.channels).toBeCloseTo(4, 1);
  });

  it('SIM faults of the socket: lost, failed, broken, repeated', () => {
    const speaking = (faults: string) => listen(`&faults=${faults}`).hear(tone(1_000)).hear(silent(500));
    expect(speaking('drop_after=1').order().at(-1)).toBe('drop');
    expect(speaking('close_1011').order().at(-1)).toBe('close 1011');
    expect(speaking('duplicate_event').messages('Results')).toHaveLength(2);
    const broken = speaking('malformed_json').send({ type: 'CloseStream' });
    expect(broken.order()).toContain('unreadable');
  });
});

describe('SIM Deepgram v2/listen', () => {
  const flux = (more = '') => drive('v2/listen', `model=flux-general-en&${PCM}${more}`);

  it('SIM turns from StartOfTurn to EndOfTurn, one window after the other', () => {
    const session = flux('&eager_eot_threshold=0.4');
    session.hear(tone(1_000)).hear(silent(700)).hear(tone(800)).send({ type: 'ForceEndTurn' });
    const events = session.messages('TurnInfo').filter((each) => each['event'] !== 'Update');
    expect(events.map((each) => each['event'])).toEqual([
      'StartOfTurn',
      'EagerEndOfTurn',
      'EndOfTurn',
      'StartOfTurn',
      'EndOfTurn',
    ]);
    expect(events[2]).toMatchObject({ turn_index: 0, trigger: 'model', audio_window_start: 0 });
    expect(events[4]).toMatchObject({
      turn_index: 1,
      trigger: 'manual',
      audio_window_start: events[2]?.['audio_window_end'],
    });
    const sequence = session.messages().map((each) => each['sequence_id']);
    expect(sequence).toEqual(sequence.map((_, index) => index));
  });

  it('SIM Configure is answered; KeepAlive is not known here', () => {
    const session = flux().send({ type: 'Configure', thresholds: { eot_threshold: 0.8 } });
    expect(session.messages('ConfigureSuccess')).toMatchObject([
      { thresholds: { eot_threshold: 0.8, eot_timeout_ms: 5000 } },
    ]);
    expect(session.send({ type: 'KeepAlive' }).order().slice(-2)).toEqual(['Error', 'close 1008']);
    expect(flux().pass(10_000).order().slice(-2)).toEqual(['Error', 'close 1011']);
  });
});

describe('SIM Deepgram v1/speak', () => {
  const speak = (more = '') => drive('v1/speak', `model=aura-2-thalia-en&seed=1${more}`);

  it('SIM Metadata first, then audio of each Flush, then Flushed', () => {
    const session = speak()
      .send({ type: 'Speak', text: 'Hello ' })
      .send({ type: 'Speak', text: 'there.' })
      .pass(5_000);
    expect(session.order()).toEqual(['Metadata']);
    session.send({ type: 'Flush' }).pass(10_000);
    expect(session.order()).toEqual(['Metadata', 'audio', 'Flushed']);
    // 24 kHz, 16 bits: two words are some hundred ms of it.
    expect(session.audioBytes).toBeGreaterThan(20_000);
    expect(session.audioBytes % 2).toBe(0);
  });

  it('SIM the same in G.711, and at another rate', () => {
    const bytes = (more: string) =>
      speak(more).send({ type: 'Speak', text: 'Hello.' }).send({ type: 'Flush' }).pass(10_000).audioBytes;
    const whole = bytes('');
    expect(bytes('&encoding=mulaw')).toBeCloseTo(whole / 6, -2);
    expect(bytes('&sample_rate=48000')).toBeCloseTo(whole * 2, -2);
  });

  it('SIM Clear stops; Close speaks the rest, and closes 1000', () => {
    const session = speak().send({ type: 'Speak', text: 'A long text that goes on and on.' });
    session.send({ type: 'Flush' }).pass(300).send({ type: 'Clear' });
    const before = session.audioBytes;
    expect(before).toBeGreaterThan(0);
    session.pass(10_000);
    expect([session.audioBytes, session.order().at(-1)]).toEqual([before, 'Cleared']);
    session.send({ type: 'Speak', text: 'Bye.' }).send({ type: 'Close' }).pass(10_000);
    expect(session.order().slice(-3)).toEqual(['audio', 'Flushed', 'close 1000']);
  });

  it('SIM more than 20 Flush in a minute, binary frames and nonsense are refused', () => {
    const session = speak();
    for (let count = 0; count < 21; count += 1) session.send({ type: 'Flush' });
    expect(session.messages('Warning')).toHaveLength(1);
    expect(speak().raw(new ArrayBuffer(2)).outputs.at(-1)).toMatchObject({ code: 1003 });
    expect(speak().raw('{').outputs.at(-1)).toMatchObject({ code: 1003 });
    expect(speak().send({ type: 'Speak' }).outputs.at(-1)).toMatchObject({ code: 1008 });
    const long = speak().send({ type: 'Speak', text: 'x'.repeat(2_001) });
    expect(long.outputs.at(-1)).toMatchObject({ code: 1009 });
  });

  it('SIM the same seed and input give the same bytes', () => {
    const run = () =>
      speak().send({ type: 'Speak', text: 'Hi.' }).send({ type: 'Flush' }).pass(5_000).outputs;
    expect(run()).toEqual(run());
  });
});

describe('SIM Deepgram v2/speak', () => {
  it('SIM each speech is reported, and the session at its end', () => {
    const session = drive('v2/speak', 'model=flux-tts&seed=1&sample_rate=44100');
    session.send({ type: 'Speak', text: 'Hello.' }).send({ type: 'Flush' }).pass(10_000);
    session
      .send({ type: 'Speak', text: 'A text that is cut off somewhere.' })
      .send({ type: 'Flush' })
      .pass(400);
    session.send({ type: 'Interrupt' }).send({ type: 'Close' });
    expect(session.order()).toEqual([
      'Connected',
      'SpeechStarted',
      'audio',
      'Flushed',
      'SpeechMetadata',
      'SpeechStarted',
      'audio',
      'SpeechInterrupted',
      'SessionMetadata',
      'close 1000',
    ]);
    expect(session.messages('SpeechMetadata')).toMatchObject([{ billable_character_count: 6 }]);
    expect(session.messages('SessionMetadata')).toMatchObject([{ total_billable_character_count: 39 }]);
  });

  it('SIM a Flush without text is warned of', () => {
    const session = drive('v2/speak', 'model=flux-tts&seed=1').send({ type: 'Flush' });
    expect(session.messages('Warning')).toMatchObject([{ code: 'NO_ACTIVE_SPEECH' }]);
  });
});

describe('SIM Deepgram’s voice agent', () => {
  const settings = {
    type: 'Settings',
    audio: { input: { encoding: 'linear16', sample_rate: 16_000 } },
    agent: {
      greeting: 'Hello there.',
      think: { prompt: 'Be brief.', functions: [{ name: 'get_weather', parameters: { properties: {} } }] },
    },
  };
  const agent = () => drive('v1/agent/converse', 'seed=1');

  it('SIM Welcome, settings, greeting, then a spoken turn', () => {
    const session = agent().send(settings).pass(5_000);
    session.hear(tone(1_500)).hear(silent(700)).pass(30_000);
    expect(session.order().slice(0, 12)).toEqual([
      'Welcome',
      'SettingsApplied',
      'AgentStartedSpeaking',
      'ConversationText',
      'audio',
      'AgentAudioDone',
      'UserStartedSpeaking',
      'ConversationText',
      'AgentStartedSpeaking',
      'ConversationText',
      'audio',
      'AgentAudioDone',
    ]);
  });

  it('SIM a voice interrupts the answer', () => {
    const session = agent().send(settings).pass(100);
    expect(session.order().at(-1)).toBe('audio');
    session.hear(tone(300));
    const before = session.audioBytes;
    session.pass(3_000);
    expect(session.order()).toContain('UserStartedSpeaking');
    expect([session.audioBytes, session.messages('AgentAudioDone')]).toEqual([before, []]);
  });

  it('SIM a function that the user names is called, and its result spoken', () => {
    const session = agent().send({ ...settings, agent: { ...settings.agent, greeting: '' } });
    session.send({ type: 'InjectUserMessage', content: 'What is the weather?' });
    const [request] = session.messages('FunctionCallRequest');
    const call = asArray(request?.['functions'])?.[0];
    expect(call).toMatchObject({ name: 'get_weather', client_side: true });
    const id = member(call, 'id') ?? '';
    session.send({ type: 'FunctionCallResponse', id, name: 'get_weather', content: 'sunny' });
    session.pass(5_000);
    expect(session.messages('ConversationText').at(-1)?.['content']).toContain('sunny');
  });

  it('SIM anything before the settings, a second Settings, and silence are errors', () => {
    const codes = (session: SocketDrive) => session.messages('Error').map((each) => each['code']);
    expect(codes(agent().send({ type: 'InjectUserMessage', content: 'Hi' }))).toEqual([
      'SETTINGS_NOT_APPLIED',
    ]);
    expect(codes(agent().send(settings).send(settings))).toEqual(['INVALID_SETTINGS']);
    const silentOne = agent().pass(10_000);
    expect(codes(silentOne)).toEqual(['CLIENT_MESSAGE_TIMEOUT']);
    expect(silentOne.order().at(-1)).toBe('close 1011');
    expect(agent().send(settings).send({ type: 'UpdatePrompt', prompt: 'x' }).order()).toContain(
      'PromptUpdated',
    );
  });
});

describe('SIM Workers AI', () => {
  const model = (name: string, query = PCM) =>
    new SocketDrive(workersAiSimulator, `https://api/client/v4/accounts/a/ai/run/${name}?${query}`);

  it('SIM each model speaks the wire of its Deepgram socket', () => {
    expect(model('@cf/deepgram/flux').order()).toEqual(['Connected']);
    expect(model('%40cf/deepgram/aura-1', 'seed=1').order()).toEqual(['Metadata']);
    const nova = model('@cf/deepgram/nova-3').hear(tone(1_000), PCM_16K).send({ type: 'CloseStream' });
    expect(nova.order()).toEqual(['Results', 'Metadata', 'close 1000']);
  });
});

describe('SIM any socket', () => {
  const sockets = [
    () => listen('&interim_results=true'),
    () => drive('v2/listen', `model=flux-general-en&${PCM}`),
    () => drive('v1/speak', 'seed=1'),
    () => drive('v2/speak', 'seed=1'),
    () => drive('v1/agent/converse', 'seed=1').send({ type: 'Settings', agent: { greeting: 'Hi.' } }),
    () => new SocketDrive(assemblyaiSimulator, 'https://host/v3/ws?seed=1'),
  ];
  const known =
    'Speak Flush Clear Close Interrupt Configure Settings Finalize KeepAlive InjectUserMessage FunctionCallResponse UpdatePrompt ForceEndTurn ForceEndpoint';
  const type = fc.constantFrom(...known.split(' '), '__proto__');
  const frame = fc.oneof(
    fc.string(),
    fc
      .record({ type, text: fc.jsonValue(), agent: fc.jsonValue(), content: fc.jsonValue() })
      .map((each) => JSON.stringify(each)),
    fc.uint8Array({ maxLength: 4_000 }).map((bytes) => new Uint8Array(bytes).buffer),
  );

  it('SIM takes any frames without failing, and says nothing after its end', () => {
    fc.assert(
      fc.property(fc.constantFrom(...sockets), fc.array(frame, { maxLength: 12 }), (make, frames) => {
        const socket = make();
        for (const each of frames) socket.raw(each).pass(200);
        const end = socket.outputs.findIndex(({ kind }) => kind !== 'send');
        expect(end === -1 || end === socket.outputs.length - 1).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
