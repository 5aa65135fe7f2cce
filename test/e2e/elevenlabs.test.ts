/** ElevenLabs' official SDKs, and clients by hand, pointed at Parley with its simulator behind it. */
import {
  AudioFormat as WebAudioFormat,
  Conversation as WebConversation,
  RealtimeEvents as WebEvents,
  Scribe,
} from '@elevenlabs/client';
import { AudioFormat, ElevenLabsClient, RealtimeEvents } from '@elevenlabs/elevenlabs-js';
import { ElevenLabsClient as ApiClient } from '@elevenlabs/elevenlabs-js/Client';
import { AudioInterface } from '@elevenlabs/elevenlabs-js/api/resources/conversationalAi/conversation/AudioInterface';
import { ClientTools } from '@elevenlabs/elevenlabs-js/api/resources/conversationalAi/conversation/ClientTools';
import { Conversation } from '@elevenlabs/elevenlabs-js/api/resources/conversationalAi/conversation/Conversation';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { eventsOf, untilEnded } from '../support/rest.ts';
import { tone } from '../support/drive-simulator.ts';

let parley: ParleyProcess;

beforeAll(async () => {
  parley = await startParley({
    env: { ELEVENLABS_BASE_URL: 'simulator', ELEVENLABS_API_KEY: 'sk_stored_key' },
  });
});
afterAll(async () => {
  await parley.stop();
});

const base = (gateway: string, of: 'http' | 'ws' = 'ws') => `${parley[of]}/v1/acct/${gateway}/elevenlabs`;

/** 16 kHz samples in base64, in pieces of 250 ms. */
function speech(ms: number): readonly string[] {
  const samples = tone(ms).filter((_, index) => index % 3 !== 2);
  return Array.from({ length: ms / 250 }, (_, index) =>
    Buffer.from(samples.slice(index * 4000, (index + 1) * 4000).buffer).toString('base64'),
  );
}

describe('P2 @elevenlabs/elevenlabs-js', () => {
  it('P2 realtime transcription works with the gateway’s token as the API key', async () => {
    const client = new ElevenLabsClient({ apiKey: parley.token, baseUrl: base('scribe', 'http') });
    const connection = await client.speechToText.realtime.connect({
      modelId: 'scribe_v2_realtime',
      audioFormat: AudioFormat.PCM_16000,
      sampleRate: 16_000,
      includeTimestamps: true,
    });
    const partial: string[] = [];
    const text = await new Promise<string>((resolve, reject) => {
      connection.on(RealtimeEvents.ERROR, reject);
      connection.on(RealtimeEvents.PARTIAL_TRANSCRIPT, (data) => partial.push(data.text));
      connection.on(RealtimeEvents.SESSION_STARTED, () => {
        for (const audioBase64 of speech(3000)) connection.send({ audioBase64 });
        connection.commit();
      });
      connection.on(RealtimeEvents.COMMITTED_TRANSCRIPT_WITH_TIMESTAMPS, (data) => resolve(data.text));
    });
    connection.close();
    expect(partial.length).toBeGreaterThan(1);
    const session = await untilEnded(parley, 'acct/scribe');
    expect(session).toMatchObject({
      provider: 'elevenlabs',
      model: 'scribe_v2_realtime',
      ended_reason: 'client_closed',
      simulated: true,
      audio: { in_ms: 3000 },
      usage: { response: { reports: 1, seconds: 3 } },
      turns: [{ outcome: 'completed', output: 'text' }],
    });
    const frames = await eventsOf(parley, 'acct/scribe', session.id);
    expect(frames.some((frame) => frame.text?.includes(`"committed_transcript","text":"${text}"`))).toBe(
      true,
    );
  });

  it('P2 a conversation that needs authorization finds its way here by the signed URL', async () => {
    class Speaker extends AudioInterface {
      bytes = 0;
      interruptions = 0;
      override start(): void {}
      override stop(): void {}
      override output(audio: Buffer): void {
        this.bytes += audio.length;
      }
      override interrupt(): void {
        this.interruptions += 1;
      }
    }
    const speaker = new Speaker();
    const clientTools = new ClientTools();
    clientTools.register(
      'get_order_status',
      ({ order_number }) => `order ${String(order_number)} is on its way`,
    );
    const answers: string[] = [];
    const corrections: string[] = [];
    let heard = (_answer: string): void => undefined;
    const untilAnswer = (about: string) =>
      new Promise<string>((resolve) => {
        heard = (answer) => (answer.includes(about) ? resolve(answer) : undefined);
      });
    const conversation = new Conversation({
      client: new ApiClient({ apiKey: parley.token, baseUrl: base('signed', 'http') }),
      agentId: 'agent_private',
      requiresAuth: true,
      audioInterface: speaker,
      clientTools,
      callbackAgentResponse: (answer) => {
        answers.push(answer);
        heard(answer);
      },
      callbackAgentResponseCorrection: (_original, corrected) => corrections.push(corrected),
    });
    const greeted = untilAnswer('Hello');
    const ended = new Promise<void>((resolve) => conversation.on('session_ended', () => resolve()));
    await conversation.startSession();
    await greeted;
    const toldStatus = untilAnswer('is on its way');
    conversation.sendUserMessage('What is the order status of 4417?');
    expect(await toldStatus).toContain('order 4417');
    expect(conversation.getConversationId()).toMatch(/^conv_/);
    conversation.endSession();
    await ended;
    expect(speaker.bytes).toBeGreaterThan(1000);
    expect([speaker.interruptions, corrections.length]).toEqual([1, 1]);
    const session = await untilEnded(parley, 'acct/signed');
    expect(session).toMatchObject({
      model: 'agent_private',
      key_source: 'client',
      tool_calls: 1,
      interruptions: 1,
      turns: [{ outcome: 'interrupted', output: 'audio' }, { outcome: 'completed' }],
    });
    expect(session.audio.out_ms).toBeGreaterThan(100);
    const [first] = (await eventsOf(parley, 'acct/signed', session.id)).filter(
      ({ direction }) => direction === 'down',
    );
    expect(first).toMatchObject({ opcode: 'text' });
    expect(first?.text).toContain('conversation_initiation_metadata');
  });
});

describe('P2 @elevenlabs/client', () => {
  it('P2 a conversation by its origin, with the gateway’s token as its authorization', async () => {
    const messages: string[] = [];
    let answered = (): void => undefined;
    const answer = new Promise<void>((resolve) => {
      answered = resolve;
    });
    const conversation = await WebConversation.startSession({
      agentId: 'agent_1',
      connectionType: 'websocket',
      textOnly: true,
      origin: base('client'),
      authorization: parley.token,
      overrides: { conversation: { textOnly: true }, agent: { firstMessage: '' } },
      onMessage: ({ message, source }) => {
        messages.push(`${source}: ${message}`);
        if (source === 'ai') answered();
      },
    });
    conversation.sendUserMessage('Good morning');
    await answer;
    await conversation.endSession();
    expect(messages.join('\n')).toContain('You said: Good morning');
    expect(await untilEnded(parley, 'acct/client')).toMatchObject({
      ended_reason: 'client_closed',
      close_code: 1000,
      close_reason: 'User ended conversation',
      turns: [{ outcome: 'completed', output: 'text' }],
    });
  });

  it('P2 transcription by its base URI, with the gateway’s token as its token', async () => {
    const connection = Scribe.connect({
      baseUri: base('scribe-web'),
      token: parley.token,
      modelId: 'scribe_v2_realtime',
      audioFormat: WebAudioFormat.PCM_16000,
      sampleRate: 16_000,
    });
    const text = await new Promise<string>((resolve, reject) => {
      connection.on(WebEvents.ERROR, (error) => reject(new Error(JSON.stringify(error))));
      connection.on(WebEvents.SESSION_STARTED, () => {
        for (const audioBase64 of speech(2000)) connection.send({ audioBase64 });
        connection.commit();
      });
      connection.on(WebEvents.COMMITTED_TRANSCRIPT, (data) => resolve(data.text));
    });
    connection.close();
    expect(text).toBe('Hello, I am calling about an order that.');
    const session = await untilEnded(parley, 'acct/scribe-web');
    expect(session.usage.response.seconds).toBe(2);
  });
});

/** Events until `isLast`, or until the socket is closed. */
function listen(
  socket: WebSocket,
  isLast: (event: Record<string, unknown>) => boolean,
): Promise<Record<string, unknown>[]> {
  const events: Record<string, unknown>[] = [];
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', () => resolve(events));
    socket.on('message', (data: Buffer) => {
      const event = JSON.parse(data.toString()) as Record<string, unknown>;
      events.push(event);
      if (isLast(event)) resolve(events);
    });
  });
}

describe('P2 clients by hand', () => {
  it('P2 the example of Cloudflare AI Gateway’s documentation works as it stands', async () => {
    const offer = ['xi-api-key.clients-own-key', `cf-aig-authorization.${parley.token}`];
    const socket = new WebSocket(`${base('seed')}?agent_id=agent_1`, offer);
    socket.on('open', () =>
      socket.send(
        JSON.stringify({
          text: 'This is a sample text ',
          voice_settings: { stability: 0.8, similarity_boost: 0.8 },
          generation_config: { chunk_length_schedule: [120, 160, 250, 290] },
        }),
      ),
    );
    const events = await listen(socket, ({ type }) => type === 'audio');
    expect(events[0]).toMatchObject({ type: 'conversation_initiation_metadata' });
    expect(socket.protocol).toBe(offer[1]);
    socket.close(1000);
    expect(await untilEnded(parley, 'acct/seed')).toMatchObject({ key_source: 'client', close_code: 1000 });
  });

  it('P2 P8 text-to-speech by the short form: characters, audio, one turn, and the provider’s close', async () => {
    const socket = new WebSocket(
      `${base('tts')}?voice_id=v1&model_id=eleven_flash_v2_5&output_format=pcm_16000`,
      { headers: { 'xi-api-key': parley.token } },
    );
    socket.on('open', () => {
      for (const text of [' ', 'Hello there, ', 'how are you? ', ' ', ''])
        socket.send(JSON.stringify({ text }));
    });
    const closed = new Promise<number>((resolve) => socket.on('close', resolve));
    const events = await listen(socket, () => false);
    expect(await closed).toBe(1000);
    expect(events.at(-1)).toMatchObject({ audio: null, isFinal: true });
    const bytes = events.reduce(
      (sum, { audio }) => sum + Buffer.from(typeof audio === 'string' ? audio : '', 'base64').length,
      0,
    );
    expect(await untilEnded(parley, 'acct/tts')).toMatchObject({
      model: 'eleven_flash_v2_5',
      ended_reason: 'upstream_closed',
      close_code: 1000,
      usage: { response: { characters: 26 } },
      audio: { out_ms: bytes / 32 },
      turns: [{ response_id: 'stream', outcome: 'completed', output: 'audio' }],
    });
  });

  it('P2 P8 several contexts: a turn each, and a sixth is the provider’s error and close', async () => {
    const url = `${base('multi')}/v1/text-to-speech/v1/multi-stream-input?output_format=mp3_44100_128`;
    const headers = { 'cf-aig-authorization': parley.token };
    const socket = new WebSocket(url, { headers });
    socket.on('open', () => {
      for (const id of ['a', 'b']) {
        socket.send(JSON.stringify({ text: ' ', context_id: id }));
        socket.send(JSON.stringify({ text: `This is ${id}. `, context_id: id }));
      }
      socket.send(JSON.stringify({ close_socket: true }));
    });
    await listen(socket, () => false);
    const session = await untilEnded(parley, 'acct/multi');
    expect(session.turns.map(({ response_id }) => response_id).toSorted()).toEqual(['a', 'b']);
    expect(session).toMatchObject({ usage: { response: { characters: 22 } }, audio: { out_ms: null } });

    const sixth = new WebSocket(url.replace('/multi/', '/sixth/'), { headers });
    sixth.on('open', () => {
      for (const id of '123456') sixth.send(JSON.stringify({ text: ' ', context_id: id }));
    });
    const closed = new Promise<number>((resolve) => sixth.on('close', resolve));
    expect(await listen(sixth, () => false)).toMatchObject([{ error: 'max_active_conversations' }]);
    expect(await closed).toBe(1008);
    expect(await untilEnded(parley, 'acct/sixth')).toMatchObject({ errors: 1, close_code: 1008 });
  });

  it('P2 an agent whose name begins with sim- is played without any setting', async () => {
    const other = await startParley();
    const socket = new WebSocket(`${other.ws}/v1/acct/gw/elevenlabs?agent_id=sim-agent`, {
      headers: { authorization: `Bearer ${other.token}` },
    });
    await listen(socket, ({ type }) => type === 'agent_response');
    socket.close(1000);
    expect(await untilEnded(other, 'acct/gw')).toMatchObject({ simulated: true, model: 'sim-agent' });
    await other.stop();
  });

  it('P7 who joins a conversation late gets its metadata first, as the first did', async () => {
    const url = `${base('shared')}?agent_id=agent_1&parley-session=conversation-1`;
    const headers = { authorization: `Bearer ${parley.token}` };
    const first = new WebSocket(url, 'convai', { headers });
    const [metadata] = await listen(first, ({ type }) => type === 'conversation_initiation_metadata');
    const late = new WebSocket(url, 'convai', { headers });
    late.on('open', () => late.send('{"type":"conversation_initiation_client_data"}'));
    expect((await listen(late, () => true))[0]).toEqual(metadata);
    expect(late.protocol).toBe('convai');
    const both = [first, late].map((socket) => new Promise((resolve) => socket.on('close', resolve)));
    await fetch(`${parley.http}/v1/acct/shared/sessions/conversation-1/end`, {
      method: 'POST',
      headers: { authorization: `Bearer ${parley.token}` },
    });
    await Promise.all(both);
  });
});
