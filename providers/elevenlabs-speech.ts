/** Reads the text-to-speech sockets: text goes up in pieces, audio and its alignment come down, a context at a time. */
import { asArray, asObject, asText, type JsonObject, type JsonValue, member } from '../protocol/json.ts';
import type { Observation } from '../protocol/observations.ts';
import { audioObservation } from './elevenlabs-audio.ts';
import { speechError } from './elevenlabs-errors.ts';
import { holdsKey, withoutKeyNames, written } from './elevenlabs-keys.ts';

export type SpeechWire = 'stream' | 'multi' | 'dialogue';

/** Everything that is spoken with one opening message. */
export type SpeechContext = {
  readonly id: string;
  /** The opening message, without a key; null when it was too long to keep. */
  readonly opening: JsonObject | null;
  /** Sent so far, from its beginning; null when it became too long to keep, or is spoken by several voices. */
  readonly text: string | null;
  /** Characters of it that have been heard, as the alignment tells. */
  readonly heard: number;
  readonly phase: 'silent' | 'asked' | 'speaking';
  readonly flushed: boolean;
  /** The client has said that no more text comes. */
  readonly closing: boolean;
  /** Text came after that: where the end was on its way by then, it has opened the context anew. */
  readonly crossed: boolean;
};

export type SpeechState = {
  readonly wire: SpeechWire;
  readonly model: string | null;
  readonly format: string;
  /** The dial carried a credential. */
  readonly hasKey: boolean;
  /** False where the credential is good for one socket, or came in a frame, of which it is not kept. */
  readonly canRedial: boolean;
  readonly dials: number;
  readonly contexts: readonly SpeechContext[];
  /** Contexts that have ended, and may be open again. */
  readonly reopened: readonly string[];
  /** The client has said that nothing more comes on this socket: ElevenLabs takes no more text. */
  readonly isOver: boolean;
  /** Characters sent that no usage has told yet. */
  readonly characters: number;
  /** Since a context that ElevenLabs may refuse: it takes none of it, and closes, or speaks that context. */
  readonly doubtful: { readonly id: string; readonly characters: number } | null;
  readonly reports: number;
};

export interface SpeechReading {
  readonly state: SpeechState;
  readonly observations: readonly Observation[];
}

/** So many may be open on one socket. How many are is not told when ElevenLabs closes an idle one, so more are kept. */
const OPEN_CONTEXTS = 5;
const MOST_CONTEXTS = 8;
const TOO_MANY = 'max_active_conversations';
const INVALID = 'invalid_input_message';
const LONGEST_TEXT = 8192;
const LONGEST_OPENING = 8192;
const LONGEST_ID = 128;

export function beginSpeech(
  wire: SpeechWire,
  about: {
    readonly model: string | null;
    readonly format: string | null;
    readonly hasKey: boolean;
    readonly canRedial: boolean;
  },
): SpeechState {
  return {
    wire,
    model: about.model,
    format: about.format ?? 'mp3_44100_128',
    hasKey: about.hasKey,
    canRedial: about.canRedial,
    dials: 0,
    contexts: [],
    reopened: [],
    isOver: false,
    characters: 0,
    doubtful: null,
    reports: 0,
  };
}

/** What one client message asks for, whichever of the three wires it is on. */
interface SpeechRequest {
  readonly id: string;
  readonly text: string;
  readonly flush: boolean;
  /** `all`: the socket is to be closed. */
  readonly close: 'nothing' | 'context' | 'all';
}

export function readSpeechClient(before: SpeechState, event: JsonObject): SpeechReading {
  const isLastDial = !before.hasKey && before.canRedial && holdsKey(event);
  const state = isLastDial ? { ...before, canRedial: false } : before;
  const request = requestOf(state, event);
  if (request === null || state.isOver) return { state, observations: [] };
  if (request.close === 'all') {
    const contexts = state.contexts.map((context) => ({ ...context, closing: true }));
    return reported({ ...state, contexts, isOver: true }, []);
  }
  const context = state.contexts.find(({ id }) => id === request.id) ?? opened(state, request, event);
  const characters = charactersOf(request.text);
  const asks = characters > 0 && context.phase === 'silent';
  const after: SpeechContext = {
    ...context,
    text: characters > 0 ? longer(state.wire, context.text, request.text) : context.text,
    phase: asks ? 'asked' : context.phase,
    flushed: request.flush || (context.flushed && characters === 0),
    closing: context.closing || request.close === 'context',
    crossed: context.closing && (context.crossed || characters > 0),
  };
  const next = {
    ...withText(state, after, request.text),
    isOver: state.wire === 'stream' && after.closing,
  };
  const observations: Observation[] = asks
    ? [{ kind: 'asked' }, { kind: 'response.started', responseId: after.id }]
    : [];
  return request.flush || request.close !== 'nothing'
    ? reported(next, observations)
    : { state: next, observations };
}

/** A text went up for a context, which may be new. */
export function withText(state: SpeechState, context: SpeechContext, text: string): SpeechState {
  return withContext(counted(state, context.id, charactersOf(text)), context);
}

/** Characters that went up. `id`: of the context, which may be new. */
function counted(state: SpeechState, id: string, characters: number): SpeechState {
  const { doubtful } = state;
  if (doubtful === null && !mayBeRefused(state, id, characters))
    return { ...state, characters: state.characters + characters };
  const since = doubtful ?? { id, characters: 0 };
  return { ...state, doubtful: { ...since, characters: since.characters + characters } };
}

/** A new context that is one too many, or whose opening message is none: it has the text of a later one. */
function mayBeRefused({ wire, contexts, reopened }: SpeechState, id: string, characters: number): boolean {
  if (contexts.some((each) => each.id === id)) return false;
  switch (wire) {
    case 'stream':
      return characters > 0;
    case 'multi':
      return new Set([...contexts.map((each) => each.id), ...reopened]).size >= OPEN_CONTEXTS;
    case 'dialogue':
      return false;
  }
}

/** The error with which it is refused. */
function isRefusal({ wire }: SpeechState, error: JsonValue | undefined): boolean {
  return error === (wire === 'stream' ? INVALID : TOO_MANY);
}

/** Those that were in doubt count after all. */
function undoubted(state: SpeechState): SpeechState {
  const { doubtful, characters } = state;
  return doubtful === null
    ? state
    : { ...state, doubtful: null, characters: characters + doubtful.characters };
}

function requestOf({ wire, contexts }: SpeechState, event: JsonObject): SpeechRequest | null {
  const flush = event['flush'] === true;
  const text = asText(event['text']);
  switch (wire) {
    case 'stream':
      if (text === undefined || (text === '' && contexts.length === 0)) return null;
      return { id: wire, text, flush, close: text === '' ? 'context' : 'nothing' };
    case 'multi':
    case 'dialogue': {
      const id = idOf(event['context_id'], wire);
      if (event['close_socket'] === true) return { id, text: '', flush, close: 'all' };
      const close = event['close_context'] === true ? 'context' : 'nothing';
      const known = contexts.some((context) => context.id === id);
      const opens = wire === 'multi' ? text !== undefined : event['voices'] !== undefined;
      const inputs = asArray(event['inputs']);
      if (!known && !opens && inputs === undefined) return null;
      const spoken = inputs?.map((input) => asText(member(input, 'text')) ?? '').join('');
      return { id, text: spoken ?? text ?? '', flush, close };
    }
  }
}

/** The opening's space and a keepalive's are no text. */
function charactersOf(text: string): number {
  return text === ' ' ? 0 : countCharacters(text);
}

/** As ElevenLabs counts: code points. A text may be 32 MiB long, so none is spread. */
function countCharacters(text: string): number {
  let count = text.length;
  for (let at = 1; at < text.length; at += 1) {
    const isPair = isBetween(text, at - 1, 0xd800, 0xdbff) && isBetween(text, at, 0xdc00, 0xdfff);
    if (isPair) count -= 1;
  }
  return count;
}

function isBetween(text: string, at: number, least: number, most: number): boolean {
  const unit = text.charCodeAt(at);
  return unit >= least && unit <= most;
}

function opened({ wire }: SpeechState, request: SpeechRequest, event: JsonObject): SpeechContext {
  const { flush: _flush, try_trigger_generation: _try, inputs: _inputs, ...rest } = withoutKeyNames(event);
  const opening = wire === 'dialogue' ? rest : { ...rest, text: ' ' };
  return {
    id: request.id,
    opening: (written(opening)?.length ?? Number.POSITIVE_INFINITY) <= LONGEST_OPENING ? opening : null,
    text: wire === 'dialogue' ? null : '',
    heard: 0,
    phase: 'silent',
    flushed: false,
    closing: false,
    crossed: false,
  };
}

function longer(wire: SpeechWire, text: string | null, more: string): string | null {
  if (wire === 'dialogue' || text === null) return null;
  return text.length + more.length <= LONGEST_TEXT ? text + more : null;
}

export function readSpeechServer(before: SpeechState, event: JsonObject): SpeechReading {
  const error = speechError(event);
  if (error !== null)
    return failed(isRefusal(before, event['error']) ? { ...before, doubtful: null } : before, error);
  const id = idOf(event['contextId'] ?? event['context_id'], before.wire);
  const state = before.doubtful?.id === id ? undoubted(before) : before;
  const context = state.contexts.find((each) => each.id === id);
  const observations: Observation[] = [];
  let next = state;
  const audio = asText(event['audio']);
  if (audio !== undefined && audio !== '') {
    observations.push(audioObservation('model', audio, state.format));
    if (context !== undefined) next = heardMore(next, context, alignedCharacters(event));
    if (context?.phase === 'asked')
      observations.push({ kind: 'response.output', responseId: id, of: 'audio' });
  }
  if (event['isFinal'] !== true && event['is_final'] !== true) return { state: next, observations };
  const contexts = next.contexts.filter((each) => each.id !== id);
  if (context !== undefined) observations.push(...ended(context, context.text, 'completed'));
  const others = next.reopened.filter((each) => each !== id);
  const reopened = context?.crossed === true ? [...others.slice(-(MOST_CONTEXTS - 1)), id] : others;
  return reported({ ...next, contexts, reopened }, observations);
}

/** Times are relative to their chunk, so how many there are is all that adds up. Older servers spell other members. */
function alignedCharacters(event: JsonObject): number {
  const alignment =
    asObject(event['alignment']) ??
    asObject(event['normalizedAlignment']) ??
    asObject(event['normalized_alignment']);
  return asArray(alignment?.['chars'])?.length ?? 0;
}

function heardMore(state: SpeechState, context: SpeechContext, characters: number): SpeechState {
  if (characters === 0 && context.phase !== 'asked') return state;
  const phase = context.phase === 'asked' ? 'speaking' : context.phase;
  return withContext(state, { ...context, heard: context.heard + characters, phase });
}

/** The socket closes after an error, so nothing that was open will be finished. */
function failed(state: SpeechState, error: Observation): SpeechReading {
  const observations = state.contexts.flatMap((context) => ended(context, heardText(context), 'failed'));
  return reported(undoubted({ ...state, contexts: [] }), [error, ...observations]);
}

/** What a session that ends leaves unsaid. */
export function finishSpeech(state: SpeechState): readonly Observation[] {
  const observations = state.contexts.flatMap((context) => ended(context, heardText(context), 'incomplete'));
  return reported(undoubted(state), observations).observations;
}

function ended(
  { id, phase }: SpeechContext,
  text: string | null,
  outcome: 'completed' | 'failed' | 'incomplete',
): readonly Observation[] {
  if (phase === 'silent') return [];
  const end: Observation = { kind: 'response.ended', responseId: id, outcome };
  return text === null || text === ''
    ? [end]
    : [{ kind: 'transcript', speaker: 'model', itemId: id, text }, end];
}

function heardText({ text, heard }: SpeechContext): string | null {
  return text === null ? null : [...text].slice(0, heard).join('');
}

/** Tells the characters that were not told yet: a row for each piece of text would be a row for each token. */
function reported(state: SpeechState, observations: readonly Observation[]): SpeechReading {
  const { characters } = state;
  if (characters === 0) return { state, observations };
  return {
    state: { ...state, characters: 0, reports: state.reports + 1 },
    observations: [
      ...observations,
      {
        kind: 'usage',
        dedupeKey: `characters_${state.reports + 1}`,
        purpose: 'response',
        model: state.model,
        usage: { unit: 'characters', characters },
        source: 'measured',
        raw: { characters },
      },
    ],
  };
}

function withContext(state: SpeechState, context: SpeechContext): SpeechState {
  const others = state.contexts.filter(({ id }) => id !== context.id);
  return { ...state, contexts: [...others.slice(-(MOST_CONTEXTS - 1)), context] };
}

function idOf(value: JsonValue | undefined, wire: SpeechWire): string {
  return asText(value)?.slice(0, LONGEST_ID) ?? (wire === 'multi' ? 'default' : wire);
}

export function speechIsOwed(state: SpeechState): boolean {
  return state.contexts.some(({ closing, phase }) => closing && phase !== 'silent');
}
