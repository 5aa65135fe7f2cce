/** A session as HAR, as its recorder answers. */
import { isKnown } from '../protocol/entity-tag.ts';
import { asObject, asText, parseJson } from '../protocol/json.ts';
import { LIMITS } from '../session/limits.ts';
import { LogPlace, readLog } from '../storage/frame-log.ts';
import { type HarClient, harOf } from '../storage/har.ts';
import type { SessionStore } from '../storage/session-store.ts';
import type { Reading } from './reading.ts';
import { cacheHeaders, recordTag } from './record-tag.ts';
import { logAccess } from './give-way.ts';
import { begun } from './text-stream.ts';

/** The query was written by the edge: `url`, where clients connect, without a credential; `version`, of this Parley. */
export async function harResponse({ store, query, request }: Reading): Promise<Response> {
  const view = store.view();
  if (view === null) return new Response(null, { status: 404 });
  const version = query.get('version') ?? '';
  const etag = recordTag(view, `har-${version}`);
  const headers = { 'content-type': 'application/json; charset=utf-8', ...cacheHeaders(etag) };
  if (isKnown(request.headers.get('if-none-match'), etag))
    return new Response(null, { status: 304, headers });
  // It is read once for each entry: what a live session says meanwhile is in none. What an ended one lacks stands after all.
  const before = view.ending === null ? view.lastSeq + 1 : null;
  const text = harOf(view, {
    url: query.get('url') ?? '',
    version,
    now: Date.now(),
    clients: clientsOf(store),
    log: () => readLog(store, new LogPlace(0), before, logAccess()),
  });
  return new Response(await begun(text), { headers });
}

function clientsOf(store: SessionStore): readonly HarClient[] {
  const records = store.records(['client.joined', 'client.left'], 0, LIMITS.recordsBacklog);
  const told = records.map(({ kind, at, body }) => {
    const name = asText(asObject(parseJson(body))?.['client']) ?? '';
    return { kind, at, name };
  });
  return told
    .filter(({ kind }) => kind === 'client.joined')
    .map(({ name, at }) => ({
      name,
      joinedAt: at,
      leftAt: told.find((each) => each.kind === 'client.left' && each.name === name)?.at ?? null,
    }));
}
