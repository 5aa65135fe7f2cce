/**
 * Other WebSockets of OpenAI's host: translations, GPT-Live (and its side-band and forks), Responses. Each has a vocabulary
 * of its own; what is read is what the types of the `openai` SDK 7.57 state, and the rest is relayed all the same.
 */
import { asCount, asObject, asText, type JsonObject, type JsonValue, member } from '../protocol/json.ts';
import type { AudioObservation, Observation, Speaker } from '../protocol/observations.ts';
import type { Reading, Sender, SocketLife } from './adapter.ts';
import { base64Bytes, bytesPerMs } from './audio-format.ts';
import { errorObservation, unfinished } from './openai-read.ts';
import { NO_RESPONSES, readResponses, type ResponsesState } from './openai-responses.ts';
import { formatRate } from './openai-state.ts';

type Kind = 'translation' | 'live' | 'responses';

export type NeighbourState = {
  readonly neighbour: Kind;
  /** Bytes for each millisecond of audio; null until it is known. */
  readonly rate: number | null;
  /** GPT-Live tells its audio as a sum: so much of it was told already. */
  readonly seconds: number;
  /** GPT-Live: a client asked for the end, and its last usage is still to come. */
  readonly closing: boolean;
  readonly responses: ResponsesState;
};

const PATHS: readonly (readonly [RegExp, Kind])[] = [
  [/^realtime\/translations$/, 'translation'],
  [/^live\/sessions(?:\/[\w-]{1,128}\/(?:attach|fork))?$/, 'live'],
  [/^responses$/, 'responses'],
];

/** PCM16 at 24 kHz: of translations always, of a GPT-Live side-band by its documentation. */
const PCM_24K = bytesPerMs('pcm16', 24_000);

/** @param path without `v1/` */
export function neighbourOf(path: string): Kind | null {
  return PATHS.find(([pattern]) => pattern.test(path))?.[1] ?? null;
}

export function beginNeighbour(neighbour: Kind, path: string): NeighbourState {
  const isKnown = neighbour === 'translation' || path.endsWith('/attach');
  return { neighbour, rate: isKnown ? PCM_24K : null, seconds: 0, closing: false, responses: NO_RESPONSES };
}

/** GPT-Live and Responses name their models in their frames; only a translation does by its URL. */
export function neighbourQuery(
  neighbour: Kind,
  query: readonly (readonly [string, string])[],
): readonly (readonly [string, string])[] {
  return neighbour === 'translation' ? query : query.filter(([name]) => name !== 'model');
}

export function neighbourOwes(state: NeighbourState): boolean {
  return state.closing || state.responses.asked > 0 || state.responses.open.length > 0;
}

/** What a socket ends in the middle of; and a translation's bill, by the audio that went up, since it tells no usage. */
export function endNeighbour(
  { neighbour, responses }: NeighbourState,
  { audioInMs }: SocketLife,
): readonly Observation[] {
  const open = unfinished(responses.open);
  if (neighbour !== 'translation' || audioInMs === null || audioInMs === 0) return open;
  const seconds = audioInMs / 1000;
  return [
    ...open,
    {
      kind: 'usage',
      dedupeKey: 'translation',
      purpose: 'response',
      model: null,
      usage: { unit: 'seconds', seconds },
      source: 'measured',
      raw: { audio_ms: audioInMs },
    },
  ];
}

type NeighbourReading = Reading<NeighbourState>;

export function readNeighbour(state: NeighbourState, from: Sender, event: JsonObject): NeighbourReading {
  switch (state.neighbour) {
    case 'translation':
      return seen(state, translationObservations(state, from, event));
    case 'live':
      return from.side === 'client' ? readLiveClient(state, event) : readLiveServer(state, event);
    case 'responses':
      return withResponses(state, from, event);
  }
}

function seen(state: NeighbourState, observations: readonly Observation[] = []): NeighbourReading {
  return { state, observations, route: 'across' };
}

function withResponses(state: NeighbourState, from: Sender, event: JsonObject): NeighbourReading {
  const { state: responses, observations } = readResponses(state.responses, from, event);
  return seen(responses === state.responses ? state : { ...state, responses }, observations);
}

function translationObservations(
  { rate }: NeighbourState,
  from: Sender,
  event: JsonObject,
): readonly Observation[] {
  const type = asText(event['type']);
  if (from.side === 'client') {
    return type === 'session.input_audio_buffer.append' ? audio('user', event['audio'], rate) : [];
  }
  switch (type) {
    case 'session.output_audio.delta': {
      const sampleRate = asCount(event['sample_rate']);
      const channels = asCount(event['channels']) ?? 1;
      const own = sampleRate === undefined ? rate : bytesPerMs('pcm16', sampleRate) * channels;
      return audio('model', event['delta'], own === 0 ? null : own);
    }
    case 'error':
      return [errorObservation(asObject(event['error']) ?? {})];
    default:
      return [];
  }
}

function readLiveClient(state: NeighbourState, event: JsonObject): NeighbourReading {
  switch (asText(event['type'])) {
    case 'session.start':
      return seen(withFormat(state, event));
    case 'session.input_audio.append':
      return seen(state, audio('user', event['audio'], state.rate));
    case 'session.close':
      return seen({ ...state, closing: true });
    default:
      return seen(state);
  }
}

function readLiveServer(state: NeighbourState, event: JsonObject): NeighbourReading {
  switch (asText(event['type'])) {
    case 'session.started':
      return seen(withFormat(state, event));
    case 'session.input_audio.append':
      // A side-band gets the user's audio from the provider.
      return seen(state, audio('user', event['audio'], PCM_24K));
    case 'session.output_audio.delta':
      return seen(state, audio('model', event['delta'], state.rate));
    case 'session.usage.updated':
      return readLiveUsage(state, event);
    case 'session.closed':
      return readLiveUsage({ ...state, closing: false }, event);
    case 'response.event':
      return withResponses(state, { side: 'upstream' }, asObject(event['event']) ?? {});
    case 'error':
      return seen(state, [errorObservation(asObject(event['error']) ?? {})]);
    default:
      return seen(state);
  }
}

/** A sum that grows: what it grew by is the bill. */
function readLiveUsage(state: NeighbourState, event: JsonObject): NeighbourReading {
  const total = asCount(member(event['usage'], 'seconds'));
  if (total === undefined || total <= state.seconds) return seen(state);
  return seen({ ...state, seconds: total }, [
    {
      kind: 'usage',
      dedupeKey: `live/${total}`,
      purpose: 'response',
      model: null,
      usage: { unit: 'seconds', seconds: total - state.seconds },
      source: 'provider',
      raw: event['usage'] ?? null,
    },
  ]);
}

/** The format is chosen at the start, and stays. */
function withFormat(state: NeighbourState, event: JsonObject): NeighbourState {
  const format = member(member(event['session'], 'audio'), 'format');
  const rate = format === undefined ? state.rate : formatRate(format);
  return rate === state.rate ? state : { ...state, rate };
}

function audio(speaker: Speaker, base64: JsonValue | undefined, rate: number | null): AudioObservation[] {
  const text = asText(base64);
  if (text === undefined) return [];
  const bytes = base64Bytes(text);
  return [{ kind: 'audio', speaker, bytes, ms: rate === null ? null : bytes / rate }];
}
