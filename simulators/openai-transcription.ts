/** Transcription of a user's audio: it arrives by itself, while the answer goes on. */
import { asArray, asObject, type JsonValue } from '../protocol/json.ts';
import { wordDeltas } from './answers.ts';
import type { Agenda } from './agenda.ts';
import type { Amounts } from './ledger.ts';
import { audioMs, type Item } from './openai-items.ts';
import { transcriptionCharge, transcriptionUsage } from './openai-usage.ts';
import type { OpenAiWire } from './openai-wire.ts';

const FIRST_AFTER_MS = 600;
const WORD_MS = 80;

export interface Transcription {
  readonly item: Item;
  readonly model: string;
  readonly wire: OpenAiWire;
  readonly agenda: Agenda;
  /** False once the item was deleted: then nothing more is said of it. */
  readonly present: () => boolean;
  readonly at: number;
  readonly speed: number;
  /** Called when the transcript is told, with what it costs. */
  readonly charge: (amounts: Partial<Amounts>) => void;
}

/** The simulator cannot hear words: the transcript is the line that the scripted caller had for this turn. */
export function scheduleTranscription({
  item,
  model,
  wire,
  agenda,
  present,
  at,
  speed,
  charge,
}: Transcription): void {
  const ms = audioMs(item.audio);
  const ids = { item_id: item.id, content_index: 0 };
  const transcript = item.words;
  const deltas = wordDeltas(transcript);
  let when = at + FIRST_AFTER_MS / speed;
  for (const delta of deltas) {
    agenda.add(when, () => {
      if (!present()) return;
      const fields = { ...ids, delta, obfuscation: wire.obfuscation() };
      wire.event('conversation.item.input_audio_transcription.delta', fields);
    });
    when += WORD_MS / speed;
  }
  agenda.add(when, () => {
    if (!present()) return;
    const amounts = transcriptionCharge(model, ms, transcript);
    charge(amounts);
    const usage = transcriptionUsage(amounts);
    wire.event('conversation.item.input_audio_transcription.completed', { ...ids, transcript, usage });
    const content = (asArray(item.wire['content']) ?? []).map((part): JsonValue => ({
      ...asObject(part),
      transcript,
    }));
    item.wire = { ...item.wire, content };
  });
}
