/** What is remembered of a Deepgram session: one shape for each of its five sockets. */
import { asCount, asText, type JsonObject, type JsonValue, member } from '../protocol/json.ts';
import type { ConnectRequest } from './adapter.ts';
import type { Greeted } from './kept-greeting.ts';

/** Which of Deepgram's sockets: `listen` and `flux` are v1 and v2 of its speech to text, `speak` and `speech` of its text to speech. */
export type Wire = 'listen' | 'flux' | 'speak' | 'speech' | 'agent';

type Common = Greeted & {
  readonly model: string | null;
  /** Openings of an upstream socket: each counts its turns from 0, and is billed by itself. */
  readonly socket: number;
};

export type ListenState = Common & {
  readonly wire: 'listen';
  readonly bytesPerMs: number | null;
  readonly channels: number;
  /** End of the last result: how much was heard of audio that cannot be measured by its bytes. */
  readonly heardSeconds: number;
  /** Channels on which words were heard that are not final. */
  readonly speaking: readonly number[];
  readonly closing: boolean;
  readonly billed: boolean;
};

export type FluxState = Common & {
  readonly wire: 'flux';
  readonly bytesPerMs: number | null;
  /** Of this socket, by the turns that ended. */
  readonly billedSeconds: number;
  readonly isTurnOpen: boolean;
  readonly closing: boolean;
};

/** Speeches are numbered from 1: text up to a Flush is one. ended <= flushed <= begun. */
export type SpeakState = Common & {
  readonly wire: 'speak';
  readonly bytesPerMs: number | null;
  /** Not yet in a bill. */
  readonly characters: number;
  readonly begun: number;
  readonly flushed: number;
  readonly ended: number;
  /** The speech whose audio is coming. */
  readonly sounding: number;
};

export type SpeechState = Common & {
  readonly wire: 'speech';
  readonly bytesPerMs: number | null;
  readonly characters: number;
  readonly asked: boolean;
  readonly flushing: boolean;
  readonly open: string | null;
  readonly sounding: boolean;
};

export type AgentState = Common & {
  readonly wire: 'agent';
  readonly inBytesPerMs: number | null;
  readonly outBytesPerMs: number | null;
  /** As the client sent them, with later changes; null before, and when they are too long to be kept. */
  readonly settings: JsonObject | null;
  /** The end of the conversation, in the shape of `agent.context.messages`. */
  readonly messages: readonly JsonValue[];
  readonly turn: number;
  /** The user has begun to speak, and what they said is still to come. */
  readonly hearing: boolean;
  readonly open: boolean;
  readonly sounding: boolean;
  readonly restoring: boolean;
};

export type DeepgramState = ListenState | FluxState | SpeakState | SpeechState | AgentState;

export function beginState(wire: Wire, request: ConnectRequest, model: string | null): DeepgramState {
  const value = (name: string) => request.query.find(([each]) => each === name)?.[1];
  const common = { model, socket: 0 };
  switch (wire) {
    case 'listen': {
      const channels = wholeFrom1(value('channels')) ?? 1;
      const bytesPerMs = bytesPerMsOf(value('encoding'), wholeFrom1(value('sample_rate')), channels);
      const heard = { heardSeconds: 0, speaking: [], closing: false, billed: false };
      return { ...common, wire, bytesPerMs, channels, ...heard };
    }
    case 'flux': {
      const bytesPerMs = bytesPerMsOf(value('encoding'), wholeFrom1(value('sample_rate')), 1);
      return { ...common, wire, bytesPerMs, billedSeconds: 0, isTurnOpen: false, closing: false };
    }
    case 'speak': {
      const bytesPerMs = spokenBytesPerMs(
        value('encoding'),
        wholeFrom1(value('sample_rate')),
        value('container'),
      );
      return { ...common, wire, bytesPerMs, characters: 0, begun: 0, flushed: 0, ended: 0, sounding: 0 };
    }
    case 'speech': {
      const bytesPerMs = spokenBytesPerMs(
        value('encoding'),
        wholeFrom1(value('sample_rate')),
        value('container'),
      );
      const quiet = { characters: 0, asked: false, flushing: false, open: null, sounding: false };
      return { ...common, wire, bytesPerMs, ...quiet };
    }
    case 'agent':
      return {
        ...common,
        wire,
        inBytesPerMs: null,
        outBytesPerMs: null,
        settings: null,
        messages: [],
        turn: 0,
        hearing: false,
        open: false,
        sounding: false,
        restoring: false,
      };
  }
}

/** Bytes of one ms of raw audio, all channels; null where the encoding, compressed or in a container, does not tell. */
function bytesPerMsOf(
  encoding: string | undefined,
  sampleRate: number | null,
  channels: number,
): number | null {
  if (sampleRate === null) return null;
  switch (encoding) {
    case 'linear16':
      return (2 * sampleRate * channels) / 1000;
    case 'linear32':
      return (4 * sampleRate * channels) / 1000;
    case 'mulaw':
    case 'alaw':
      return (sampleRate * channels) / 1000;
    default:
      return null;
  }
}

const SPOKEN_ENCODING = 'linear16';
const NO_CONTAINER = 'none';
const LINEAR_RATE = 24_000;
const G711_RATE = 8_000;

/** Text to speech has defaults where speech to text has none. A container's own bytes are no audio. */
function spokenBytesPerMs(
  encoding: string = SPOKEN_ENCODING,
  sampleRate: number | null,
  container: string = NO_CONTAINER,
): number | null {
  if (container !== NO_CONTAINER) return null;
  const fallback = encoding === SPOKEN_ENCODING ? LINEAR_RATE : G711_RATE;
  return bytesPerMsOf(encoding, sampleRate ?? fallback, 1);
}

/** What an agent's `Settings` say of the audio in both directions; both default to 24 kHz PCM. */
export function agentAudio(settings: JsonObject): Pick<AgentState, 'inBytesPerMs' | 'outBytesPerMs'> {
  const of = (direction: string) => {
    const audio = member(settings['audio'], direction);
    return spokenBytesPerMs(
      asText(member(audio, 'encoding')),
      wholeFrom1(asCount(member(audio, 'sample_rate'))),
      asText(member(audio, 'container')),
    );
  };
  return { inBytesPerMs: of('input'), outBytesPerMs: of('output') };
}

function wholeFrom1(value: string | number | undefined): number | null {
  const number = Number(value);
  return Number.isInteger(number) && number >= 1 ? number : null;
}
