/** The services that speak OpenAI's wire in their own way: xAI, and Azure on both of its paths. */
import { describe, expect, it } from 'vitest';
import { azureOpenaiSimulator } from '../../../simulators/azure-openai.ts';
import type { Handshake, Simulator } from '../../../simulators/simulator.ts';
import { xaiSimulator } from '../../../simulators/xai.ts';
import { at, Drive, only, order, silent, START, textOf, tone, types } from '../../support/drive-simulator.ts';

const XAI = 'https://api.x.ai/v1/realtime?model=sim-support&seed=1';
const AZURE = 'https://res.openai.azure.com/openai';
const PREVIEW = `${AZURE}/realtime?api-version=2025-04-01-preview&deployment=sim-support&seed=1`;

const xai = (query = '') => Drive.of(xaiSimulator({ url: XAI + query, headers: {} }, START));
const preview = () => Drive.of(azureOpenaiSimulator({ url: PREVIEW, headers: {} }, START));

function shake(simulator: Simulator, url: string, headers: Record<string, string> = {}): Handshake {
  return simulator({ url, headers }, START);
}

describe('SIM xAI', () => {
  it('SIM the conversation is told before the session, whose settings stand at its top', () => {
    const [conversation, session] = xai().take();
    expect(conversation).toMatchObject({ type: 'conversation.created', conversation: { id: /^conv_/ } });
    expect(session).toMatchObject({
      type: 'session.created',
      session: { voice: 'ara', turn_detection: { type: 'server_vad' }, resumption: { enabled: false } },
    });
    expect(at(session, 'session.audio.input')).not.toHaveProperty('turn_detection');
    expect(at(session, 'session.audio.output')).not.toHaveProperty('voice');
  });

  it('SIM a conversation that is resumed keeps its id', () => {
    expect(at(xai('&conversation_id=conv_before').take()[0], 'conversation.id')).toBe('conv_before');
  });

  it('SIM a text turn: response.text.*, an empty usage, no previous item', () => {
    const drive = xai();
    drive.take();
    const item = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Say hi' }] };
    drive.send({ type: 'conversation.item.create', item });
    drive.send({ type: 'response.create', response: { modalities: ['text'] } });
    const events = drive.until('response.done').take();
    expect(order(events)).toEqual([
      'conversation.item.added',
      'conversation.item.done',
      'response.created',
      'response.output_item.added',
      'conversation.item.added',
      'response.content_part.added',
      'response.text.delta',
      'response.text.done',
      'response.content_part.done',
      'conversation.item.done',
      'response.output_item.done',
      'response.done',
    ]);
    expect(at(only(events, 'response.done'), 'response.usage')).toEqual({});
    expect(
      events.filter((event) => 'previous_item_id' in event).map((event) => event['previous_item_id']),
    ).toEqual([null, null, null, null]);
  });

  it('SIM settings of its own are taken, and shown again', () => {
    const drive = xai();
    drive.take();
    const session = {
      voice: 'rex',
      turn_detection: null,
      resumption: { enabled: true },
      reasoning: { effort: 'none' },
      tools: [{ type: 'web_search' }],
      audio: { input: { transcription: { model: 'grok-transcribe', language_hint: 'en' } } },
    };
    const [updated] = drive.send({ type: 'session.update', session }).take();
    expect(updated).toMatchObject({
      type: 'session.updated',
      session: {
        voice: 'rex',
        turn_detection: null,
        resumption: { enabled: true },
        tools: [{ type: 'web_search' }],
      },
    });
  });

  it.each([
    [{ voice: 7 }, 'session.voice'],
    [{ reasoning: { effort: 'some' } }, 'session.reasoning.effort'],
    [{ voice: 'rex', unheard: 1 }, 'session.unheard'],
  ])('SIM an update with %j is refused whole', (session, param) => {
    const drive = xai();
    drive.take();
    expect(drive.send({ type: 'session.update', session }).take()).toMatchObject([
      { type: 'error', error: { param } },
    ]);
    const [updated] = drive.send({ type: 'session.update', session: { instructions: 'x' } }).take();
    expect(at(updated, 'session.voice')).toBe('ara');
  });

  it('SIM a truncation is not answered, and a deletion names no item', () => {
    const drive = xai();
    const item = {
      id: 'item_1',
      type: 'message',
      role: 'user',
      content: [{ type: 'input_text', text: 'x' }],
    };
    drive.send({ type: 'conversation.item.create', item }).take();
    const truncate = {
      type: 'conversation.item.truncate',
      item_id: 'item_1',
      content_index: 0,
      audio_end_ms: 9,
    };
    expect(drive.send(truncate).take()).toEqual([]);
    expect(drive.send({ type: 'conversation.item.delete', item_id: 'item_1' }).take()).toMatchObject([
      { type: 'conversation.item.deleted', item_id: '' },
    ]);
  });

  it('SIM a transcript comes whole each time, until it is done', () => {
    const drive = xai();
    const transcription = { model: 'grok-transcribe' };
    drive.send({
      type: 'session.update',
      session: { turn_detection: null, audio: { input: { transcription } } },
    });
    drive.speak(tone(4000)).send({ type: 'input_audio_buffer.commit' }).take();
    const events = drive.pass(10_000).take();
    const transcripts = events.filter((event) => textOf(event['type']).endsWith('transcription.completed'));
    const texts = transcripts.map((event) => textOf(event['transcript']));
    expect(texts.length).toBeGreaterThan(2);
    for (const [index, text] of texts.entries()) expect(text.startsWith(texts[index - 1] ?? '')).toBe(true);
    expect(transcripts.map((event) => event['status'])).toEqual([
      ...texts.slice(1).map(() => 'in_progress'),
      undefined,
    ]);
  });

  it('SIM it pings by the clock, and ends after two hours', () => {
    const drive = xai();
    drive.take();
    expect(drive.pass(60_000).take()).toMatchObject([
      { type: 'ping', timestamp: START + 20_000 },
      { type: 'ping', timestamp: START + 40_000 },
      { type: 'ping', timestamp: START + 60_000 },
    ]);
    drive.pass(2 * 3_600_000);
    expect(drive.outputs.at(-1)).toMatchObject({ kind: 'close', code: 1001 });
    expect(drive.due()).toBeNull();
  });

  it('SIM a bad key is refused, wherever it stands; a client secret alone is echoed', () => {
    for (const headers of [
      { authorization: 'Bearer xai-bad' },
      { 'sec-websocket-protocol': 'xai-client-secret.bad' },
    ])
      expect(shake(xaiSimulator, XAI, headers)).toMatchObject({ kind: 'refuse', status: 401 });
    const headers = { 'sec-websocket-protocol': 'xai-client-secret.good' };
    expect(shake(xaiSimulator, XAI, headers)).toMatchObject({
      kind: 'accept',
      subprotocol: 'xai-client-secret.good',
    });
    expect(shake(xaiSimulator, 'https://api.x.ai/v1/realtime')).toMatchObject({ kind: 'accept' });
  });
});

describe('SIM Azure OpenAI', () => {
  it('SIM the GA path is OpenAI’s wire, and takes no version', () => {
    const drive = Drive.of(shake(azureOpenaiSimulator, `${AZURE}/v1/realtime?model=sim-support`));
    expect(drive.take()).toMatchObject([{ type: 'session.created', session: { type: 'realtime' } }]);
    expect(shake(azureOpenaiSimulator, `${AZURE}/v1/realtime?model=m&api-version=x`)).toMatchObject({
      status: 401,
    });
    const missing = Drive.of(shake(azureOpenaiSimulator, `${AZURE}/v1/realtime`));
    expect(missing.outputs.at(-1)).toMatchObject({ kind: 'close', code: 4000 });
  });

  it('SIM a refusal that was asked for has Azure’s shape too', () => {
    const answer = shake(azureOpenaiSimulator, `${PREVIEW}&faults=connect_429`);
    expect(answer).toMatchObject({ kind: 'refuse', status: 429, headers: { 'retry-after': '2' } });
    if (answer.kind === 'refuse')
      expect(JSON.parse(answer.body)).toEqual({ error: { code: '429', message: expect.any(String) } });
  });

  it.each([
    [{ 'api-key': 'bad' }, ''],
    [{ authorization: 'Bearer bad' }, ''],
    [{}, '&api-key=bad'],
  ])('SIM a bad key is a 401 in Azure’s shape: %j %s', (headers, query) => {
    const answer = shake(azureOpenaiSimulator, PREVIEW + query, headers);
    expect(answer).toMatchObject({ kind: 'refuse', status: 401 });
    if (answer.kind === 'refuse') expect(JSON.parse(answer.body)).toMatchObject({ error: { code: '401' } });
  });

  it.each([`${AZURE}/realtime?deployment=x`, `${AZURE}/realtime?api-version=x`, `${AZURE}/v2?api-version=x`])(
    'SIM %s is not found',
    (url) => expect(shake(azureOpenaiSimulator, url)).toMatchObject({ kind: 'refuse', status: 404 }),
  );

  it('SIM the preview has flat sessions, and a text turn in the beta’s events', () => {
    const drive = preview();
    const [created] = drive.take();
    expect(created).toMatchObject({
      type: 'session.created',
      session: {
        modalities: ['text', 'audio'],
        voice: 'alloy',
        input_audio_format: 'pcm16',
        output_audio_format: 'pcm16',
        input_audio_transcription: null,
        turn_detection: { type: 'server_vad' },
        max_response_output_tokens: 'inf',
        temperature: 0.8,
      },
    });
    for (const name of ['type', 'audio', 'output_modalities'])
      expect(at(created, 'session')).not.toHaveProperty(name);
    const item = { type: 'message', role: 'assistant', content: [{ type: 'text', text: 'Hi' }] };
    drive.send({ type: 'conversation.item.create', item });
    drive.send({ type: 'response.create', response: { modalities: ['text'] } });
    const events = drive.until('rate_limits.updated').take();
    expect(order(events)).toEqual([
      'conversation.item.created',
      'response.created',
      'response.output_item.added',
      'conversation.item.created',
      'response.content_part.added',
      'response.text.delta',
      'response.text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.done',
      'rate_limits.updated',
    ]);
    expect(at(events[0], 'item.content.0.type')).toBe('text');
    const done = only(events, 'response.done');
    expect(done).toMatchObject({
      response: { modalities: ['text'], voice: 'alloy', output: [{ content: [{ type: 'text' }] }] },
    });
    expect(at(done, 'response.usage.output_tokens')).toBeGreaterThan(0);
  });

  it('SIM a spoken turn on the preview: response.audio.*, in the format that was asked for', () => {
    const drive = preview();
    drive.send({ type: 'session.update', session: { input_audio_format: 'g711_ulaw', temperature: 1.1 } });
    expect(drive.take().at(-1)).toMatchObject({
      session: { input_audio_format: 'g711_ulaw', temperature: 1.1 },
    });
    drive.speak(tone(800), 'audio/pcmu').speak(silent(800), 'audio/pcmu');
    const seen = types(drive.until('response.done').take());
    for (const type of ['response.audio.delta', 'response.audio_transcript.delta', 'response.audio.done'])
      expect(seen).toContain(type);
    expect(seen.filter((type) => type.includes('output_audio') || type === 'conversation.item.done')).toEqual(
      [],
    );
  });

  it.each([
    [{ type: 'realtime' }, 'unknown_parameter', 'session.type'],
    [{ audio: {} }, 'unknown_parameter', 'session.audio'],
    [{ modalities: ['audio'] }, 'invalid_value', 'session.modalities'],
    [{ input_audio_format: 'mp3' }, 'invalid_value', 'session.input_audio_format'],
    [{ temperature: 2 }, 'decimal_above_max_value', 'session.temperature'],
    [
      { turn_detection: { type: 'server_vad', threshold: 2 } },
      'decimal_above_max_value',
      'session.turn_detection.threshold',
    ],
    [{ unheard: 1 }, 'unknown_parameter', 'session.unheard'],
  ])('SIM the preview refuses %j whole', (session, code, param) => {
    const drive = preview();
    drive.take();
    const [refused] = drive.send({ type: 'session.update', session: { voice: 'echo', ...session } }).take();
    expect(refused).toMatchObject({ type: 'error', error: { code, param } });
    const [updated] = drive.send({ type: 'session.update', session: { instructions: 'x' } }).take();
    expect(updated).toMatchObject({ session: { voice: 'alloy', temperature: 0.8 } });
  });
});
