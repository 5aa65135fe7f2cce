/**
 * Cloudflare AI Gateway's log API, so that what was built on it, and Cloudflare's own SDK, reads sessions: one log is one
 * session, its request the frames that went up, its response those that came down.
 */
import type { Env } from '../durable-objects/environment.ts';
import { directoryObjectName } from '../protocol/connect.ts';
import { BrokerError } from '../protocol/errors.ts';
import type { SessionSummary } from '../protocol/recording.ts';
import { SessionPatch } from '../protocol/rest.ts';
import { tokensOf } from '../protocol/usage-sums.ts';
import { providerFor } from '../providers/registry.ts';
import { servedPath } from '../providers/served-path.ts';
import { LIMITS } from '../session/limits.ts';
import { DELETE_NAMES, LIST_NAMES, readLogQuery, wholeParameter } from './log-query.ts';
import { readBody } from './read-request.ts';
import { readView } from './read-view.ts';
import { json, ok } from './respond.ts';
import type { RouteContext } from './routes.ts';
import { recorderOf } from './session-record.ts';

const PER_PAGE = 20;
const NANO = 1_000_000_000;
const PAGE_MAX = 1_000_000;

export async function listLogs(context: RouteContext): Promise<Response> {
  const parameters = new URL(context.request.url).searchParams;
  const query = readLogQuery(parameters, LIST_NAMES);
  const page = wholeParameter(parameters, 'page', PAGE_MAX, 1);
  const perPage = wholeParameter(parameters, 'per_page', LIMITS.pageSessions, PER_PAGE);
  const withRanges = parameters.get('meta_info') === 'true';
  const found = await directoryOf(context).logs(query, (page - 1) * perPage, perPage, withRanges);
  return json({
    success: true,
    errors: [],
    messages: [],
    result: found.sessions.map((summary) => logShape(summary, context.env)),
    result_info: {
      page,
      per_page: perPage,
      count: found.sessions.length,
      total_count: found.total,
      ...found.ranges,
    },
  });
}

export async function getLog(context: RouteContext): Promise<Response> {
  const recorder = recorderOf(context);
  const [summary, view] = await Promise.all([recorder.summarize(), recorder.describe()]);
  if (summary === null || view === null) throw new BrokerError('session_not_found');
  const [request, response] = await Promise.all([
    headOf(await frames(context, 'up')),
    headOf(await frames(context, 'down')),
  ]);
  return ok({
    ...logShape(summary, context.env),
    request_head: request.text,
    request_head_complete: request.complete,
    request_size: view.totals?.bytes_up ?? 0,
    response_head: response.text,
    response_head_complete: response.complete,
    response_size: view.totals?.bytes_down ?? 0,
  });
}

export async function editLog(context: RouteContext): Promise<Response> {
  const recorder = recorderOf(context);
  const changed = await recorder.annotate(await readBody(context.request, SessionPatch));
  const summary = changed ? await recorder.summarize() : null;
  if (summary === null) throw new BrokerError('session_not_found');
  return ok(logShape(summary, context.env));
}

/** What was found is hidden before the answer, and deleted for good in the next moments. Live sessions stay. */
export async function deleteLogs(context: RouteContext): Promise<Response> {
  const parameters = new URL(context.request.url).searchParams;
  const query = readLogQuery(parameters, DELETE_NAMES);
  await directoryOf(context).deleteLogs(
    query,
    wholeParameter(parameters, 'limit', Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  );
  return ok(null);
}

export function getLogRequest(context: RouteContext): Promise<Response> {
  return frames(context, 'up');
}

export function getLogResponse(context: RouteContext): Promise<Response> {
  return frames(context, 'down');
}

/** One frame a line, as in the frame log. */
function frames(context: RouteContext, direction: 'up' | 'down'): Promise<Response> {
  return readView(context, 'events', { form: 'ndjson', direction });
}

/** The beginning of a body, cut at `LIMITS.logHeadBytes`. */
async function headOf({ body }: Response): Promise<{ text: string; complete: boolean }> {
  if (body === null) return { text: '', complete: true };
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let text = '';
  while (text.length <= LIMITS.logHeadBytes) {
    const { value, done } = await reader.read();
    if (done) return { text, complete: true };
    text += decoder.decode(value, { stream: true });
  }
  await reader.cancel();
  return { text: text.slice(0, LIMITS.logHeadBytes), complete: false };
}

/** Cloudflare's names first; theirs are all that its SDK knows, ours come beside them. */
function logShape(summary: SessionSummary, env: Env) {
  const { sums } = summary;
  const tokens = tokensOf(sums);
  return {
    id: summary.id,
    created_at: new Date(summary.startedAt).toISOString(),
    provider: summary.provider,
    // Always text for its consumers.
    model: summary.model ?? '',
    path: pathOf(summary, env),
    duration: summary.status === 'live' ? Date.now() - summary.startedAt : sums.duration_ms,
    success: summary.success,
    cached: false,
    tokens_in: tokens?.in ?? null,
    tokens_out: tokens?.out ?? null,
    ...(summary.costNano === null ? {} : { cost: summary.costNano / NANO }),
    metadata: JSON.stringify(summary.metadata),
    request_type: 'websocket',
    // Whoever was refused got another one; it is in the session.
    ...(summary.success ? { status_code: 101 } : {}),
    step: 0,
    event_id: summary.eventId ?? summary.id,
    feedback: summary.feedback,
    score: summary.score,
    status: summary.status,
    ended_reason: summary.endedReason,
    turns: sums.turns,
    audio_in_ms: sums.audio_in_unknown > 0 ? null : sums.audio_in_ms,
    audio_out_ms: sums.audio_out_unknown > 0 ? null : sums.audio_out_ms,
  };
}

/** The provider's, also where the client had named none. */
function pathOf({ path, provider, model }: SessionSummary, env: Env): string {
  const adapter = path === '' ? providerFor(provider, env) : undefined;
  if (adapter === undefined) return path;
  return servedPath(adapter, { path, query: model === null ? [] : [['model', model]] });
}

function directoryOf({ env, account, gateway }: RouteContext) {
  return env.DIRECTORY.getByName(directoryObjectName(account, gateway));
}
