/** Where the sound is in Gemini Live's messages. */
import { asArray, asObject, asText, type JsonObject, type JsonValue, member } from '../protocol/json.ts';
import { rawSound, type SoundEvent, type SoundFormat } from '../protocol/sound.ts';
import type { SoundReader } from './adapter.ts';
import { field, INPUT_RATE, messageOf, mimeParameter, OUTPUT_RATE } from './gemini-wire.ts';

/** A turn that was interrupted is over, whatever of it is still on the way. */
type GeminiSound = { readonly turn: number };

export const geminiSound: SoundReader<GeminiSound> = {
  begin: () => ({ turn: 1 }),
  read: (state, from, payload) => {
    const message = messageOf(payload);
    if (message === undefined) return { state, events: [] };
    if (from === 'client') return { state, events: heard(message) };
    const content = message['serverContent'];
    const events = said(content, `turn_${state.turn}`);
    const isOver = member(content, 'turnComplete') === true;
    return { state: isOver ? { turn: state.turn + 1 } : state, events };
  },
};

function heard(message: JsonObject): readonly SoundEvent[] {
  const input = field(message, 'realtimeInput');
  // Of the older form Google uses the first chunk only.
  const blobs = [field(input, 'audio'), asArray(field(input, 'mediaChunks'))?.[0]];
  return blobs.flatMap((blob) => piece('user', blob, INPUT_RATE, ''));
}

function said(content: JsonValue | undefined, utterance: string): readonly SoundEvent[] {
  if (asObject(content) === undefined) return [];
  const parts = asArray(member(member(content, 'modelTurn'), 'parts')) ?? [];
  const music = asArray(member(content, 'audioChunks')) ?? [];
  const cut: readonly SoundEvent[] = member(content, 'interrupted') === true ? [{ kind: 'cut' }] : [];
  return [
    ...parts.flatMap((part) => piece('model', member(part, 'inlineData'), OUTPUT_RATE, utterance)),
    ...music.flatMap((chunk) => piece('model', chunk, null, utterance)),
    ...cut,
  ];
}

function piece(
  speaker: 'user' | 'model',
  blob: JsonValue | undefined,
  defaultRate: number | null,
  utterance: string,
): readonly SoundEvent[] {
  const data = asText(field(blob, 'data')) ?? '';
  const mimeType = asText(field(blob, 'mimeType')) ?? 'audio/pcm';
  if (data === '' || !mimeType.startsWith('audio/')) return [];
  return [{ kind: 'piece', speaker, utterance, format: formatOf(mimeType, defaultRate), data }];
}

function formatOf(mimeType: string, defaultRate: number | null): SoundFormat {
  const name = mimeType.split(';')[0] ?? '';
  const rate = mimeParameter(mimeType, 'rate') ?? defaultRate;
  return rawSound(
    { 'audio/pcm': 's16le', 'audio/l16': 's16le' },
    name.toLowerCase(),
    rate,
    mimeParameter(mimeType, 'channels') ?? 1,
  );
}
