/**
 * A session as HAR 1.2, with its frames as Chrome DevTools keeps those of a WebSocket (`_webSocketMessages`). DevTools leaves out,
 * without a word, a message that lacks any of `type`, `time`, `opcode` and `data`.
 */
import type { JsonObject } from '../protocol/json.ts';
import { toBase64 } from './events.ts';
import type { LogFrame, LogItem } from './frame-log.ts';
import type { SessionView } from './session-store.ts';

const SECOND_MS = 1000;
const TEXT = 1;
const BINARY = 2;

/** One client, and when it was there, as the records of joining and leaving say. */
export interface HarClient {
  readonly name: string;
  readonly joinedAt: number;
  readonly leftAt: number | null;
}

/** Whose socket an entry is about: the provider's, or one client's. */
type Side = { readonly of: 'session' } | ({ readonly of: 'client' } & HarClient);

export interface HarOptions {
  /** Where clients connect, without a credential: what is in the entries as their URL. */
  readonly url: string;
  readonly version: string;
  /** ms since the epoch: of a live session, until when it is told. */
  readonly now: number;
  /** Those of the session. Where there are several, each has an entry of its own beside that of the whole session. */
  readonly clients: readonly HarClient[];
  /** The log from its beginning, as often as it is asked for. */
  readonly log: () => AsyncGenerator<LogItem>;
}

/** Piece by piece: a day's session does not fit into memory. */
export async function* harOf(view: SessionView, options: HarOptions): AsyncGenerator<string> {
  const startedDateTime = time(view.opening.startedAt);
  const page = { startedDateTime, id: view.opening.address.id, title: options.url, pageTimings: {} };
  const creator = { name: 'Parley', version: options.version };
  yield `{"log":{"version":"1.2","creator":${JSON.stringify(creator)},"pages":[${JSON.stringify(page)}],"entries":[`;
  yield* entry(view, options, { of: 'session' });
  if (options.clients.length > 1)
    for (const client of options.clients) {
      yield ',';
      yield* entry(view, options, { of: 'client', ...client });
    }
  yield ']}}';
}

async function* entry(view: SessionView, options: HarOptions, side: Side): AsyncGenerator<string> {
  const head = JSON.stringify(headOf(view, options, side));
  yield `${head.slice(0, -1)},"_webSocketMessages":[`;
  let isFirst = true;
  let at = view.opening.startedAt;
  for await (const item of options.log()) {
    at = timeOf(item) ?? at;
    const message = messageOf(item, side, at);
    if (message === null) continue;
    yield `${isFirst ? '' : ','}${JSON.stringify(message)}`;
    isFirst = false;
  }
  yield ']}';
}

function headOf({ opening, live, ending }: SessionView, { url, now }: HarOptions, side: Side): JsonObject {
  const from = side.of === 'session' ? opening.startedAt : side.joinedAt;
  const until = (side.of === 'session' ? null : side.leftAt) ?? ending?.at ?? now;
  const wait = side.of === 'session' ? (live?.dialMs ?? 0) : 0;
  const total = Math.max(wait, until - from);
  const query = [...new URL(url).searchParams].map(([name, value]) => ({ name, value }));
  return {
    startedDateTime: time(from),
    time: total,
    pageref: opening.address.id,
    comment:
      side.of === 'session'
        ? `session ${opening.address.id}: ${opening.provider}, every frame`
        : `client ${side.name} of session ${opening.address.id}`,
    request: {
      method: 'GET',
      url,
      httpVersion: 'HTTP/1.1',
      // Not recorded: there are credentials among them.
      headers: [],
      queryString: query,
      cookies: [],
      headersSize: -1,
      bodySize: 0,
    },
    response: {
      // As browsers have it of what was never answered: who connected was refused.
      ...(live === null && ending !== null ? NO_ANSWER : SWITCHED),
      httpVersion: 'HTTP/1.1',
      headers: [],
      cookies: [],
      content: { size: 0, mimeType: 'x-unknown' },
      redirectURL: '',
      headersSize: -1,
      bodySize: -1,
    },
    cache: {},
    timings: { send: 0, wait, receive: total - wait },
    _resourceType: 'websocket',
    ...(live === null && ending !== null ? { _error: ending.reason } : {}),
  };
}

const SWITCHED = { status: 101, statusText: 'Switching Protocols' };
const NO_ANSWER = { status: 0, statusText: '' };

/** Null: nobody knows any more. */
function timeOf(item: LogItem): number | null {
  if (item.kind === 'corrupt') return null;
  return item.kind === 'frame' ? item.entry.at : item.at;
}

/**
 * Null for what this side did not see. Send and receive are the client's.
 *
 * @param at when it was, or what was before it
 */
function messageOf(item: LogItem, side: Side, at: number): JsonObject | null {
  switch (item.kind) {
    case 'frame':
      return isOf(item, side) ? frameOf(item) : null;
    case 'gap':
      return {
        type: 'error',
        time: at / SECOND_MS,
        opcode: TEXT,
        data: `gap: ${JSON.stringify(item.body)}`,
      };
    case 'corrupt':
      return {
        type: 'error',
        time: at / SECOND_MS,
        opcode: TEXT,
        data: `frames ${item.seq} to ${item.toSeq} cannot be read: the row is damaged`,
      };
  }
}

function isOf({ entry }: LogFrame, side: Side): boolean {
  if (side.of === 'session') return true;
  // Of a frame from the provider: to whom alone it went.
  if (entry.client !== 0) return `c${entry.client}` === side.name;
  if (entry.direction === 'up') return false;
  return entry.at >= side.joinedAt && (side.leftAt === null || entry.at <= side.leftAt);
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: false });

function frameOf({ seq, entry, payload }: LogFrame): JsonObject {
  const isText = entry.opcode === 'text';
  return {
    type: entry.direction === 'up' ? 'send' : 'receive',
    time: entry.at / SECOND_MS,
    opcode: isText ? TEXT : BINARY,
    data: payload === null ? '' : isText ? decoder.decode(payload) : toBase64(payload),
    _seq: seq,
    ...(entry.client !== 0 ? { _client: `c${entry.client}` } : {}),
    ...(payload === null ? { _omitted: true, _bytes: entry.length } : {}),
    ...(entry.redacted ? { _redacted: true } : {}),
    ...(entry.translated ? { _translated: true } : {}),
  };
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
