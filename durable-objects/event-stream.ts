/** The frame log as an HTTP answer: a JSON page, or one line of JSON for each event. */
import { LIMITS } from '../session/limits.ts';
import { type EventQuery, type LoggedEvent, readEvents } from '../storage/events.ts';
import type { SessionStore } from '../storage/session-store.ts';
import { unpack } from './segment-codec.ts';

const encoder = new TextEncoder();

/**
 * @param parameters written by the edge, which checked them: after, before, direction, type, client, limit, format
 */
export function eventsResponse(store: SessionStore, parameters: URLSearchParams): Response {
  const query = queryOf(parameters);
  const limit = parameters.get('limit');
  const events = readEvents(store, query, unpack);
  if (parameters.get('format') === 'ndjson') {
    return new Response(streamed(lines(events, limit === null ? null : Number(limit))), {
      headers: { 'content-type': 'application/x-ndjson; charset=utf-8' },
    });
  }
  return new Response(streamed(page(events, Number(limit ?? LIMITS.pageEvents))), {
    headers: { 'content-type': 'application/json; charset=utf-8' },
  });
}

function queryOf(parameters: URLSearchParams): EventQuery {
  const before = parameters.get('before');
  const direction = parameters.get('direction');
  return {
    after: Number(parameters.get('after') ?? 0),
    before: before === null ? null : Number(before),
    direction: direction === 'up' || direction === 'down' ? direction : null,
    type: parameters.get('type'),
    client: parameters.get('client'),
  };
}

async function* lines(events: AsyncGenerator<LoggedEvent>, limit: number | null): AsyncGenerator<string> {
  let count = 0;
  for await (const event of events) {
    if (limit !== null && count >= limit) return;
    count += 1;
    yield `${JSON.stringify(event)}\n`;
  }
}

/**
 * The v4 envelope, written as it is read: a page of large frames would not fit one RPC value. A page ends early at
 * `LIMITS.pageBytes`; `cursor` is the number to continue after, or null at the end of what is stored.
 */
async function* page(events: AsyncGenerator<LoggedEvent>, limit: number): AsyncGenerator<string> {
  yield '{"success":true,"errors":[],"messages":[],"result":[';
  let count = 0;
  let bytes = 0;
  let last = 0;
  let more = false;
  for await (const event of events) {
    if (count >= limit || bytes >= LIMITS.pageBytes) {
      more = true;
      break;
    }
    const text = JSON.stringify(event);
    yield count === 0 ? text : `,${text}`;
    count += 1;
    bytes += text.length;
    // A record of lost records stands after later frames.
    last = Math.max(last, event.seq);
  }
  const info = { count, cursor: more ? String(last) : null, per_page: limit };
  yield `],"result_info":${JSON.stringify(info)}}`;
}

/** Written in pieces of about this size: a stream of single lines would be slow. */
const CHUNK_CHARACTERS = 65_536;

function streamed(text: AsyncGenerator<string>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      let out = '';
      while (out.length < CHUNK_CHARACTERS) {
        const next = await text.next();
        if (next.done === true) {
          if (out !== '') controller.enqueue(encoder.encode(out));
          controller.close();
          return;
        }
        out += next.value;
      }
      controller.enqueue(encoder.encode(out));
    },
    async cancel() {
      await text.return(undefined);
    },
  });
}
