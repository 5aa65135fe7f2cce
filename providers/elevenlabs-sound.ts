/** Where the sound is on ElevenLabs' sockets. */
import { asCount, asObject, asText, type JsonObject, member, parseJson } from '../protocol/json.ts';
import { type Coding, rawSound, type SoundEvent, type SoundFormat } from '../protocol/sound.ts';
import type { SoundReader, SoundReading, Target } from './adapter.ts';
import { queryValue, wireOf } from './elevenlabs-wires.ts';

type ElevenLabsSound =
  | { readonly wire: 'speech'; readonly format: string }
  | { readonly wire: 'transcription'; readonly format: string }
  | {
      readonly wire: 'agent';
      readonly input: string;
      readonly output: string;
      /** Audio up to this event was interrupted. */
      readonly interrupted: number;
    };
type Agent = Extract<ElevenLabsSound, { wire: 'agent' }>;

const CODINGS: Readonly<Record<string, Coding>> = { pcm: 's16le', ulaw: 'mulaw', alaw: 'alaw' };
const SPEECH_DEFAULT = 'mp3_44100_128';
const HEARD_DEFAULT = 'pcm_16000';
const NAME_CHARACTERS = 64;

export const elevenlabsSound: SoundReader<ElevenLabsSound> = {
  begin: (request) => {
    switch (wireOf(request) ?? 'agent') {
      case 'agent':
        return { wire: 'agent', input: HEARD_DEFAULT, output: HEARD_DEFAULT, interrupted: 0 };
      case 'transcription':
        return { wire: 'transcription', format: asked(request, 'audio_format') ?? HEARD_DEFAULT };
      default:
        return { wire: 'speech', format: asked(request, 'output_format') ?? SPEECH_DEFAULT };
    }
  },
  read: (state, from, payload) => {
    const event = typeof payload === 'string' ? asObject(parseJson(payload)) : undefined;
    if (event === undefined) return { state, events: [] };
    switch (state.wire) {
      case 'agent':
        return from === 'client'
          ? { state, events: heard(state.input, asText(event['user_audio_chunk'])) }
          : readAgent(state, event);
      case 'transcription':
        return {
          state,
          events: from === 'client' ? heard(state.format, asText(event['audio_base_64'])) : [],
        };
      case 'speech':
        return { state, events: from === 'client' ? [] : readSpeech(state.format, event) };
    }
  },
};

/** It is kept with the record, and a client may write anything. */
function asked({ query }: Target, name: string): string | undefined {
  return queryValue(query, name)?.slice(0, NAME_CHARACTERS);
}

/** Such as `pcm_16000` or `ulaw_8000`; others are compressed. */
function formatOf(name: string): SoundFormat {
  const match = /^(pcm|ulaw|alaw)_(\d{4,6})$/.exec(name);
  return match === null
    ? { coding: null, name: name.slice(0, NAME_CHARACTERS) }
    : rawSound(CODINGS, match[1], Number(match[2]));
}

function heard(format: string, data: string | undefined): readonly SoundEvent[] {
  if (data === undefined || data === '') return [];
  return [{ kind: 'piece', speaker: 'user', utterance: '', format: formatOf(format), data }];
}

function readAgent(state: Agent, event: JsonObject): SoundReading<ElevenLabsSound> {
  switch (event['type']) {
    case 'conversation_initiation_metadata': {
      const metadata = event['conversation_initiation_metadata_event'];
      const nameOf = (key: string, otherwise: string) =>
        asText(member(metadata, key))?.slice(0, NAME_CHARACTERS) ?? otherwise;
      const input = nameOf('user_input_audio_format', state.input);
      return {
        state: { ...state, input, output: nameOf('agent_output_audio_format', state.output) },
        events: [],
      };
    }
    case 'audio': {
      const data = asText(member(event['audio_event'], 'audio_base_64')) ?? '';
      const id = asCount(member(event['audio_event'], 'event_id'));
      if (data === '' || (id !== undefined && id <= state.interrupted)) return { state, events: [] };
      const format = formatOf(state.output);
      return { state, events: [{ kind: 'piece', speaker: 'model', utterance: `${id ?? ''}`, format, data }] };
    }
    case 'interruption': {
      const id = asCount(member(event['interruption_event'], 'event_id')) ?? 0;
      return { state: { ...state, interrupted: Math.max(id, state.interrupted) }, events: [{ kind: 'cut' }] };
    }
    default:
      return { state, events: [] };
  }
}

/** Contexts of one socket are spoken by the ids that their client gave them. */
function readSpeech(format: string, event: JsonObject): readonly SoundEvent[] {
  const line = (asText(event['contextId']) ?? asText(event['context_id']) ?? '').slice(
    0,
    NAME_CHARACTERS * 2,
  );
  const data = asText(event['audio']) ?? '';
  const isOver = event['isFinal'] === true || event['is_final'] === true;
  return [
    ...(data === ''
      ? []
      : [
          { kind: 'piece', speaker: 'model', line, utterance: line, format: formatOf(format), data } as const,
        ]),
    ...(isOver ? [{ kind: 'end', line } as const] : []),
  ];
}
