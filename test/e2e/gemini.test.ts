/** Google's own SDK, and the documented example for Google AI Studio, pointed at Parley and nothing else changed. */
import { Modality, type LiveConnectConfig } from '@google/genai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import type { SessionShape } from '../../protocol/rest.ts';
import { encodeSamples } from '../../simulators/audio-format.ts';
import { speak, voiceNamed } from '../../simulators/speech.ts';
import { audioBytes, LiveTalk, textOf, tokensOf } from '../support/gemini-live.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { eventsOf, sessionsOf, untilEnded } from '../support/rest.ts';
import { runNode } from '../support/run-node.ts';

let parley: ParleyProcess;

beforeAll(async () => {
  parley = await startParley({
    env: {
      GOOGLE_BASE_URL: 'simulator',
      GOOGLE_API_KEY: 'stored',
      GOOGLE_VERTEX_BASE_URL: 'simulator',
      GOOGLE_VERTEX_API_KEY: 'stored',
    },
  });
});
afterAll(async () => {
  await parley.stop();
});

const TEXT: LiveConnectConfig = { responseModalities: [Modality.TEXT] };
const AUDIO: LiveConnectConfig = {
  responseModalities: [Modality.AUDIO],
  inputAudioTranscription: {},
  outputAudioTranscription: {},
};

/** With the gateway's token in the one place where this SDK has a key. */
const open = (gateway: string, config: LiveConnectConfig, provider = 'google'): Promise<LiveTalk> =>
  LiveTalk.open(
    { apiKey: parley.token, httpOptions: { baseUrl: `${parley.http}/v1/acct/${gateway}/${provider}` } },
    config,
  );

async function closing(talk: LiveTalk, gateway: string): Promise<SessionShape> {
  talk.session.close();
  return untilEnded(parley, `acct/${gateway}`);
}

const sumOf = ({ usage: { response } }: SessionShape): number =>
  response.tokens.input_text +
  response.tokens.input_audio +
  response.tokens.output_text +
  response.tokens.output_audio;

/** 16 kHz, from a voice at 24 kHz: each third sample is left out. */
function spokenPieces(text: string): readonly string[] {
  const samples = [...speak(text, voiceNamed('caller', 1))].flatMap((word) => [...word.samples]);
  const silence = Array.from({ length: 24_000 }, () => 0);
  const at16 = Int16Array.from([...samples, ...silence].filter((_, index) => index % 3 !== 2));
  const bytes = Buffer.from(encodeSamples(at16, 'audio/pcm'));
  return Array.from({ length: Math.ceil(bytes.length / 3_200) }, (_, index) =>
    bytes.subarray(index * 3_200, (index + 1) * 3_200).toString('base64'),
  );
}

describe('P2 @google/genai', () => {
  it('P2 P8 text turns with the client’s own key: every frame recorded as it was, usage summed over the turns', async () => {
    const talk = await LiveTalk.open(
      {
        apiKey: 'AIza-clients-own',
        httpOptions: {
          baseUrl: `${parley.http}/v1/acct/text/google`,
          headers: { 'cf-aig-authorization': `Bearer ${parley.token}` },
        },
      },
      TEXT,
    );
    talk.say('Hello there');
    const first = await talk.turn();
    talk.say('And once more');
    const second = await talk.turn();
    expect(textOf(first)).toContain('You said: Hello there.');
    expect(tokensOf(second)).toBeGreaterThan(tokensOf(first));
    const session = await closing(talk, 'text');
    expect(session).toMatchObject({
      provider: 'google',
      model: 'sim-support',
      key_source: 'client',
      simulated: true,
      ended_reason: 'client_closed',
      turns: [
        { response_id: 'turn_1', outcome: 'completed', output: 'text' },
        { response_id: 'turn_2', outcome: 'completed', output: 'text' },
      ],
      usage: { response: { reports: 2 } },
    });
    expect(session.turns.every(({ first_output_ms: ms }) => ms !== null && ms > 100)).toBe(true);
    expect(sumOf(session)).toBe(tokensOf(talk.messages));
    expect(await sessionsOf(parley, 'acct/text')).toMatchObject([{ model: 'sim-support', turns: 2 }]);
    const frames = await eventsOf(parley, 'acct/text', session.id);
    expect(frames.map(({ direction, opcode }) => `${direction} ${opcode}`).filter(unique)).toEqual([
      'up text',
      'down binary',
    ]);
    const logged = frames.flatMap(({ base64 }) =>
      base64 === undefined ? [] : [JSON.parse(Buffer.from(base64, 'base64').toString()) as unknown],
    );
    expect(logged).toEqual(JSON.parse(JSON.stringify(talk.messages)));
  });

  it('P2 P8 speech, heard and answered, with the gateway’s token as the only key', async () => {
    const talk = await open('speech', AUDIO, 'google-ai-studio');
    for (const data of spokenPieces('Good morning, I have a question about my order.')) {
      talk.session.sendRealtimeInput({ audio: { data, mimeType: 'audio/pcm;rate=16000' } });
    }
    const messages = await talk.turn();
    const heard = messages.map((each) => each.serverContent?.inputTranscription?.text ?? '').join('');
    const said = messages.map((each) => each.serverContent?.outputTranscription?.text ?? '').join('');
    expect(said).toContain(`You said: ${heard.replace(/[.!?]+$/, '')}`);
    const session = await closing(talk, 'speech');
    // When speech ended is not on this wire.
    expect(session).toMatchObject({
      provider: 'google',
      key_source: 'none',
      turns: [{ output: 'audio', first_output_ms: null }],
    });
    expect(sumOf(session)).toBe(tokensOf(talk.messages));
    expect(session.usage.response.tokens.input_audio).toBeGreaterThan(0);
    expect(session.usage.response.tokens.output_audio).toBeGreaterThan(0);
    expect(session.audio.out_ms).toBe(Math.round(audioBytes(messages) / 48));
    expect(session.audio.in_ms).toBeGreaterThan(3_000);
  });

  it('P2 a tool is called, and answered', async () => {
    const functionDeclarations = [
      {
        name: 'get_weather',
        parametersJsonSchema: { type: 'object', properties: { city: { type: 'string' } } },
      },
    ];
    const talk = await open('tool', { ...TEXT, tools: [{ functionDeclarations }] });
    talk.say('What is the weather in Paris');
    const call = (await talk.until((message) => message.toolCall !== undefined)).at(-1)?.toolCall;
    const [asked] = call?.functionCalls ?? [];
    expect(asked).toMatchObject({ name: 'get_weather', args: { city: 'Paris' } });
    const { id = '', name = '' } = asked ?? {};
    talk.session.sendToolResponse({ functionResponses: [{ id, name, response: { sky: 'grey' } }] });
    expect(textOf(await talk.turn())).toContain('sky is grey');
    const session = await closing(talk, 'tool');
    // The call and the answer are a generation each.
    expect(session).toMatchObject({
      tool_calls: 1,
      turns: [{ outcome: 'completed' }],
      usage: { response: { reports: 2 } },
    });
    expect(sumOf(session)).toBe(tokensOf(talk.messages));
  });

  it('P2 an interruption ends the turn, and the next begins', async () => {
    const talk = await open('interruption', AUDIO);
    talk.say('Tell me a long story');
    await talk.until((message) => message.serverContent?.modelTurn !== undefined);
    talk.say('Stop');
    const cut = await talk.turn();
    expect(cut.some(({ serverContent }) => serverContent?.interrupted === true)).toBe(true);
    await talk.turn();
    const session = await closing(talk, 'interruption');
    expect(session.turns.map(({ outcome }) => outcome)).toEqual(['interrupted', 'completed']);
    expect(session.interruptions).toBe(1);
    expect(sumOf(session)).toBe(tokensOf(talk.messages));
  });

  it('P2 an ephemeral token, and the base URL with a slash that doubles', async () => {
    const talk = await LiveTalk.open(
      {
        apiKey: 'auth_tokens/abc123',
        apiVersion: 'v1alpha',
        httpOptions: {
          baseUrl: `${parley.http}/v1/acct/ephemeral/google/`,
          headers: { 'cf-aig-authorization': parley.token },
        },
      },
      TEXT,
    );
    talk.say('Hi');
    await talk.turn();
    expect(await closing(talk, 'ephemeral')).toMatchObject({
      key_source: 'client',
      turns: [{ outcome: 'completed' }],
    });
  });

  it('P2 its browser build, which can send a key and nothing else', async () => {
    const script = `
      import { GoogleGenAI } from '@google/genai/web';
      const ai = new GoogleGenAI({ apiKey: '${parley.token}', httpOptions: { baseUrl: '${parley.https}/v1/acct/web/google' } });
      const session = await ai.live.connect({
        model: 'sim-support',
        config: { responseModalities: ['TEXT'] },
        callbacks: {
          onmessage: ({ serverContent }) => {
            if (serverContent?.turnComplete) { console.log('turn complete'); session.close(); }
          },
          onerror: (event) => { console.log('error', event.message); process.exit(1); },
          onclose: () => process.exit(0),
        },
      });
      session.sendClientContent({ turns: 'hi', turnComplete: true });`;
    expect(await runNode(script, { NODE_EXTRA_CA_CERTS: parley.certFile })).toContain('turn complete');
    expect(await untilEnded(parley, 'acct/web')).toMatchObject({
      status: 'ended',
      turns: [{ output: 'text' }],
    });
  });

  it('P1 Google’s refusal reaches the client as Google sends it: a close with its reason', async () => {
    const talk = await LiveTalk.open(
      {
        apiKey: 'a-bad-key',
        httpOptions: {
          baseUrl: `${parley.http}/v1/acct/bad-key/google`,
          headers: { 'cf-aig-authorization': parley.token },
        },
      },
      TEXT,
    );
    const reason = 'API key not valid. Please pass a valid API key.';
    expect(talk.closed).toEqual({ code: 1007, reason });
    expect(await untilEnded(parley, 'acct/bad-key')).toMatchObject({
      ended_reason: 'upstream_closed',
      close_code: 1007,
      close_reason: reason,
    });
  });
});

describe('P2 @google/genai on Vertex', () => {
  it.each([
    [
      'express mode',
      (base: string) => ({ vertexai: true, apiKey: parley.token, httpOptions: { baseUrl: base } }),
    ],
    [
      'its own OAuth token, on the short form',
      (base: string) => ({
        vertexai: true,
        httpOptions: {
          baseUrl: base,
          headers: { authorization: 'Bearer ya29.own', 'cf-aig-authorization': `Bearer ${parley.token}` },
        },
      }),
    ],
  ])('P2 P8 %s', async (name, options) => {
    const gateway = name.replace(/\W+/g, '-');
    const talk = await LiveTalk.open(
      options(`${parley.http}/v1/acct/${gateway}/google-vertex-ai`),
      TEXT,
      'projects/p/locations/global/publishers/google/models/sim-support',
    );
    talk.say('Hello');
    await talk.turn();
    const session = await closing(talk, gateway);
    expect(session).toMatchObject({ provider: 'google-vertex-ai', turns: [{ outcome: 'completed' }] });
    expect(session.usage.response).toMatchObject({ reports: 1, tokens: { output_audio: 0 } });
    expect(session.usage.response.tokens.output_text).toBeGreaterThan(0);
  });
});

describe('P2 a plain client', () => {
  it('P2 the example of Cloudflare AI Gateway’s documentation works', async () => {
    const socket = new globalThis.WebSocket(`${parley.ws}/v1/acct/seed/google?api_key=AIza-clients-own`, [
      `cf-aig-authorization.${parley.token}`,
    ]);
    const kinds: string[] = [];
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener('open', () => {
        expect(socket.protocol).toBe(`cf-aig-authorization.${parley.token}`);
        socket.send(
          JSON.stringify({
            setup: {
              model: 'models/gemini-2.5-flash-live',
              generationConfig: { responseModalities: ['TEXT'] },
            },
          }),
        );
      });
      socket.addEventListener('message', ({ data }) => {
        kinds.push(data instanceof Blob ? 'blob' : typeof data);
        if (kinds.length > 1) {
          resolve();
          return;
        }
        const turns = [{ role: 'user', parts: [{ text: 'hello world' }] }];
        socket.send(JSON.stringify({ clientContent: { turns, turnComplete: true } }));
      });
      socket.addEventListener('close', ({ code, reason }) => reject(new Error(`closed: ${code} ${reason}`)));
    });
    socket.close(1000);
    expect(kinds).toEqual(['blob', 'blob']);
    expect(await untilEnded(parley, 'acct/seed')).toMatchObject({ provider: 'google', key_source: 'client' });
  });

  it('P7 who joins a session sends a setup as always, and Google gets one only', async () => {
    const connect = (): WebSocket =>
      new WebSocket(`${parley.ws}/v1/acct/joined/google?key=${parley.token}&parley-session=shared`);
    const setup = JSON.stringify({
      setup: { model: 'models/sim-support', generationConfig: { responseModalities: ['TEXT'] } },
    });
    const greeted = async (socket: WebSocket): Promise<{ text: string; binary: boolean }> => {
      await new Promise((resolve) => socket.once('open', resolve));
      const answer = new Promise<{ text: string; binary: boolean }>((resolve, reject) => {
        // With the default binaryType every message is one Buffer.
        socket.once('message', (data, binary) => resolve({ text: (data as Buffer).toString(), binary }));
        socket.once('close', (code, reason) => reject(new Error(`${code} ${reason.toString()}`)));
      });
      socket.send(setup);
      return answer;
    };
    const first = connect();
    const answers = [await greeted(first)];
    const second = connect();
    answers.push(await greeted(second));
    expect(answers.map(({ text, binary }) => [JSON.parse(text), binary])).toEqual([
      [{ setupComplete: {} }, true],
      [{ setupComplete: {} }, true],
    ]);
    const heard = new Promise((resolve) => second.once('message', resolve));
    first.send(
      JSON.stringify({ clientContent: { turns: [{ parts: [{ text: 'Hi' }] }], turnComplete: true } }),
    );
    await heard;
    const frames = await eventsOf(parley, 'acct/joined', 'shared');
    expect(frames.filter(({ text }) => text === setup)).toHaveLength(1);
    first.close();
    second.close();
  });

  it('P8 who leaves in the middle of an answer is billed for it all the same', async () => {
    const talk = await open('left', TEXT);
    talk.say('Tell me');
    await talk.until((message) => message.serverContent?.modelTurn !== undefined);
    const session = await closing(talk, 'left');
    expect(session).toMatchObject({ ended_reason: 'client_closed', turns: [{ outcome: 'completed' }] });
    expect(session.usage.response.reports).toBe(1);
  });

  it('P2 a browser that is refused gets a close with its reason, and no frame: Google has none for errors', async () => {
    const socket = new globalThis.WebSocket(`${parley.ws}/v1/acct/refused/google`, [
      'cf-aig-authorization.wrong',
    ]);
    let messages = 0;
    socket.addEventListener('message', () => (messages += 1));
    const close = await new Promise<CloseEvent>((resolve) => socket.addEventListener('close', resolve));
    expect(close.code).toBe(4401);
    expect(close.reason).toContain('token');
    expect(messages).toBe(0);
  });

  it('P9 no key, and no token, is anywhere in the log', async () => {
    const talk = await open('secrets', TEXT);
    talk.say('Hi');
    await talk.turn();
    const session = await closing(talk, 'secrets');
    const everything = JSON.stringify([session, await eventsOf(parley, 'acct/secrets', session.id)]);
    expect(everything).not.toContain(parley.token);
    expect(parley.output()).not.toContain('AIza-clients-own');
  });
});

function unique(value: string, index: number, all: readonly string[]): boolean {
  return all.indexOf(value) === index;
}
