import { describe, expect, it } from 'vitest';
import { asObject, asText, type JsonObject } from '../../../protocol/json.ts';
import { decodeBase64 } from '../../../simulators/base64.ts';
import { Drive } from '../../support/drive-elevenlabs.ts';

const STREAM = 'v1/text-to-speech/v1/stream-input?model_id=eleven_flash_v2_5&output_format=pcm_16000&seed=1';
const MULTI = STREAM.replace('stream-input', 'multi-stream-input');
const BOS = { text: ' ' };

const isFinal = (event: JsonObject) => event['isFinal'] === true;
const textOf = (events: readonly JsonObject[]) =>
  events.flatMap((event) => (asObject(event['alignment'])?.['chars'] as string[] | undefined) ?? []).join('');
const bytesOf = (events: readonly JsonObject[]) =>
  events.reduce((sum, { audio }) => sum + (decodeBase64(asText(audio) ?? '')?.length ?? 0), 0);

describe('simulated stream-input', () => {
  it('SIM speaks what it was sent, audibly, with an alignment that is the text, then closes with 1000', () => {
    const drive = new Drive(STREAM);
    drive.send(BOS, { text: 'Hello there, ' }, { text: 'how are you? ' }, { text: '' }).until(isFinal);
    const events = drive.events();
    expect(textOf(events)).toBe('Hello there, how are you? ');
    expect(bytesOf(events)).toBeGreaterThan(16_000);
    const loudest = Math.max(
      ...events.flatMap(({ audio }) => [...(decodeBase64(asText(audio) ?? '') ?? [])]),
    );
    expect(loudest).toBeGreaterThan(50);
    expect(events.at(-1)).toEqual({ audio: null, isFinal: true, normalizedAlignment: null, alignment: null });
    expect(drive.closed).toEqual({ kind: 'close', code: 1000, reason: '' });
  });

  it('SIM the same seed and input give the same bytes', () => {
    const once = () => new Drive(STREAM).send(BOS, { text: 'Hello. ' }, { text: '' }).until(isFinal).outputs;
    expect(once()).toEqual(once());
  });

  it('SIM gathers text by its schedule, until a flush, or never in auto mode', () => {
    const gathers = new Drive(STREAM).send(BOS, { text: 'Short. ' }).pass(5000);
    expect(gathers.events()).toEqual([]);
    expect(textOf(gathers.send({ text: 'More. ', flush: true }).pass(5000).events())).toBe('Short. More. ');
    const long = 'All of these words are more than fifty characters long. ';
    const early = { ...BOS, generation_config: { chunk_length_schedule: [50] } };
    expect(new Drive(STREAM).send(early, { text: long }).pass(2000).events()).not.toEqual([]);
    const triggered = { text: long, try_trigger_generation: true };
    expect(new Drive(STREAM).send(BOS, triggered).pass(2000).events()).not.toEqual([]);
    expect(new Drive(`${STREAM}&auto_mode=true`).send(BOS, { text: 'Hi. ' }).pass(2000).events()).not.toEqual(
      [],
    );
  });

  it.each([
    ['pcm_8000', 16],
    ['pcm_44100', 88.2],
    ['ulaw_8000', 8],
    ['alaw_8000', 8],
    ['mp3_44100_128', 16],
    ['mp3_22050_32', 4],
  ])('SIM %s has %d bytes for each millisecond', (format, rate) => {
    const length = (name: string) =>
      bytesOf(
        new Drive(STREAM.replace('pcm_16000', name))
          .send(BOS, { text: 'Hello to all of you. ' }, { text: '' })
          .until(isFinal)
          .events(),
      );
    const ms = length('pcm_16000') / 32;
    expect(length(format) / ms / rate).toBeGreaterThan(0.95);
    // A compressed piece is filled up to its last frame.
    expect(length(format) / ms / rate).toBeLessThan(format.startsWith('mp3') ? 1.2 : 1.05);
  });

  const wrong: readonly (readonly [string, readonly object[], string])[] = [
    ['an end without a beginning', [{ text: '' }], 'invalid_input_message'],
    ['a beginning with a text', [{ text: 'Hello ' }], 'invalid_input_message'],
    ['a message without a text', [BOS, { txt: 'Hello ' }], 'invalid_input_message'],
    ['a text that is none', [{ text: 5 }], 'invalid_input_message'],
    [
      'a schedule out of range',
      [{ ...BOS, generation_config: { chunk_length_schedule: [20] } }],
      'invalid_input_message',
    ],
    ['a speed out of range', [{ ...BOS, voice_settings: { speed: 2 } }], 'invalid_input_message'],
    ['a bad key', [{ ...BOS, 'xi-api-key': 'bad' }], 'invalid_api_key'],
  ];
  it.each(wrong)('SIM %s is an error in JSON, then 1008', (_name, messages, error) => {
    const drive = new Drive(STREAM);
    for (const message of messages) drive.raw(JSON.stringify(message));
    expect(drive.events()).toMatchObject([{ error, code: 1008 }]);
    expect(drive.closed).toMatchObject({ code: 1008 });
  });

  it('SIM frames that are no JSON objects, voices and models that are not there', () => {
    for (const frame of ['{', '[]', new ArrayBuffer(2)])
      expect(new Drive(STREAM).raw(frame).closed).toMatchObject({ code: 1008 });
    const voice = new Drive(STREAM.replace('/v1/stream', '/missing/stream')).send(BOS);
    expect(voice.events()).toMatchObject([{ error: 'voice_id_does_not_exist' }]);
    const model = new Drive(STREAM.replace('eleven_flash_v2_5', 'eleven_v3')).send(BOS);
    expect(model.events()).toMatchObject([{ error: 'unsupported_model' }]);
  });

  it('SIM 20 s without a text is an error and 1008; a space keeps it alive', () => {
    const idle = new Drive(STREAM).send(BOS).pass(19_999);
    expect(idle.closed).toBeNull();
    idle.send({ text: ' ' }).pass(19_999);
    expect(idle.closed).toBeNull();
    idle.pass(1);
    expect(idle.events()).toMatchObject([{ error: 'input_timeout_exceeded', code: 1008 }]);
    expect(idle.closed).toMatchObject({ code: 1008 });
    expect(new Drive(`${STREAM}&inactivity_timeout=60`).send(BOS).pass(59_999).closed).toBeNull();
  });
});

describe('simulated multi-stream-input', () => {
  const a = { context_id: 'a' };
  const b = { context_id: 'b' };

  it('SIM contexts are spoken beside each other, each with its name and its end', () => {
    const drive = new Drive(MULTI).send(
      { ...BOS, ...a },
      { ...BOS, ...b },
      { text: 'One two three four five. ', ...a, flush: true },
      { text: 'Six seven eight nine ten. ', ...b, flush: true },
      { close_socket: true },
    );
    drive.pass(20_000);
    const named = (id: string) => drive.events().filter(({ contextId }) => contextId === id);
    expect(textOf(named('a'))).toBe('One two three four five. ');
    expect(textOf(named('b'))).toBe('Six seven eight nine ten. ');
    const order = drive.events().map(({ contextId }) => contextId);
    expect(order.indexOf('b')).toBeLessThan(order.lastIndexOf('a'));
    expect(drive.events().filter(isFinal)).toHaveLength(2);
    expect(drive.closed).toMatchObject({ code: 1000 });
  });

  it('SIM a closed context ends, the socket stays, and its name can be used again', () => {
    const drive = new Drive(MULTI).send(
      { ...BOS, ...a },
      { text: 'Hi. ', ...a },
      { ...a, close_context: true },
    );
    drive.until(isFinal);
    expect(drive.send({ ...a, close_context: true }).closed).toBeNull();
    drive.send({ text: 'Again. ', ...a, flush: true }).pass(5000);
    expect(textOf(drive.events())).toBe('Hi. Again. ');
  });

  it('SIM the sixth context is an error and 1008, and so is a keepalive before its context', () => {
    const drive = new Drive(MULTI);
    for (const id of ['1', '2', '3', '4', '5']) drive.send({ ...BOS, context_id: id });
    expect(drive.closed).toBeNull();
    drive.send({ ...BOS, context_id: '6' });
    expect(drive.events()).toMatchObject([{ error: 'max_active_conversations', code: 1008 }]);
    expect(new Drive(MULTI).send({ text: '', ...a }).closed).toMatchObject({ code: 1008 });
  });

  it('SIM an empty text is no end here: it keeps a context', () => {
    const drive = new Drive(MULTI).send({ ...BOS, ...a }, { ...BOS, ...b });
    drive
      .pass(15_000)
      .send({ text: '', ...a })
      .pass(6000);
    expect(drive.events().filter(isFinal)).toMatchObject([{ contextId: 'b' }]);
    expect(drive.closed).toBeNull();
  });
});
