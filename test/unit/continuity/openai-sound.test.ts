/** What the user said comes back as sound, where it is kept so; bounded, and by its words where it is not. */
import { describe, expect, it } from 'vitest';
import {
  asArray,
  asObject,
  asText,
  type JsonObject,
  type JsonValue,
  member,
} from '../../../protocol/json.ts';
import { openai, openaiRealtime } from '../../../providers/openai.ts';
import type { OpenAIState } from '../../../providers/openai-state.ts';
import { xai } from '../../../providers/xai.ts';
import { LIMITS } from '../../../session/limits.ts';
import { encodeBase64 } from '../../../simulators/base64.ts';
import { openaiSimulator } from '../../../simulators/openai.ts';
import { silent, tone } from '../../support/drive-simulator.ts';
import { encodeRaw } from '../../../simulators/raw-audio.ts';
import { pcm } from '../usage/sounds.ts';
import { Conversation, type Service } from './conversation-drive.ts';

const REQUEST = {
  path: '',
  query: [
    ['model', 'gpt-realtime'],
    ['seed', '1'],
  ] as const,
  baseUrl: 'https://api.openai.example/v1',
};

const service = (restoredAudioBytes: number): Service => ({
  adapter: openai,
  service: () => openaiSimulator,
  request: restoredAudioBytes === 0 ? REQUEST : { ...REQUEST, restoredAudioBytes },
});

const PIECE_MS = 20;
const sound = (ms: number): readonly JsonObject[] => heard(encodeRaw(tone(ms), pcm(24_000)));
/** In pieces that base64 must pad. */
const unevenly = (ms: number): readonly JsonObject[] =>
  heard(encodeRaw(tone(ms), pcm(24_000)), 48 * PIECE_MS + 2);
const quiet = (ms: number): readonly JsonObject[] => heard(encodeRaw(silent(ms), pcm(24_000)));

/** As a microphone sends it. A provider tells where speech is in whole ms, so what it hears comes in such pieces. */
function heard(bytes: Uint8Array, size = 48 * PIECE_MS): readonly JsonObject[] {
  const count = Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, n) => ({
    type: 'input_audio_buffer.append',
    audio: encodeBase64(bytes.subarray(n * size, (n + 1) * size)),
  }));
}

const configured = (input: JsonObject): JsonObject => ({
  type: 'session.update',
  session: { type: 'realtime', audio: { input } },
});
const BY_HAND = configured({ turn_detection: null });
const BY_EAR = configured({
  turn_detection: { type: 'server_vad', create_response: false },
  transcription: { model: 'whisper-1' },
});
const commit = { type: 'input_audio_buffer.commit' };

const itemsOf = (talk: Conversation): readonly JsonValue[] => asArray(member(talk.context, 'items')) ?? [];
const audioOf = (item: JsonValue | undefined): readonly string[] =>
  (asArray(member(item, 'content')) ?? []).flatMap((part) => asText(member(part, 'audio')) ?? []);

describe('P5 the user’s sound on a new socket', () => {
  it.each([
    ['committed by the client', BY_HAND, [...unevenly(400), commit]],
    ['of a turn that the provider heard', BY_EAR, [...quiet(700), ...sound(600), ...quiet(1500)]],
    [
      'after a buffer that was cleared, and one too small',
      BY_HAND,
      [...sound(300), { type: 'input_audio_buffer.clear' }, commit, ...unevenly(440), commit],
    ],
    [
      'in an item that the client made',
      BY_HAND,
      [
        {
          type: 'conversation.item.create',
          item: {
            id: 'item_own',
            type: 'message',
            role: 'user',
            content: [
              { type: 'input_text', text: 'Listen:' },
              { type: 'input_audio', audio: encodeBase64(new Uint8Array(9600)) },
            ],
          },
        },
      ],
    ],
  ])('P5 is byte for byte what it was, %s', (_name, configuration, frames) => {
    const talk = new Conversation(service(LIMITS.restoredAudioBytes));
    talk.say(configuration);
    for (const round of [1, 2, 3]) {
      talk.say(...(round === 1 || frames.length > 1 ? frames : []));
      const before = itemsOf(talk);
      expect(audioOf(before.at(-1)).length, 'there is sound').toBe(1);
      const seen = talk.seen.length;
      if (round === 2) talk.rest();
      else talk.lose(1006);
      talk.say({ type: 'input_audio_buffer.clear' });
      expect(JSON.stringify(itemsOf(talk)) === JSON.stringify(before), `round ${round}`).toBe(true);
      expect(
        talk
          .messages()
          .slice(seen)
          .map(({ type }) => type),
      ).toEqual(['input_audio_buffer.cleared']);
    }
  });

  it('P5 is words where the setting is off, and nothing where there are none', () => {
    const talk = new Conversation(service(0));
    talk.say(BY_HAND, ...sound(400), commit);
    talk.lose(1006);
    expect(itemsOf(talk)).toEqual([]);
    talk.say(BY_EAR, ...sound(600), ...quiet(1500));
    expect(audioOf(itemsOf(talk)[0]).length).toBe(1);
    talk.lose(1006);
    expect(asArray(member(itemsOf(talk)[0], 'content'))).toEqual([
      { type: 'input_text', text: expect.any(String) },
    ]);
  });

  it('P10 within its bound the newest are kept; one that is longer is told by its words', () => {
    const ms = 400;
    const one = encodeBase64(new Uint8Array(48 * ms)).length + 64;
    const rounds = (most: number): readonly boolean[] => {
      const talk = new Conversation(service(most));
      talk.say(BY_HAND);
      // Each is words, too: an item without any would be gone.
      const items = [1, 2, 3].map((n) => ({
        type: 'conversation.item.create',
        item: {
          id: `item_${n}`,
          type: 'message',
          role: 'user',
          content: [
            { type: 'input_audio', audio: encodeBase64(new Uint8Array(48 * ms)), transcript: `word ${n}` },
          ],
        },
      }));
      talk.say(...items);
      talk.lose(1006);
      expect(itemsOf(talk).map((item) => member(item, 'id'))).toEqual(['item_1', 'item_2', 'item_3']);
      return itemsOf(talk).map((item) => audioOf(item).length === 1);
    };
    expect(rounds(one - 1)).toEqual([false, false, false]);
    expect(rounds(one)).toEqual([false, false, true]);
    expect(rounds(2 * one)).toEqual([false, true, true]);
    expect(rounds(3 * one)).toEqual([true, true, true]);
  });

  it('P10 what is said for ever, in the smallest of pieces, stays within the bound', () => {
    const most = 10_000;
    let state = openaiRealtime.begin({
      ...REQUEST,
      headers: {},
      subprotocols: [],
      credential: null,
      restoredAudioBytes: most,
    });
    const read = (from: 'client' | 'upstream', event: JsonObject): void => {
      const sender =
        from === 'client' ? ({ side: 'client', client: 'c1' } as const) : ({ side: 'upstream' } as const);
      state = openaiRealtime.read(state, sender, JSON.stringify(event)).state;
    };
    for (let n = 0; n < 20_000; n += 1)
      read('client', { type: 'input_audio_buffer.append', audio: n % 2 === 0 ? 'AAA=' : '' });
    for (let n = 0; n < 500; n += 1)
      read('upstream', { type: 'input_audio_buffer.speech_started', item_id: `i${n}` });
    expect(JSON.stringify(state).length).toBeLessThan(2 * most);
    read('client', BY_HAND);
    for (let n = 0; n < 500; n += 1) read('client', commit);
    expect(state.sound, 'a client whose commits nobody answers').toBeNull();
  });

  it('P5 is let go with its item, and when the input’s format changes', () => {
    const kept = (state: OpenAIState): number => state.sound?.kept.length ?? -1;
    const begun = openaiRealtime.begin({
      ...REQUEST,
      headers: {},
      subprotocols: [],
      credential: null,
      restoredAudioBytes: 100_000,
    });
    const up = (state: OpenAIState, event: JsonObject): OpenAIState =>
      openaiRealtime.read(state, { side: 'client', client: 'c1' }, JSON.stringify(event)).state;
    const down = (state: OpenAIState, event: JsonObject): OpenAIState =>
      openaiRealtime.read(state, { side: 'upstream' }, JSON.stringify(event)).state;
    const session = (type: string): JsonObject => ({
      type: 'session.updated',
      session: { type: 'realtime', audio: { input: { format: { type }, turn_detection: null } } },
    });
    let state = down(begun, session('audio/pcm'));
    for (const event of [...sound(200), commit]) state = up(state, event);
    state = down(state, { type: 'input_audio_buffer.committed', item_id: 'item_1' });
    expect(kept(state)).toBe(1);
    expect(kept(down(state, session('audio/pcm')))).toBe(1);
    expect(kept(down(state, session('audio/pcmu')))).toBe(0);
    expect(kept(down(state, { type: 'conversation.item.deleted', item_id: 'item_1' }))).toBe(0);
  });

  it('P5 costs nothing where it is off, and xAI, which charges for items, is told words', () => {
    const append = JSON.stringify({ type: 'input_audio_buffer.append', audio: 'AAAA' });
    const request = { ...REQUEST, headers: {}, subprotocols: [], credential: null };
    const off = openaiRealtime.begin(request);
    expect(openaiRealtime.skim?.(off, { side: 'client', client: 'c1' }, append)).not.toBeNull();
    expect(asObject(xai.begin({ ...request, restoredAudioBytes: 1000 }).wire)?.['sound']).toBeNull();
  });
});
