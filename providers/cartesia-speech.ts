/**
 * Reads Cartesia's text to speech: many contexts on one socket, each a stream of text that becomes a stream of audio.
 * A context is a response. Cartesia reports no usage, so the characters of accepted requests are counted here.
 */
import { asObject, asText, type JsonObject, member, parseJson } from '../protocol/json.ts';
import type { Observation } from '../protocol/observations.ts';
import type { Outgoing, Payload, Sender } from './adapter.ts';
import { base64Bytes } from './audio-format.ts';
import { bytesPerMs } from './cartesia-audio.ts';
import { errorFrame, errorObservation } from './cartesia-error.ts';

export type Context = {
  readonly id: string;
  readonly model: string | null;
  /** Bytes of its audio for each ms; null when the format is not one that is known. */
  readonly rate: number | null;
  /** `cancelled`: its client wants no more, but audio on its way may still come. */
  readonly stage: 'waiting' | 'speaking' | 'cancelled';
  /** No more text will come. */
  readonly isComplete: boolean;
  /** It was begun before the end of the one that was cancelled under its name: the next end may be that one's. */
  readonly crossed: boolean;
  /** Sent, and not counted: a context that fails before its first audio costs nothing. */
  readonly uncounted: { readonly characters: number; readonly utf16: number };
  /** What the record has no transcript of yet. */
  readonly text: string;
  /** While it waits: the requests as they were sent, to be sent again after a drop. Null when they are too long to keep. */
  readonly requests: readonly string[] | null;
};

export type SpeechState = {
  readonly endpoint: 'tts';
  readonly dials: number;
  /** Usages observed so far: what makes each one's key its own, for ids are used again. */
  readonly counted: number;
  readonly contexts: readonly Context[];
};

export const SILENT: SpeechState = { endpoint: 'tts', dials: 0, counted: 0, contexts: [] };

/** Cartesia's largest plan generates 60 contexts at once. */
const CONTEXTS = 64;
const ID_CHARACTERS = 256;
/** A longer text becomes several transcripts. */
const TEXT_CHARACTERS = 500;
/** Of requests kept, over all contexts. */
const REQUEST_CHARACTERS = 64_000;

const NOTHING_COUNTED = { characters: 0, utf16: 0 };

interface SpeechReading {
  readonly state: SpeechState;
  readonly observations: readonly Observation[];
}

export function readSpeech(state: SpeechState, from: Sender, payload: Payload): SpeechReading {
  const event = typeof payload === 'string' ? asObject(parseJson(payload)) : undefined;
  if (event === undefined || typeof payload !== 'string') return { state, observations: [] };
  return from.side === 'client' ? readRequest(state, event, payload) : readAnswer(state, event);
}

function readRequest(state: SpeechState, event: JsonObject, frame: string): SpeechReading {
  const id = idOf(event);
  const open = state.contexts.find((each) => each.id === id && each.stage !== 'cancelled');
  if (event['cancel'] === true) return open === undefined ? { state, observations: [] } : cancel(state, open);
  const transcript = asText(event['transcript']);
  // The end of a context that is over already, or a flush of nothing, opens none.
  if (transcript === undefined || (open === undefined && transcript === ''))
    return { state, observations: [] };
  // Cartesia refuses it: a context whose last text came takes no more.
  if (open?.isComplete === true) return { state, observations: [] };
  const { state: roomy, observations } =
    open === undefined ? makeRoom(state, id) : { state, observations: [] };
  const isAgain = state.contexts.some((each) => each.id === id);
  const context = open ?? { ...opened(id, event), crossed: isAgain };
  const added = withText(context, transcript, event['continue'] !== true);
  const next = { ...added, requests: keptRequests(roomy, added, frame) };
  const isNew: readonly Observation[] =
    open === undefined ? [{ kind: 'asked' }, { kind: 'response.started', responseId: id }] : [];
  const counted = next.stage === 'speaking' ? count(roomy, next) : { state: roomy, context: next, usage: [] };
  const told = counted.context.text.length > TEXT_CHARACTERS ? tell(counted.context) : null;
  return {
    state: put(counted.state, told?.context ?? counted.context),
    observations: [...observations, ...isNew, ...counted.usage, ...(told?.transcript ?? [])],
  };
}

function readAnswer(state: SpeechState, event: JsonObject): SpeechReading {
  const context = state.contexts.find(({ id }) => id === idOf(event));
  switch (asText(event['type'])) {
    case 'chunk':
      return readChunk(state, context, asText(event['data']) ?? '');
    case 'done':
      return readDone(state, context);
    case 'error': {
      const error = errorObservation(event);
      if (context === undefined) return { state, observations: [error] };
      const ended = end(state, context, 'failed');
      return { state: ended.state, observations: [error, ...ended.observations] };
    }
    default:
      return { state, observations: [] };
  }
}

function readDone(state: SpeechState, context: Context | undefined): SpeechReading {
  if (context === undefined) return { state, observations: [] };
  const isOfAnother = context.crossed && context.stage === 'waiting';
  return isOfAnother
    ? { state: put(state, { ...context, crossed: false }), observations: [] }
    : end(state, context, 'completed');
}

function readChunk(state: SpeechState, context: Context | undefined, data: string): SpeechReading {
  const bytes = base64Bytes(data);
  const rate = context?.rate ?? null;
  const audio: Observation = {
    kind: 'audio',
    speaker: 'model',
    bytes,
    ms: rate === null ? null : bytes / rate,
  };
  if (context?.stage !== 'waiting') return { state, observations: [audio] };
  // The first audio shows that the requests so far were accepted.
  const counted = count(state, { ...context, stage: 'speaking', requests: null });
  const output: Observation = { kind: 'response.output', responseId: context.id, of: 'audio' };
  return { state: put(counted.state, counted.context), observations: [...counted.usage, output, audio] };
}

/** Cartesia bills what was submitted, whether or not the client still wants it. */
function cancel(state: SpeechState, context: Context): SpeechReading {
  const settled = settle(state, context);
  const rest: Context = { ...settled.context, stage: 'cancelled', requests: null };
  return {
    state: put(settled.state, rest),
    observations: [
      ...settled.observations,
      { kind: 'response.ended', responseId: context.id, outcome: 'interrupted' },
    ],
  };
}

function end(
  state: SpeechState,
  context: Context,
  outcome: 'completed' | 'failed' | 'incomplete',
): SpeechReading {
  const contexts = state.contexts.filter((each) => each !== context);
  if (context.stage === 'cancelled') return { state: { ...state, contexts }, observations: [] };
  // A context that failed before its first audio was not spoken, and is not billed.
  const isFree = outcome === 'failed' && context.stage === 'waiting';
  const settled = isFree ? { state, observations: [] } : settle(state, context);
  return {
    state: { ...settled.state, contexts },
    observations: [...settled.observations, { kind: 'response.ended', responseId: context.id, outcome }],
  };
}

/** Room for one more context: a cancelled one that Cartesia never ended makes way first, else the oldest. */
function makeRoom(state: SpeechState, id: string): SpeechReading {
  const contexts = state.contexts.filter((each) => each.id !== id);
  const others = { ...state, contexts };
  if (contexts.length < CONTEXTS) return { state: others, observations: [] };
  const leaving = contexts.find(({ stage }) => stage === 'cancelled') ?? contexts[0];
  return leaving === undefined ? { state: others, observations: [] } : end(others, leaving, 'incomplete');
}

function opened(id: string, event: JsonObject): Context {
  const format = event['output_format'];
  return {
    id,
    model: asText(event['model_id'])?.slice(0, ID_CHARACTERS) ?? null,
    rate: bytesPerMs(member(format, 'encoding'), member(format, 'sample_rate')),
    stage: 'waiting',
    isComplete: false,
    crossed: false,
    uncounted: NOTHING_COUNTED,
    text: '',
    requests: [],
  };
}

function withText(context: Context, transcript: string, isLast: boolean): Context {
  const { characters, utf16 } = context.uncounted;
  return {
    ...context,
    isComplete: context.isComplete || isLast,
    text: context.text + transcript,
    uncounted: {
      characters: characters + codePoints(transcript),
      utf16: utf16 + transcript.length,
    },
  };
}

/** What is billed: a character outside the Basic Multilingual Plane is one, where JavaScript's length says two. */
function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

function keptRequests(state: SpeechState, context: Context, frame: string): readonly string[] | null {
  if (context.stage !== 'waiting' || context.requests === null) return null;
  const kept = [...context.requests, frame];
  const others = state.contexts
    .filter(({ id }) => id !== context.id)
    .flatMap(({ requests }) => requests ?? []);
  const characters = [...others, ...kept].reduce((sum, each) => sum + each.length, 0);
  return characters > REQUEST_CHARACTERS ? null : kept;
}

function count(
  state: SpeechState,
  context: Context,
): { readonly state: SpeechState; readonly context: Context; readonly usage: readonly Observation[] } {
  const { characters, utf16 } = context.uncounted;
  if (characters === 0) return { state, context, usage: [] };
  return {
    state: { ...state, counted: state.counted + 1 },
    context: { ...context, uncounted: NOTHING_COUNTED },
    usage: [
      {
        kind: 'usage',
        dedupeKey: `${context.id}/${state.counted}`,
        purpose: 'response',
        model: context.model,
        usage: { unit: 'characters', characters },
        source: 'measured',
        raw: { context_id: context.id, characters, utf16_length: utf16 },
      },
    ],
  };
}

function tell(context: Context): { readonly context: Context; readonly transcript: readonly Observation[] } {
  const { id, text } = context;
  if (text === '') return { context, transcript: [] };
  return {
    context: { ...context, text: '' },
    transcript: [{ kind: 'transcript', speaker: 'model', itemId: id, text }],
  };
}

/** What is left to count and to tell of a context. */
function settle(state: SpeechState, context: Context): SpeechReading & { readonly context: Context } {
  const counted = count(state, context);
  const told = tell(counted.context);
  return {
    state: counted.state,
    context: told.context,
    observations: [...counted.usage, ...told.transcript],
  };
}

function put(state: SpeechState, context: Context): SpeechState {
  const at = state.contexts.findIndex(({ id }) => id === context.id);
  const contexts = at === -1 ? [...state.contexts, context] : state.contexts.with(at, context);
  return { ...state, contexts };
}

function idOf(event: JsonObject): string {
  return (asText(event['context_id']) ?? '').slice(0, ID_CHARACTERS);
}

/** Audio is owed for text that was sent, and an end to a context that gets no more of it. */
export function owesSpeech(state: SpeechState): boolean {
  return state.contexts.some(
    ({ stage, isComplete, uncounted }) => stage !== 'cancelled' && (isComplete || uncounted.characters > 0),
  );
}

/** What the end of the session leaves: contexts that were being spoken. */
export function endSpeech(state: SpeechState): readonly Observation[] {
  return state.contexts
    .filter(({ stage }) => stage === 'speaking')
    .flatMap((context) => end(state, context, 'incomplete').observations);
}

/**
 * Contexts know nothing of each other, and nothing is kept between them. One that was not heard of yet is asked for again,
 * word for word. One whose audio has begun would repeat some of it or lose some, so its client is told that it failed.
 */
export function restoreSpeech(state: SpeechState): { readonly state: SpeechState; readonly send: Outgoing } {
  const dials = state.dials + 1;
  if (state.dials === 0) return { state: { ...state, dials }, send: { upstream: [], clients: [] } };
  const again = state.contexts.filter(({ requests }) => requests !== null);
  const lost = state.contexts.filter(({ requests, stage }) => requests === null && stage !== 'cancelled');
  return {
    state: { ...state, dials, contexts: again },
    send: {
      upstream: again.flatMap(({ requests }) => requests ?? []),
      clients: lost.map(({ id }) =>
        errorFrame({
          contextId: id,
          status: 502,
          code: 'connection_lost',
          title: 'Connection lost',
          message: 'The connection to the provider was lost while this context was being spoken.',
        }),
      ),
    },
  };
}
