/**
 * Other WebSockets of OpenAI's host: translations, GPT-Live (and its side-band and forks), Responses. Each has a vocabulary
 * of its own; what is read is what the types of the `openai` SDK 7.57 state, and the rest is relayed all the same.
 */
import { asCount, asObject, asText, type JsonObject, type JsonValue, member } from '../protocol/json.ts';
import type { AudioObservation, Observation, Speaker } from '../protocol/observations.ts';
import type { Reading, Sender, SocketLife } from './adapter.ts';
import { base64Bytes, bytesPerMs } from './audio-format.ts';
import {
  asksForEnd,
  beginLive,
  liveFarewell,
  type LiveReading,
  liveRemainder,
  type LiveState,
  readClosed,
  readLiveUsage,
  readStarted,
} from './openai-live.ts';
import { errorObservation, unfinished } from './openai-read.ts';
import { NO_RESPONSES, readResponses, type ResponsesState, strayed, withAsked } from './openai-responses.ts';
import { formatRate } from './openai-state.ts';

export const NEIGHBOURS = ['translation', 'live', 'responses'] as const;
type Kind = (typeof NEIGHBOURS)[number];

export type NeighbourState = {
  readonly neighbour: Kind;
  /** Bytes for each millisecond of audio; null until it is known. */
  readonly rate: number | null;
  readonly live: LiveState;
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
  return {
    neighbour,
    rate: isKnown ? PCM_24K : null,
    live: beginLive(path),
    responses: NO_RESPONSES,
  };
}

/** GPT-Live and Responses name their models in their frames; only a translation does by its URL. */
export function neighbourQuery(
  neighbour: Kind,
  query: readonly (readonly [string, string])[],
): readonly (readonly [string, string])[] {
  return neighbour === 'translation' ? query : query.filter(([name]) => name !== 'model');
}

export function neighbourOwes({ live, responses }: NeighbourState): boolean {
  // When a session has ended, so has what its backend was doing.
  if (live.end === 'told') return false;
  return live.end === 'asked' || isResponding(responses);
}

function isResponding({ asked, open }: ResponsesState): boolean {
  return asked > 0 || open.length > 0;
}

/** Not before its backend is done, and has told what it cost. */
export function neighbourFarewell({ neighbour, live, responses }: NeighbourState): string | null {
  return neighbour === 'live' && !isResponding(responses) ? liveFarewell(live) : null;
}

/** What a socket ends in the middle of, and what of its bill nobody told. */
export function endNeighbour(state: NeighbourState, life: SocketLife): readonly Observation[] {
  const open = unfinished(state.responses.open);
  switch (state.neighbour) {
    case 'translation':
      return [...open, ...translationBill(life)];
    case 'live':
      return [...open, ...liveRemainder(state.live, life)];
    case 'responses':
      return open;
  }
}

/** By the audio that went up: a translation tells no usage. */
function translationBill({ audioInMs }: SocketLife): readonly Observation[] {
  if (audioInMs === null || audioInMs === 0) return [];
  const seconds = audioInMs / 1000;
  return [
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
      return withModel(withResponses(state, from, event), event);
  }
}

/** A frame that is no event. */
export function readStray(state: NeighbourState, from: Sender): NeighbourReading {
  if (from.side === 'upstream' || state.neighbour !== 'responses') return seen(state);
  return seen(heard(state, strayed(state.responses)));
}

function seen(state: NeighbourState, observations: readonly Observation[] = []): NeighbourReading {
  return { state, observations, route: 'across' };
}

function withResponses(state: NeighbourState, from: Sender, event: JsonObject): NeighbourReading {
  const { state: responses, observations } = readResponses(state.responses, from, event);
  return seen(heard(state, responses), observations);
}

function heard(state: NeighbourState, responses: ResponsesState): NeighbourState {
  return responses === state.responses ? state : { ...state, responses };
}

/** Each response names its own; that of the first stands for the session. */
function withModel(reading: NeighbourReading, event: JsonObject): NeighbourReading {
  const model = asText(member(event['response'], 'model'));
  if (event['type'] !== 'response.created' || model === undefined) return reading;
  return { ...reading, observations: [{ kind: 'model', model }, ...reading.observations] };
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
    case 'response.create':
      return seen(state.live.delegates ? expecting(state) : state);
    case 'session.close':
      return seen({ ...state, live: asksForEnd(state.live) });
    default:
      return seen(state);
  }
}

function readLiveServer(state: NeighbourState, event: JsonObject): NeighbourReading {
  switch (asText(event['type'])) {
    case 'session.started':
      return withLive(withFormat(state, event), readStarted(state.live, event));
    case 'session.input_audio.append':
      // A side-band gets the user's audio from the provider.
      return seen(state, audio('user', event['audio'], PCM_24K));
    case 'session.output_audio.delta':
      return seen(state, audio('model', event['delta'], state.rate));
    case 'session.delegation.created':
      return seen(member(event['delegation'], 'target') === 'responses' ? expecting(state) : state);
    case 'session.usage.updated':
      return withLive(state, readLiveUsage(state.live, event));
    case 'session.closed':
      return withLive(state, readClosed(state.live, event));
    case 'response.event':
      return withResponses(state, { side: 'upstream' }, asObject(event['event']) ?? {});
    case 'error':
      return seen(state, [errorObservation(asObject(event['error']) ?? {})]);
    default:
      return seen(state);
  }
}

function withLive(state: NeighbourState, { live, observations }: LiveReading): NeighbourReading {
  return seen(live === state.live ? state : { ...state, live }, observations);
}

/** A response of the backend's is to come. */
function expecting(state: NeighbourState): NeighbourState {
  return { ...state, responses: withAsked(state.responses, 1) };
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
