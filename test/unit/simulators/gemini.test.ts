import { describe, expect, it } from 'vitest';
import { asObject, asText, parseJson, type JsonObject, type JsonValue } from '../../../protocol/json.ts';
import { encodeSamples } from '../../../simulators/audio-format.ts';
import { encodeBase64 } from '../../../simulators/base64.ts';
import { geminiService } from '../../../simulators/gemini.ts';
import type { Simulator, SimulatedSession, SimulatorOutput } from '../../../simulators/simulator.ts';
import { at, bytesOf, silent, tone } from '../../support/drive-simulator.ts';

const START = 1_795_000_000_000;
const HOST = 'https://generativelanguage.googleapis.com';
const METHOD = '/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent';
const VERTEX = '/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent';
const TEXT = { model: 'models/sim-support', generationConfig: { responseModalities: ['TEXT'] } };
const AUDIO = { model: 'models/gemini-3.8-live', generationConfig: { responseModalities: ['AUDIO'] } };

interface Place {
  readonly service?: Simulator;
  readonly query?: string;
  readonly path?: string;
}

/** Drives a session with a clock of its own. */
class Line {
  now = START;
  closed: { code: number; reason: string } | null = null;
  readonly messages: JsonObject[] = [];
  readonly session: SimulatedSession;
  #taken = 0;

  constructor({ service = geminiService(), query = 'seed=1', path = METHOD }: Place = {}) {
    const handshake = service({ url: `${HOST}${path}?${query}`, headers: {} }, this.now);
    if (handshake.kind !== 'accept') throw new Error(`not accepted: ${handshake.kind}`);
    expect(handshake.subprotocol).toBeNull();
    this.session = handshake.session;
    this.#keep(this.session.open(this.now));
  }

  #keep(outputs: readonly SimulatorOutput[]): void {
    for (const output of outputs) {
      if (output.kind === 'close') this.closed = output;
      if (output.kind !== 'send') continue;
      if (typeof output.payload === 'string') throw new Error('a text frame');
      const message = asObject(parseJson(new TextDecoder().decode(output.payload)));
      if (message !== undefined) this.messages.push(message);
    }
  }

  send(message: JsonValue): this {
    this.#keep(this.session.receive(JSON.stringify(message), this.now));
    return this;
  }

  setup(setup: JsonObject): this {
    return this.send({ setup });
  }

  say(text: string, role = 'user'): this {
    return this.send({ clientContent: { turns: [{ role, parts: [{ text }] }], turnComplete: true } });
  }

  pass(ms: number): this {
    const until = this.now + ms;
    for (let due = this.session.due(); due !== null && due <= until; due = this.session.due()) {
      this.now = Math.max(this.now, due);
      this.#keep(this.session.advance(this.now));
    }
    this.now = until;
    return this;
  }

  /** Sends sound in 100 ms pieces, in real time; every third sample of 24 kHz twice is near enough to 16 kHz. */
  speak(samples: Int16Array): this {
    for (let from = 0; from < samples.length; from += 2400) {
      const piece = samples.subarray(from, from + 2400).filter((_, index) => index % 3 !== 2);
      const data = encodeBase64(encodeSamples(piece, 'audio/pcm'));
      this.send({ realtimeInput: { audio: { mimeType: 'audio/pcm;rate=16000', data } } }).pass(100);
    }
    return this;
  }

  take(): readonly JsonObject[] {
    const fresh = this.messages.slice(this.#taken);
    this.#taken = this.messages.length;
    return fresh;
  }
}

/** What each message says, neighbours of one kind made one. */
function order(messages: readonly JsonObject[]): readonly string[] {
  const kinds = messages.flatMap((message) =>
    Object.entries(message).flatMap(([key, body]) =>
      key === 'serverContent' ? Object.keys(asObject(body) ?? {}) : [key],
    ),
  );
  return kinds.filter((kind, index) => kind !== kinds[index - 1]);
}

const textIn = (messages: readonly JsonObject[]): string =>
  messages.map((message) => asText(at(message, 'serverContent.modelTurn.parts.0.text')) ?? '').join('');
const usageIn = (messages: readonly JsonObject[]): readonly JsonObject[] =>
  messages.flatMap((message) => {
    const usage = asObject(message['usageMetadata']);
    return usage === undefined ? [] : [usage];
  });
const refusalOf = (setup: JsonObject, place: Place = {}) => new Line(place).setup(setup).closed;

describe('SIM Gemini, setting up', () => {
  it('SIM a setup comes first, once, and is answered', () => {
    const line = new Line().setup(TEXT);
    expect(line.messages).toEqual([{ setupComplete: {} }]);
    expect(line.setup(TEXT).closed).toMatchObject({
      code: 1007,
      reason: 'Request contains an invalid argument.',
    });
    expect(new Line().say('hi').closed).toMatchObject({ code: 1007 });
    expect(new Line().send({ setup: TEXT, realtimeInput: {} }).closed).toMatchObject({ code: 1007 });
    expect(new Line().send('setup').closed).toMatchObject({
      code: 1007,
      reason: 'Invalid JSON payload received.',
    });
  });

  it('SIM what a setup may not say closes the socket', () => {
    const invalid = { code: 1007, reason: 'Request contains an invalid argument.' };
    const setups: JsonObject[] = [
      { generationConfig: {} },
      { model: 'gemini-3.8-live' },
      { ...AUDIO, generationConfig: { responseModalities: ['TEXT'] } },
      { ...TEXT, generationConfig: { responseModalities: ['AUDIO', 'TEXT'] } },
      { ...TEXT, generationConfig: { responseSchema: {} } },
      { ...TEXT, explicitVadSignal: true },
      { ...TEXT, sessionResumption: { transparent: true } },
      { ...TEXT, sessionResumption: { handle: 'unheard-of' } },
    ];
    for (const setup of setups) expect(refusalOf(setup)).toMatchObject(invalid);
    expect(refusalOf({ ...TEXT, sessionResumption: { handle: null } })).toMatchObject({ code: 1008 });
    expect(refusalOf({ ...TEXT, model: 'models/nope' })).toMatchObject({ code: 1008 });
    expect(refusalOf({ ...TEXT, instructions: 'x' })?.reason).toBe(
      `Invalid JSON payload received. Unknown name "instructions" at 'setup': Cannot find field.`,
    );
    expect(refusalOf(TEXT, { path: VERTEX })).toMatchObject(invalid);
    expect(refusalOf({ ...TEXT, model: 'publishers/google/models/gemini-x' }, { path: VERTEX })).toBeNull();
    expect(
      refusalOf({ model: 'models/sim-x', generation_config: { response_modalities: ['TEXT'] } }),
    ).toBeNull();
  });

  it('SIM a bad key is accepted, and then closed', () => {
    expect(new Line({ query: 'key=a-bad-one' }).closed).toMatchObject({
      code: 1007,
      reason: 'API key not valid. Please pass a valid API key.',
    });
    const constrained = `${METHOD.replace('v1beta', 'v1alpha')}Constrained`;
    expect(new Line({ path: constrained, query: 'access_token=auth_tokens/a' }).closed).toBeNull();
    expect(new Line({ path: constrained, query: 'key=AIza' }).closed).toMatchObject({ code: 1008 });
  });

  it('SIM a refused upgrade has Google’s shape; a misspelt fault is refused', () => {
    const answer = (query: string, path = METHOD) =>
      geminiService()({ url: `${HOST}${path}?${query}`, headers: {} }, START);
    expect(answer('faults=connect_429')).toMatchObject({
      kind: 'refuse',
      status: 429,
      body: expect.stringContaining('"status":"RESOURCE_EXHAUSTED"') as unknown,
    });
    expect(answer('faults=conect_429')).toMatchObject({ kind: 'refuse', status: 400 });
    expect(answer('', '/v1/realtime')).toMatchObject({ kind: 'refuse', status: 404 });
    expect(answer('faults=connect_hang')).toEqual({ kind: 'hang' });
  });
});

describe('SIM Gemini, turns', () => {
  it('SIM a text turn, and a context that is billed again', () => {
    const line = new Line().setup(TEXT).say('Hello there').pass(10_000);
    const first = line.take();
    expect(order(first)).toEqual([
      'setupComplete',
      'modelTurn',
      'generationComplete',
      'turnComplete',
      'usageMetadata',
    ]);
    expect(textIn(first)).toContain('You said: Hello there.');
    const second = line.say('And again').pass(10_000).take();
    const [before, after] = [usageIn(first)[0], usageIn(second)[0]].map((usage) =>
      Number(usage?.['promptTokenCount']),
    );
    expect(after).toBeGreaterThan((before ?? 0) + 10);
    expect(usageIn(second)[0]).toMatchObject({ responseTokensDetails: [{ modality: 'TEXT' }] });
  });

  it('SIM a spoken turn: faster than it plays, and complete when it has been played', () => {
    const line = new Line()
      .setup({ ...AUDIO, outputAudioTranscription: {} })
      .say('Say it')
      .pass(200);
    const started = line.now;
    let completeAt = 0;
    let generatedAt = 0;
    for (let step = 0; completeAt === 0 && step < 3_000; step += 1) {
      line.pass(10);
      if (generatedAt === 0 && order(line.messages).includes('generationComplete')) generatedAt = line.now;
      if (order(line.messages).includes('turnComplete')) completeAt = line.now;
    }
    const sound = line.messages.flatMap((message) => {
      const data = at(message, 'serverContent.modelTurn.parts.0.inlineData.data');
      return data === undefined ? [] : [bytesOf(data).length];
    });
    const ms = sound.reduce((sum, bytes) => sum + bytes / 48, 0);
    expect(ms).toBeGreaterThan(2_000);
    expect(generatedAt - started).toBeLessThan(ms / 3);
    expect(Math.abs(completeAt - started - ms)).toBeLessThan(150);
    const said = line.messages.map(
      (message) => asText(at(message, 'serverContent.outputTranscription.text')) ?? '',
    );
    expect(said.join('')).toContain('You said: Say it.');
    expect(usageIn(line.messages)[0]).toMatchObject({
      responseTokenCount: Math.ceil((ms / 1000) * 25),
      responseTokensDetails: [{ modality: 'AUDIO' }],
    });
  });

  it('SIM speech of any rate is heard, transcribed and answered', () => {
    const line = new Line().setup({ ...AUDIO, inputAudioTranscription: {} });
    line.speak(tone(1_500)).speak(silent(800)).pass(20_000);
    expect(order(line.messages).slice(0, 3)).toEqual(['setupComplete', 'inputTranscription', 'modelTurn']);
    expect(usageIn(line.messages)[0]?.['promptTokensDetails']).toContainEqual(
      expect.objectContaining({ modality: 'AUDIO' }),
    );
  });

  it('SIM audioStreamEnd ends a turn at once; the client’s own activity needs detection switched off', () => {
    const line = new Line()
      .setup(AUDIO)
      .speak(tone(1_000))
      .send({ realtimeInput: { audioStreamEnd: true } });
    expect(order(line.pass(20_000).messages)).toContain('turnComplete');
    expect(new Line().setup(AUDIO).send({ realtimeInput: { activityStart: {} } }).closed).toMatchObject({
      code: 1007,
    });
    const manual = { ...AUDIO, realtimeInputConfig: { automaticActivityDetection: { disabled: true } } };
    const own = new Line()
      .setup(manual)
      .send({ realtimeInput: { activityStart: {} } })
      .speak(tone(800));
    expect(own.pass(5_000).take()).toEqual([{ setupComplete: {} }]);
    expect(
      order(
        own
          .send({ realtimeInput: { activityEnd: {} } })
          .pass(20_000)
          .take(),
      ),
    ).toContain('turnComplete');
    expect(own.send({ realtimeInput: { audioStreamEnd: true } }).closed).toMatchObject({ code: 1007 });
  });

  it('SIM a message during a generation interrupts it', () => {
    const line = new Line().setup(AUDIO).say('Tell me a story').pass(400);
    line.take();
    const cut = line.say('Stop').take();
    expect(order(cut)).toEqual(['interrupted', 'turnComplete', 'usageMetadata']);
    expect(order(line.pass(30_000).take())).toEqual([
      'modelTurn',
      'generationComplete',
      'turnComplete',
      'usageMetadata',
    ]);
    const spoken = new Line().setup(AUDIO).say('Tell me a story').pass(400).speak(tone(500));
    expect(order(spoken.messages)).toContain('interrupted');
    const calm = { ...AUDIO, realtimeInputConfig: { activityHandling: 'NO_INTERRUPTION' } };
    const undisturbed = new Line().setup(calm).say('Tell me a story').pass(400).speak(tone(500)).pass(30_000);
    expect(order(undisturbed.messages)).not.toContain('interrupted');
  });

  it('SIM a tool is called, and its response answered; an unknown id is refused', () => {
    const tools = [
      {
        functionDeclarations: [
          { name: 'get_weather', parameters: { type: 'OBJECT', properties: { city: { type: 'STRING' } } } },
        ],
      },
    ];
    const line = new Line()
      .setup({ ...TEXT, tools })
      .say('What is the weather in Paris')
      .pass(1_000);
    const called = line.take().at(-1);
    expect(called).toMatchObject({
      toolCall: { functionCalls: [{ name: 'get_weather', args: { city: 'Paris' } }] },
    });
    expect(called?.['usageMetadata']).toBeDefined();
    const id = asText(at(called, 'toolCall.functionCalls.0.id')) ?? '';
    const responses = (each: string) => ({
      toolResponse: {
        functionResponses: [{ id: each, name: 'get_weather', response: { sky_colour: 'grey' } }],
      },
    });
    const answer = line.send(responses(id)).pass(10_000).take();
    expect(textIn(answer)).toContain('I have the answer from get_weather: sky_colour is grey.');
    expect(line.send(responses(id)).closed).toMatchObject({ code: 1007 });
    const cancelled = new Line()
      .setup({ ...TEXT, tools })
      .say('The weather?')
      .pass(1_000)
      .say('Never mind');
    expect(order(cancelled.messages)).toContain('toolCallCancellation');
  });

  it('SIM a history is not answered; thoughts are told apart; a context update counts from then on', () => {
    const line = new Line().setup({ ...TEXT, historyConfig: { initialHistoryInClientContent: true } });
    expect(line.say('Earlier').pass(5_000).take()).toEqual([{ setupComplete: {} }]);
    expect(order(line.say('Now').pass(5_000).take())).toContain('turnComplete');
    const update = { contextUpdate: { systemInstruction: { parts: [{ text: 'Say exactly: Changed.' }] } } };
    expect(textIn(line.send(update).say('Again').pass(5_000).take())).toBe('Changed.');
    const thinking = {
      ...TEXT,
      generationConfig: { responseModalities: ['TEXT'], thinkingConfig: { includeThoughts: true } },
    };
    const thought = new Line().setup(thinking).say('Hm').pass(5_000);
    expect(at(thought.messages[1], 'serverContent.modelTurn.parts.0.thought')).toBe(true);
    expect(usageIn(thought.messages)[0]?.['thoughtsTokenCount']).toBeGreaterThan(0);
  });

  it('SIM Vertex counts candidates', () => {
    const setup = { ...TEXT, model: 'projects/p/locations/l/publishers/google/models/sim-support' };
    const usage = usageIn(new Line({ path: VERTEX }).setup(setup).say('Hi').pass(5_000).messages)[0];
    expect(Object.keys(usage ?? {})).toEqual(
      expect.arrayContaining(['candidatesTokenCount', 'candidatesTokensDetails', 'trafficType']),
    );
  });

  it('SIM the same seed and input give the same frames', () => {
    const run = () => new Line().setup(AUDIO).say('Hello').pass(30_000).messages;
    expect(run()).toEqual(run());
  });
});

describe('SIM Gemini, sessions', () => {
  const RESUMABLE = { ...TEXT, sessionResumption: {} };
  const handleIn = (line: Line): string =>
    line.messages
      .map((message) => asText(at(message, 'sessionResumptionUpdate.newHandle')))
      .findLast((each) => each) ?? '';

  it('SIM a handle carries the context to another socket, once the old one is closed', () => {
    const service = geminiService();
    const first = new Line({ service }).setup(RESUMABLE).say('My name is Ada').pass(5_000);
    expect(order(first.messages).slice(0, 2)).toEqual(['setupComplete', 'sessionResumptionUpdate']);
    expect(first.messages[1]).toEqual({ sessionResumptionUpdate: { resumable: false } });
    const setup = { ...TEXT, sessionResumption: { handle: handleIn(first) } };
    expect(refusalOf(setup, { service })).toMatchObject({ code: 1011 });
    first.session.closed(first.now);
    expect(refusalOf({ ...setup, model: 'models/sim-other' }, { service })).toMatchObject({ code: 1007 });
    const second = new Line({ service }).setup(setup).say('Go on').pass(5_000);
    const prompt = (line: Line) => Number(usageIn(line.messages)[0]?.['promptTokenCount']);
    expect(prompt(second)).toBeGreaterThan(prompt(first) + 10);
  });

  it('SIM goAway comes before the end, and the end is a close', () => {
    const line = new Line().setup(TEXT).pass(9 * 60_000 + 10_000);
    expect(line.take().at(-1)).toEqual({ goAway: { timeLeft: '50s' } });
    expect(line.pass(50_000).closed).toMatchObject({
      code: 1011,
      reason: 'Deadline expired before operation could complete.',
    });
    const short = new Line({ query: 'faults=session_expired_after=4' }).setup(TEXT).pass(2_000);
    expect(short.take().at(-1)).toEqual({ goAway: { timeLeft: '2s' } });
  });

  it('SIM faults: quota, a lost connection, a close in the middle, a message twice', () => {
    const closeWith = (fault: string) =>
      new Line({ query: `faults=${fault}` }).setup(TEXT).say('Hi').pass(5_000);
    expect(closeWith('rate_limited').closed).toMatchObject({
      code: 1011,
      reason: expect.stringContaining('quota') as unknown,
    });
    expect(closeWith('close_1011').closed).toMatchObject({ code: 1011, reason: 'Internal error occurred.' });
    const twice = closeWith('duplicate_event').messages;
    expect(twice[1]).toEqual(twice[2]);
    expect(closeWith('drop_after=1').session.due()).toBeNull();
  });
});
