/** REST over sessions: list, one, end, delete. */
import { directoryObjectName, sessionObjectName } from '../protocol/connect.ts';
import { BrokerError } from '../protocol/errors.ts';
import { JSON_FORM } from '../protocol/media-types.ts';
import type { SessionSummary } from '../protocol/recording.ts';
import { SessionPatch, SessionsQuery } from '../protocol/rest.ts';
import { summaryShape } from '../protocol/summary-shape.ts';
import { LIMITS } from '../session/limits.ts';
import { entity } from './entity.ts';
import { parseQuery, readBody, timeRange } from './read-request.ts';
import type { RouteContext } from './routes.ts';
import { envelope, ok } from './respond.ts';
import { allRecords, recorderOf, viewOf } from './session-record.ts';
import { sessionShape } from './session-shape.ts';

const METADATA_PREFIX = 'metadata.';

export async function listSessions({ request, env, account, gateway }: RouteContext): Promise<Response> {
  const parameters = [...new URL(request.url).searchParams];
  const tags = parameters.filter(([name]) => name.startsWith(METADATA_PREFIX));
  const query = parseQuery(
    SessionsQuery,
    parameters.filter(([name]) => !name.startsWith(METADATA_PREFIX)),
    ' or metadata.<key>',
  );
  if (tags.length > LIMITS.metadataTags) {
    throw new BrokerError('invalid_request', {
      problem: `the query has ${tags.length} metadata filters; a session has at most ${LIMITS.metadataTags} tags`,
    });
  }
  const limit = query.limit ?? LIMITS.pageSessions / 5;
  const filter = {
    status: query.status ?? null,
    provider: query.provider ?? null,
    model: query.model ?? null,
    endedReason: query.ended_reason ?? null,
    ...timeRange(query),
    minCostNano: query.min_cost ?? null,
    redriveOf: query.redrive_of ?? null,
    metadata: tags.map(([name, value]) => [name.slice(METADATA_PREFIX.length), value] as const),
  };
  const cursor = query.cursor === undefined ? null : readCursor(query.cursor);
  const directory = env.DIRECTORY.getByName(directoryObjectName(account, gateway));
  // One more than the page shows whether there is a next one.
  const found = await directory.list(filter, cursor, limit + 1);
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return ok(page.map(summaryShape), {
    count: page.length,
    cursor: found.length > limit && last !== undefined ? writeCursor(last) : null,
    per_page: limit,
  });
}

export async function getSession(context: RouteContext): Promise<Response> {
  const { shape, isEnded } = await described(context);
  return entity(context.request, envelope(shape), JSON_FORM.json, isEnded);
}

async function described(context: RouteContext) {
  const view = await viewOf(context);
  const kinds = ['turn', 'client.joined', 'client.left', 'client.updated', 'gap', 'budget', 'error'] as const;
  const { records } = await allRecords(context, kinds, LIMITS.recordsBacklog);
  return { shape: sessionShape(view, records), isEnded: view.ending !== null };
}

/** Tags, feedback and score: what people say of a session, while it lives or afterwards. */
export async function patchSession(context: RouteContext): Promise<Response> {
  const changes = await readBody(context.request, SessionPatch);
  if (!(await recorderOf(context).annotate(changes))) throw new BrokerError('session_not_found');
  return ok((await described(context)).shape);
}

export async function endSession(context: RouteContext): Promise<Response> {
  const id = context.session;
  const view = await viewOf(context);
  if (view.ending === null) await sessionOf(context).end('ended_by_request');
  return ok({ id, status: 'ended' });
}

/** Deletes for good, a live session too; deleting what is not there is not an error. */
export async function deleteSession(context: RouteContext): Promise<Response> {
  const { env, account, gateway, session: id } = context;
  const recorder = recorderOf(context);
  const directory = env.DIRECTORY.getByName(directoryObjectName(account, gateway));
  const wasPlanned = await directory.removePlanned(id);
  const view = await recorder.describe();
  if (view === null) return ok({ id, deleted: wasPlanned });
  if (view.ending === null) await sessionOf(context).end('deleted');
  await recorder.tellDirectory();
  // The record goes last: as long as it is there, a deletion that was cut off is done by the next one.
  await directory.remove(id, view.opening.startedAt);
  return ok({ id, deleted: await recorder.erase() });
}

function writeCursor(summary: SessionSummary): string {
  return btoa(`${summary.startedAt} ${summary.id}`)
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

function readCursor(text: string): { startedAt: number; id: string } {
  try {
    const [startedAt, id] = atob(text.replaceAll('-', '+').replaceAll('_', '/')).split(' ');
    if (startedAt !== undefined && id !== undefined && /^[0-9]+$/.test(startedAt))
      return { startedAt: Number(startedAt), id };
  } catch {
    // Not base64: the same answer as for any other text that is no cursor of ours.
  }
  throw new BrokerError('invalid_request', { problem: 'cursor is not one that this API gave' });
}

function sessionOf({ env, account, gateway, session }: RouteContext) {
  return env.SESSION.getByName(sessionObjectName({ account, gateway, id: session }));
}
