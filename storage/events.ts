/** The frame log as REST shows it: which frames are asked for, and how each is written. */
import { asText, type JsonObject, type JsonValue, member, parseJson } from '../protocol/json.ts';
import type { Direction } from '../protocol/segment.ts';
import { type AudioRun, foldAudio, type Listener } from './audio-runs.ts';
import { type LogFrame, type LogItem, type LogAccess, type LogPlace, readLog } from './frame-log.ts';
import type { SessionStore } from './session-store.ts';

/** `text`: text frames as text, binary ones as base64. `parsed`: the JSON value that a frame holds, else as `text`. */
export type PayloadForm = 'text' | 'parsed' | 'base64';

export interface EventQuery {
  /** Events with a lower number only; null for no bound. */
  readonly before: number | null;
  readonly direction: Direction | null;
  /** The frame's JSON `type`; a trailing `*` matches any rest. */
  readonly type: string | null;
  /** As clients are named outside: c1, c2, … */
  readonly client: string | null;
  readonly payload: PayloadForm;
  /** Runs of frames that carry nothing but sound become one event. Null: each is one. */
  readonly fold: Listener | null;
}

/** One line of the log as REST shows it. */
export type LoggedEvent =
  | {
      readonly kind: 'frame';
      readonly seq: number;
      readonly at: string;
      readonly direction: Direction;
      readonly client: string | null;
      readonly opcode: 'text' | 'binary';
      /** Length on the wire; of a redacted frame, of what is stored, unless nothing is. */
      readonly bytes: number;
      /** The frame's own `type`, where it is JSON and has one. */
      readonly type: string | null;
      /** True when the broker translated it for the other side; the payload is what its sender sent. */
      readonly translated?: true;
      /** A rule took something out before it was stored: the payload is not what was relayed. */
      readonly redacted?: true;
      readonly text?: string;
      readonly parsed?: JsonValue;
      readonly base64?: string;
      /** The log mode kept no payload. */
      readonly omitted?: true;
    }
  | {
      readonly kind: 'audio';
      readonly seq: number;
      readonly to_seq: number;
      readonly at: string;
      readonly until: string;
      readonly streams: readonly {
        readonly direction: Direction;
        readonly client: string | null;
        readonly frames: number;
        readonly bytes: number;
        readonly audio_bytes: number;
        readonly ms: number | null;
      }[];
    }
  | ({ readonly kind: 'gap'; readonly seq: number; readonly at: string } & JsonObject)
  /** A row that cannot be read: damaged on disk. The rest of the log is not affected. */
  | { readonly kind: 'corrupt'; readonly seq: number; readonly to_seq: number };

export const EVERYTHING: EventQuery = {
  before: null,
  direction: null,
  type: null,
  client: null,
  payload: 'text',
  fold: null,
};

const decoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: false });

/**
 * Every event after `place`, which moves along, in order, in bounded memory.
 *
 * @throws when the session is deleted meanwhile
 */
export async function* readEvents(
  store: SessionStore,
  place: LogPlace,
  query: EventQuery,
  access: LogAccess,
): AsyncGenerator<LoggedEvent> {
  const items = readLog(store, place, query.before, access);
  if (query.fold === null) {
    for await (const item of items) {
      const event = item.kind === 'frame' ? wanted(item, query) : shownItem(item);
      if (event !== null) yield event;
    }
    return;
  }
  for await (const item of foldAudio(items, (frame) => wanted(frame, query) !== null, query.fold)) {
    if (item.kind === 'audio') yield shownRun(item);
    else yield item.kind === 'frame' ? shown(item, textOf(item), query.payload) : shownItem(item);
  }
}

/** The number after which the log goes on behind an event. */
export function lastOf(event: LoggedEvent): number {
  return event.kind === 'audio' || event.kind === 'corrupt' ? event.to_seq : event.seq;
}

/** Null when the query does not ask for it. */
function wanted(frame: LogFrame, query: EventQuery): LoggedEvent | null {
  const { entry } = frame;
  if (query.direction !== null && entry.direction !== query.direction) return null;
  if (query.client !== null && clientName(entry.client) !== query.client) return null;
  const text = textOf(frame);
  if (query.type !== null && !matches(typeOf(text), query.type)) return null;
  return shown(frame, text, query.payload);
}

function shown({ seq, entry, payload }: LogFrame, text: string | null, form: PayloadForm): LoggedEvent {
  return {
    kind: 'frame',
    seq,
    at: time(entry.at),
    direction: entry.direction,
    client: clientName(entry.client),
    opcode: entry.opcode,
    bytes: payload === null ? entry.length : payload.length,
    type: typeOf(text),
    ...(entry.translated ? { translated: true } : {}),
    ...(entry.redacted ? { redacted: true } : {}),
    ...(payload === null ? { omitted: true } : shownPayload(payload, text, form)),
  };
}

function shownPayload(payload: Uint8Array, text: string | null, form: PayloadForm) {
  const parsed = form === 'parsed' ? jsonIn(payload, text) : undefined;
  if (parsed !== undefined) return { parsed };
  return text === null || form === 'base64' ? { base64: toBase64(payload) } : { text };
}

const OBJECT_BEGINS = 0x7b;

/** Some providers send their JSON in binary frames. Sound is not looked into, unless it begins as an object does. */
function jsonIn(payload: Uint8Array, text: string | null): JsonValue | undefined {
  if (text !== null) return parseJson(text);
  return payload[0] === OBJECT_BEGINS ? parseJson(decoder.decode(payload)) : undefined;
}

function shownItem(item: Exclude<LogItem, LogFrame>): LoggedEvent {
  return item.kind === 'gap'
    ? { kind: 'gap', seq: item.seq, at: time(item.at), ...item.body }
    : { kind: 'corrupt', seq: item.seq, to_seq: item.toSeq };
}

function shownRun({ seq, toSeq, at, until, streams }: AudioRun): LoggedEvent {
  return {
    kind: 'audio',
    seq,
    to_seq: toSeq,
    at: time(at),
    until: time(until),
    streams: streams.map(({ direction, client, frames, bytes, audioBytes, ms }) => ({
      direction,
      client: clientName(client),
      frames,
      bytes,
      audio_bytes: audioBytes,
      ms: ms === null ? null : Math.round(ms),
    })),
  };
}

function textOf({ entry, payload }: LogFrame): string | null {
  return payload !== null && entry.opcode === 'text' ? decoder.decode(payload) : null;
}

function typeOf(text: string | null): string | null {
  return text?.startsWith('{') === true ? (asText(member(parseJson(text), 'type')) ?? null) : null;
}

function matches(type: string | null, wanted: string): boolean {
  if (type === null) return false;
  return wanted.endsWith('*') ? type.startsWith(wanted.slice(0, -1)) : type === wanted;
}

function clientName(client: number): string | null {
  return client === 0 ? null : `c${client}`;
}

function time(at: number): string {
  return new Date(at).toISOString();
}

const BASE64_STEP = 0x8000 - (0x8000 % 3);

export function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let offset = 0; offset < bytes.length; offset += BASE64_STEP) {
    text += btoa(String.fromCharCode(...bytes.subarray(offset, offset + BASE64_STEP)));
  }
  return text;
}
