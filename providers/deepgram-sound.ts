/** Where the sound is on Deepgram's sockets: in their binary frames. */
import { asCount, asObject, asText, type JsonObject, member, parseJson } from '../protocol/json.ts';
import { type Coding, rawSound, type SoundEvent, type SoundFormat } from '../protocol/sound.ts';
import type { SoundReader, SoundReading, Target } from './adapter.ts';
import type { Wire } from './deepgram-state.ts';

type DeepgramSound = {
  readonly wire: Wire;
  /** Null: no sound goes that way, or nothing was told of it yet. */
  readonly up: SoundFormat | null;
  readonly down: SoundFormat | null;
  /** Utterances so far. */
  readonly spoken: number;
};

const CODINGS: Readonly<Record<string, Coding>> = {
  linear16: 's16le',
  linear32: 's32le',
  mulaw: 'mulaw',
  alaw: 'alaw',
};
const LINEAR = 'linear16';
const LINEAR_RATE = 24_000;
const G711_RATE = 8_000;

export function deepgramSound(wireOf: (target: Target) => Wire): SoundReader<DeepgramSound> {
  return {
    begin: (target) => {
      const wire = wireOf(target);
      const value = (name: string) => target.query.find(([each]) => each === name)?.[1];
      switch (wire) {
        case 'listen':
        case 'flux': {
          const channels = wire === 'listen' ? Number(value('channels') ?? 1) : 1;
          const format = rawSound(CODINGS, value('encoding'), Number(value('sample_rate')), channels);
          return { wire, up: format, down: null, spoken: 0 };
        }
        case 'speak':
        case 'speech': {
          const rate = value('sample_rate');
          const format = spoken(
            value('encoding'),
            rate === undefined ? null : Number(rate),
            value('container'),
          );
          return { wire, up: null, down: format, spoken: 0 };
        }
        case 'agent':
          return { wire, up: null, down: null, spoken: 0 };
      }
    },
    read: (state, from, payload) => {
      if (typeof payload !== 'string') return { state, events: piece(state, from, payload) };
      const message = asObject(parseJson(payload));
      if (message === undefined) return { state, events: [] };
      return from === 'client' ? readClient(state, message) : readServer(state, message);
    },
  };
}

/** Speech has defaults where listening has none. */
function spoken(encoding: string = LINEAR, rate: number | null, container = 'none'): SoundFormat {
  const format = rawSound(CODINGS, encoding, rate ?? (encoding === LINEAR ? LINEAR_RATE : G711_RATE));
  if (format.coding === null || container === 'none') return format;
  return container === 'wav'
    ? { ...format, wavHeads: true }
    : { coding: null, name: `${encoding} in ${container}` };
}

function piece(
  state: DeepgramSound,
  from: 'client' | 'upstream',
  payload: ArrayBuffer,
): readonly SoundEvent[] {
  const format = from === 'client' ? state.up : state.down;
  if (format === null || payload.byteLength === 0) return [];
  const speaker = from === 'client' ? 'user' : 'model';
  const utterance = from === 'client' ? '' : `${state.spoken}`;
  return [{ kind: 'piece', speaker, utterance, format, data: new Uint8Array(payload) }];
}

function readClient(state: DeepgramSound, message: JsonObject): SoundReading<DeepgramSound> {
  switch (message['type']) {
    case 'Settings':
      if (state.wire !== 'agent') return { state, events: [] };
      return {
        state: { ...state, up: agentFormat(message, 'input'), down: agentFormat(message, 'output') },
        events: [],
      };
    case 'Clear':
      return { state, events: [{ kind: 'cut' }] };
    default:
      return { state, events: [] };
  }
}

/** Both directions default to 24 kHz PCM. */
function agentFormat(settings: JsonObject, direction: 'input' | 'output'): SoundFormat {
  const audio = member(settings['audio'], direction);
  return spoken(
    asText(member(audio, 'encoding')),
    asCount(member(audio, 'sample_rate')) ?? null,
    asText(member(audio, 'container')),
  );
}

function readServer(state: DeepgramSound, message: JsonObject): SoundReading<DeepgramSound> {
  switch (message['type']) {
    // An agent that was interrupted speaks again only after what the user said.
    case 'ConversationText':
      return {
        state: message['role'] === 'user' ? { ...state, spoken: state.spoken + 1 } : state,
        events: [],
      };
    // What comes after one of these is another utterance than what came before.
    case 'AgentStartedSpeaking':
    case 'AgentAudioDone':
    case 'SpeechStarted':
    case 'Flushed':
    case 'Cleared':
      return { state: { ...state, spoken: state.spoken + 1 }, events: [] };
    case 'UserStartedSpeaking':
    case 'SpeechInterrupted':
      return { state, events: [{ kind: 'cut' }] };
    default:
      return { state, events: [] };
  }
}
