/**
 * What the user said, as sound, for a conversation that is told again on a new socket. Only where the session is to keep it
 * (`restoredAudioBytes`), and within that bound: what is longer, or older, is told by its words.
 *
 *     pieces as clients append them -> an item's, once the provider says which is which -> beside the item when it is told
 */
import { asArray, asCount, asObject, asText, type JsonObject, type JsonValue } from '../protocol/json.ts';
import type { Sender } from './adapter.ts';
import { base64Bytes } from './audio-format.ts';
import { audioFormat, audioRate, hasTurnDetection, type OpenAIState } from './openai-state.ts';

/** Bytes of what was appended on this socket, counted from its beginning. */
type Span = { readonly from: number; readonly to: number };

type Turn = { readonly id: string; readonly fromMs: number; readonly toMs: number | null };

type Kept = { readonly id: string; readonly part: number; readonly audio: string };

export type KeptSound = {
  /** The most base64 that is kept of items, and as much again of what is no item yet. */
  readonly most: number;
  /** The input's format, as JSON: sound in another one would be noise. */
  readonly format: string;
  /** Whether `heard` counts as the provider does, who tells where speech begins and ends in ms of one format. */
  readonly aligned: boolean;
  readonly heard: number;
  /** Where the provider's buffer begins. */
  readonly begun: number;
  readonly pieces: readonly { readonly from: number; readonly audio: string }[];
  /** Asked for by clients, and not answered yet; in order, as the answers come. */
  readonly commits: readonly Span[];
  readonly turns: readonly Turn[];
  readonly kept: readonly Kept[];
};

/** What a piece or an item costs beside its audio. */
const OVERHEAD = 64;
const COMMITS = 32;
const TURNS = 8;
/** How the provider calls a commit of too little; no item comes of it. */
const NOTHING_COMMITTED = 'input_audio_buffer_commit_empty';

export function silence(most: number): KeptSound {
  return { most, format: '', ...UNHEARD, kept: [] };
}

const UNHEARD = { aligned: true, heard: 0, begun: 0, pieces: [], commits: [], turns: [] } as const;

/** A new socket has heard nothing. */
export function onNewSocket(sound: KeptSound | null): KeptSound | null {
  return sound === null ? null : { ...sound, ...UNHEARD };
}

/** The sound of one part of an item; undefined when it was not kept. */
export function soundOf(state: OpenAIState, id: string, part: number): string | undefined {
  return state.sound?.kept.find((each) => each.id === id && each.part === part)?.audio;
}

/** What an event that was read into `state` says of sound. The same state when that is nothing. */
export function listen(state: OpenAIState, from: Sender, event: JsonObject): OpenAIState {
  const { sound } = state;
  if (sound === null) return state;
  const next = from.side === 'client' ? fromClient(state, sound, event) : fromProvider(state, sound, event);
  return next === sound ? state : { ...state, sound: next };
}

function fromClient(state: OpenAIState, sound: KeptSound, event: JsonObject): KeptSound | null {
  switch (asText(event['type'])) {
    case 'input_audio_buffer.append':
      return appended(sound, asText(event['audio']) ?? '');
    case 'input_audio_buffer.commit':
      // With detection of speech too little is known of what this takes.
      return hasTurnDetection(state) ? sound : committing(sound);
    case 'input_audio_buffer.clear':
      return { ...sound, begun: sound.heard };
    case 'conversation.item.create':
      return created(sound, asObject(event['item']) ?? {});
    default:
      return sound;
  }
}

function fromProvider(state: OpenAIState, sound: KeptSound, event: JsonObject): KeptSound | null {
  const id = asText(event['item_id']) ?? '';
  switch (asText(event['type'])) {
    case 'session.created':
      return inFormat(state, { ...sound, ...UNHEARD });
    case 'session.updated':
      return inFormat(state, sound);
    case 'input_audio_buffer.speech_started': {
      const turn = { id, fromMs: asCount(event['audio_start_ms']) ?? 0, toMs: null };
      return { ...sound, turns: [...sound.turns.slice(-(TURNS - 1)), turn] };
    }
    case 'input_audio_buffer.speech_stopped': {
      const toMs = asCount(event['audio_end_ms']) ?? null;
      return { ...sound, turns: sound.turns.map((turn) => (turn.id === id ? { ...turn, toMs } : turn)) };
    }
    case 'input_audio_buffer.committed':
      return committed(state, sound, id);
    case 'conversation.item.deleted':
      return { ...sound, kept: sound.kept.filter((each) => each.id !== id) };
    case 'error':
      return asText(asObject(event['error'])?.['code']) === NOTHING_COMMITTED
        ? { ...sound, commits: sound.commits.slice(1) }
        : sound;
    default:
      return sound;
  }
}

function inFormat(state: OpenAIState, sound: KeptSound): KeptSound {
  const format = JSON.stringify(audioFormat(state, 'input') ?? null);
  if (format === sound.format) return sound;
  return {
    ...sound,
    ...UNHEARD,
    heard: sound.heard,
    begun: sound.heard,
    aligned: sound.heard === 0,
    format,
    kept: [],
  };
}

function appended(sound: KeptSound, audio: string): KeptSound {
  const pieces = [...sound.pieces, { from: sound.heard, audio }];
  return { ...sound, heard: sound.heard + base64Bytes(audio), pieces: newest(pieces, sound.most) };
}

/** Null, and no more sound from then on, for a client whose commits nobody answers. */
function committing(sound: KeptSound): KeptSound | null {
  if (sound.commits.length >= COMMITS) return null;
  const span = { from: sound.begun, to: sound.heard };
  return { ...sound, begun: sound.heard, commits: [...sound.commits, span] };
}

function committed(state: OpenAIState, sound: KeptSound, id: string): KeptSound {
  const turn = sound.turns.find((each) => each.id === id);
  const turns = sound.turns.filter((each) => each.id !== id);
  if (turn === undefined) {
    const [span, ...commits] = sound.commits;
    return span === undefined ? sound : taken({ ...sound, commits }, id, span);
  }
  const rate = audioRate(state, 'input');
  if (turn.toMs === null || rate === null || !sound.aligned) return { ...sound, turns };
  return taken({ ...sound, turns }, id, { from: turn.fromMs * rate, to: turn.toMs * rate });
}

/** What a span holds becomes an item's, if all of it is there; what came before it is let go. */
function taken(sound: KeptSound, id: string, { from, to }: Span): KeptSound {
  const { pieces } = sound;
  const start = pieces[0]?.from ?? sound.heard;
  const rest = pieces.filter((piece) => piece.from + base64Bytes(piece.audio) > to);
  if (from < start || to > sound.heard || to <= from) return { ...sound, pieces: rest };
  const audio = cut(pieces, from - start, to - start);
  return audio === null
    ? { ...sound, pieces: rest }
    : keep({ ...sound, pieces: rest }, { id, part: 0, audio });
}

/** Null when a piece is not base64, and was none to the provider either. */
function cut(pieces: KeptSound['pieces'], from: number, to: number): string | null {
  try {
    const bytes = pieces.map(({ audio }) => atob(audio)).join('');
    return bytes.length < to ? null : btoa(bytes.slice(from, to));
  } catch {
    return null;
  }
}

/** An item that a client makes itself, by a name of its own: under another it could not be found again. */
function created(sound: KeptSound, item: JsonObject): KeptSound {
  const id = asText(item['id']);
  if (id === undefined) return sound;
  return (asArray(item['content']) ?? []).reduce((all: KeptSound, each: JsonValue, part) => {
    const audio = asObject(each)?.['type'] === 'input_audio' ? asText(asObject(each)?.['audio']) : undefined;
    return audio === undefined ? all : keep(all, { id, part, audio });
  }, sound);
}

function keep(sound: KeptSound, item: Kept): KeptSound {
  const others = sound.kept.filter(({ id, part }) => id !== item.id || part !== item.part);
  return item.audio.length + OVERHEAD > sound.most
    ? { ...sound, kept: others }
    : { ...sound, kept: newest([...others, item], sound.most) };
}

/** The last of them, within the bound. */
function newest<T extends { readonly audio: string }>(all: readonly T[], most: number): readonly T[] {
  let room = most;
  const first = all.findLastIndex((each) => (room -= each.audio.length + OVERHEAD) < 0);
  return all.slice(first + 1);
}
