/**
 * What a Gemini Live session is made of, as far as it must be known to read its frames and to restore it. Plain JSON; every
 * function returns the same object when nothing changed.
 */
import { asArray, asObject, asText, type JsonObject, type JsonValue } from '../protocol/json.ts';
import { field, snakeCase } from './gemini-wire.ts';

/** A turn of the model: Google gives it no id. */
export type Turn = {
  readonly id: string;
  readonly hasOutput: boolean;
  readonly interrupted: boolean;
  /** How much of `heard` came before the model answered; what came later belongs to who interrupts it. */
  readonly heardBefore: number;
};

export type Content = { readonly role: 'user' | 'model'; readonly text: string };

export type GeminiState = {
  /** The client's setup with later context updates in it; null before there is one, or when it is too long to keep. */
  readonly setup: JsonObject | null;
  readonly model: string | null;
  /** The newest handle by which the session can be resumed. */
  readonly handle: string | null;
  readonly turns: number;
  readonly turn: Turn | null;
  /** A client asked for an answer that has not begun. */
  readonly asked: boolean;
  /** Transcripts since they were last recorded: of the user, and of the model. */
  readonly heard: string;
  readonly said: string;
  /** Calls that await their response. */
  readonly calls: readonly string[];
  /** Figures of the last snapshot of the generation in progress, and the number of snapshots so far. */
  readonly counted: readonly number[] | null;
  readonly snapshots: number;
  /** The words of the conversation, for a session that cannot be resumed by handle. */
  readonly history: readonly Content[];
  /** Clients have had their setupComplete. */
  readonly isSetUp: boolean;
  readonly dials: number;
  /** Waiting for the new socket's setupComplete. */
  readonly restoring: 'by handle' | 'by history' | null;
};

export const FRESH: GeminiState = {
  setup: null,
  model: null,
  handle: null,
  turns: 0,
  turn: null,
  asked: false,
  heard: '',
  said: '',
  calls: [],
  counted: null,
  snapshots: 0,
  history: [],
  isSetUp: false,
  dials: 0,
  restoring: null,
};

/** The state stays well under 512 KiB: what a client may configure, and the words of the conversation. */
const SETUP_CHARACTERS = 128_000;
const HISTORY_CHARACTERS = 96_000;
const HISTORY_CONTENTS = 400;
const TRANSCRIPT_CHARACTERS = 16_000;
const HANDLE_CHARACTERS = 8_000;
const OPEN_CALLS = 64;
const ID_CHARACTERS = 256;

export function withSetup(state: GeminiState, setup: JsonObject): GeminiState {
  const kept = JSON.stringify(setup).length > SETUP_CHARACTERS ? null : setup;
  return { ...state, setup: kept, model: modelOf(setup) };
}

/** `models/M`, or `projects/…/publishers/google/models/M`. */
function modelOf(setup: JsonObject): string | null {
  return asText(setup['model'])?.split('/').at(-1)?.slice(0, ID_CHARACTERS) ?? null;
}

/** Folds a `contextUpdate` into the setup, so that a new socket begins with it. */
export function withContext(state: GeminiState, update: JsonObject): GeminiState {
  if (state.setup === null) return state;
  const instruction = field(update, 'systemInstruction');
  const tools = field(field(update, 'tools'), 'tools');
  return withSetup(state, {
    ...state.setup,
    ...(instruction === undefined ? {} : { systemInstruction: instruction }),
    ...(tools === undefined ? {} : { tools }),
  });
}

/** The setup with one member in place of what was there, in either case; undefined leaves it out. */
export function setupWith(setup: JsonObject, name: string, value: JsonValue | undefined): JsonObject {
  const { [name]: _camel, [snakeCase(name)]: _snake, ...rest } = setup;
  return value === undefined ? rest : { ...rest, [name]: value };
}

/** Whether the model answers in audio, which is its default. */
export function isSpoken(state: GeminiState): boolean {
  const modalities = asArray(field(field(state.setup ?? {}, 'generationConfig'), 'responseModalities'));
  return asText(modalities?.[0])?.toUpperCase() !== 'TEXT';
}

/** Whether the first `clientContent` is history only, and starts no answer. */
export function awaitsHistory(state: GeminiState): boolean {
  return (
    state.history.length === 0 &&
    field(field(state.setup ?? {}, 'historyConfig'), 'initialHistoryInClientContent') === true
  );
}

export function withHandle(state: GeminiState, handle: string): GeminiState {
  return handle === state.handle || handle.length > HANDLE_CHARACTERS ? state : { ...state, handle };
}

export function withCall(state: GeminiState, id: string): GeminiState {
  if (id.length > ID_CHARACTERS || state.calls.includes(id)) return state;
  return { ...state, calls: [...state.calls.slice(-(OPEN_CALLS - 1)), id] };
}

export function withoutCalls(state: GeminiState, ids: readonly (string | undefined)[]): GeminiState {
  const calls = state.calls.filter((call) => !ids.includes(call));
  return calls.length === state.calls.length ? state : { ...state, calls };
}

/** Transcripts come in pieces. */
export function withWords(state: GeminiState, of: 'heard' | 'said', text: string): GeminiState {
  return text === '' ? state : { ...state, [of]: (state[of] + text).slice(0, TRANSCRIPT_CHARACTERS) };
}

/** Adds to the history; its oldest contents are let go to keep it bounded. */
export function withHistory(state: GeminiState, more: readonly Content[]): GeminiState {
  const added = more
    .filter(({ text }) => text.trim() !== '')
    .map(({ role, text }) => ({ role, text: text.slice(0, TRANSCRIPT_CHARACTERS) }));
  if (added.length === 0) return state;
  const history = [...state.history, ...added].slice(-HISTORY_CONTENTS);
  const sizes = history.map((content) => JSON.stringify(content).length);
  let characters = sizes.reduce((sum, size) => sum + size, 0);
  let from = 0;
  while (characters > HISTORY_CHARACTERS) {
    characters -= sizes[from] ?? 0;
    from += 1;
  }
  return { ...state, history: history.slice(from) };
}

/** Text of a `clientContent`'s turns. Other parts are not kept. */
export function contentsOf(turns: JsonValue | undefined): readonly Content[] {
  return (asArray(turns) ?? []).map((turn) => {
    const parts = asArray(asObject(turn)?.['parts']) ?? [];
    const text = parts.map((part) => asText(asObject(part)?.['text']) ?? '').join('');
    return { role: asObject(turn)?.['role'] === 'model' ? 'model' : 'user', text };
  });
}
