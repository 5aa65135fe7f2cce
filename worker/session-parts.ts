/** A session's turns, usage and participants, each by itself. */
import { asArray, asCount, asObject, asText, type JsonValue, parseJson } from '../protocol/json.ts';
import { JSON_FORM } from '../protocol/media-types.ts';
import { COST_NOTES, UNPRICED_REASONS } from '../protocol/prices.ts';
import type { LogRecord } from '../protocol/recording.ts';
import {
  RecordsQuery,
  type SessionUsageShape,
  type TurnShape,
  USAGE_UNITS,
} from '../protocol/session-views.ts';
import { LIMITS } from '../session/limits.ts';
import type { SessionView, StoredRecord } from '../storage/session-store.ts';
import { entity } from './entity.ts';
import { formFor } from './forms.ts';
import { parseQuery } from './read-request.ts';
import { envelope, type PageInfo } from './respond.ts';
import type { RouteContext } from './routes.ts';
import { sessionShape, turnOf } from './session-shape.ts';
import { allRecords, recordsOf, viewOf } from './session-record.ts';

export async function getTurns(context: RouteContext): Promise<Response> {
  const { view, records, info } = await pageOf(context, 'turn');
  return answer(context, view, records.map(turnShape), info);
}

export async function getSessionUsage(context: RouteContext): Promise<Response> {
  const { view, records, info } = await pageOf(context, 'usage');
  const { usage, audio, cost } = sessionShape(view, []);
  return answer(context, view, { ...usage, audio, cost, reports: records.map(reportShape) }, info);
}

export async function getParticipants(context: RouteContext): Promise<Response> {
  formFor(context, JSON_FORM);
  const view = await viewOf(context);
  const kinds = ['client.joined', 'client.left', 'client.updated', 'gap'] as const;
  const { records } = await allRecords(context, kinds, LIMITS.recordsBacklog);
  return answer(context, view, sessionShape(view, records).clients);
}

function answer({ request }: RouteContext, view: SessionView, result: unknown, info?: PageInfo) {
  return entity(request, envelope(result, info), JSON_FORM.json, view.ending !== null);
}

/** Records of one kind. The cursor is a record's number. */
async function pageOf(context: RouteContext, kind: LogRecord['kind']) {
  formFor(context, JSON_FORM);
  const query = parseQuery(RecordsQuery, [...new URL(context.request.url).searchParams]);
  const limit = query.limit ?? LIMITS.pageEvents;
  const view = await viewOf(context);
  // One more than the page shows whether there is a next one.
  const found = await recordsOf(context, [kind], query.after ?? 0, limit + 1);
  const records = found.slice(0, limit);
  const cursor = found.length > limit ? String(records.at(-1)?.id ?? 0) : null;
  return { view, records, info: { count: records.length, cursor, per_page: limit } };
}

function turnShape(record: StoredRecord): TurnShape {
  const body = asObject(parseJson(record.body)) ?? {};
  const at = (name: string): number | null => asCount(body[name]) ?? null;
  return {
    ...turnOf(record),
    derived: true,
    started_at: optionalTime(at('started_at')),
    ended_at: time(record.at),
    stages: {
      accepted_ms: between(at('asked_at'), at('started_at')),
      thinking_ms: between(at('started_at'), at('first_output_at')),
      output_ms: between(at('first_output_at'), record.at),
    },
  };
}

function reportShape({ seq, at, body: text }: StoredRecord): SessionUsageShape['reports'][number] {
  const body = asObject(parseJson(text)) ?? {};
  const counted = asObject(body['counted']) ?? {};
  return {
    at: time(at),
    seq,
    purpose: body['purpose'] === 'transcription' ? 'transcription' : 'response',
    model: asText(body['model']) ?? null,
    source: body['source'] === 'measured' ? 'measured' : 'provider',
    counted: { ...counted, unit: unitOf(counted['unit']) },
    reported: body['usage'] ?? null,
    key: asText(body['key']) ?? '',
    cost_nano_usd: asCount(body['cost_nano']) ?? null,
    price: asText(body['price']) ?? null,
    price_date: asText(body['price_date']) ?? null,
    notes: COST_NOTES.filter((note) => (asArray(body['cost_notes']) ?? []).includes(note)),
    unpriced: UNPRICED_REASONS.find((reason) => reason === body['unpriced']) ?? null,
  };
}

function unitOf(unit: JsonValue | undefined): (typeof USAGE_UNITS)[number] {
  return USAGE_UNITS.find((each) => each === unit) ?? 'tokens';
}

function between(from: number | null, to: number | null): number | null {
  return from === null || to === null ? null : Math.max(0, to - from);
}

function optionalTime(at: number | null): string | null {
  return at === null ? null : time(at);
}

function time(at: number): string {
  return new Date(at).toISOString();
}
