/** One session as REST shows it, out of its record. */
import { BUDGETS } from '../protocol/admission.ts';
import { ROLES } from '../protocol/connect.ts';
import { asCount, asObject, asText, type JsonObject, type JsonValue, parseJson } from '../protocol/json.ts';
import { dollars } from '../protocol/money.ts';
import { PRICE_TABLE_DATE } from '../protocol/price-table.ts';
import { COST_NOTES } from '../protocol/prices.ts';
import { isCostComplete, isUsageComplete, NO_USAGE, type Totals } from '../protocol/recording.ts';
import { GAP_REASONS, type SessionShape } from '../protocol/rest.ts';
import { moneyShape } from '../protocol/summary-shape.ts';
import type { SessionView, StoredRecord } from '../storage/session-store.ts';

interface ReadRecord extends Omit<StoredRecord, 'body'> {
  readonly body: JsonObject;
}

/** One turn, out of its record. */
export function turnOf(record: StoredRecord): SessionShape['turns'][number] {
  return turnShape({ ...record, body: asObject(parseJson(record.body)) ?? {} });
}

/** @param stored the session's turns, gaps, joins, leaves, spent budgets and errors, in order */
export function sessionShape(view: SessionView, stored: readonly StoredRecord[]): SessionShape {
  const records = stored.map((record) => ({ ...record, body: asObject(parseJson(record.body)) ?? {} }));
  const { opening, live, ending, totals } = view;
  const turns = records.filter((record) => record.kind === 'turn').map(turnShape);
  return {
    id: opening.address.id,
    account: opening.address.account,
    gateway: opening.address.gateway,
    status: ending === null ? 'live' : 'ended',
    provider: opening.provider,
    model: opening.model ?? totals?.model ?? null,
    simulated: opening.simulated,
    key_source: opening.credentialSource,
    log: opening.log,
    started_at: time(opening.startedAt),
    live_at: live === null ? null : time(live.at),
    dial_ms: live?.dialMs ?? null,
    ended_at: ending === null ? null : time(ending.at),
    duration_ms: ending === null ? null : Math.max(0, ending.at - opening.startedAt),
    ended_reason: ending?.reason ?? null,
    closed_by: ending?.closedBy ?? null,
    close_code: ending?.code ?? null,
    close_reason: ending?.closeReason ?? null,
    metadata: view.annotations.metadata ?? opening.metadata,
    feedback: view.annotations.feedback,
    score: view.annotations.score,
    event_id: opening.eventId,
    redrive_of: opening.redriveOf ?? null,
    clients: clientShapes(records, ending?.at ?? null),
    frames: {
      up: totals?.frames_up ?? 0,
      down: totals?.frames_down ?? 0,
      bytes_up: totals?.bytes_up ?? 0,
      bytes_down: totals?.bytes_down ?? 0,
      not_logged: totals?.frames_not_logged ?? 0,
      redacted: totals?.frames_redacted ?? 0,
    },
    failed_dials: records.flatMap((record) => failedDialShapes(record, opening)),
    gaps: records.filter((record) => record.kind === 'gap').map(gapShape),
    received: totals?.received ?? 0,
    log_bytes: view.logBytes,
    turns,
    latency: latency(turns),
    silence: { total_ms: totals?.silence_ms ?? null, longest_ms: totals?.longest_silence_ms ?? null },
    interruptions: totals?.interruptions ?? 0,
    tool_calls: totals?.tool_calls ?? 0,
    errors: totals?.errors ?? 0,
    audio: audio(totals),
    usage: {
      response: totals?.response ?? NO_USAGE,
      transcription: totals?.transcription ?? NO_USAGE,
      complete: isUsageComplete(totals, ending),
    },
    cost: costShape(view),
    budgets: records.filter((record) => record.kind === 'budget').map(budgetShape),
  };
}

function costShape(view: SessionView): SessionShape['cost'] {
  const { totals } = view;
  const notes = totals?.cost_notes ?? {};
  return {
    ...moneyShape(totals?.cost_nano ?? null, isCostComplete(totals, view.ending)),
    reports_priced: totals?.reports_priced ?? 0,
    unpriced: [...(totals?.unpriced ?? [])],
    notes: COST_NOTES.flatMap((note) => (notes[note] === undefined ? [] : [{ note, reports: notes[note] }])),
    price_table: PRICE_TABLE_DATE,
  };
}

function audio(totals: Totals | null): SessionShape['audio'] {
  return totals === null
    ? { in_ms: null, out_ms: null }
    : { in_ms: totals.audio_in_ms, out_ms: totals.audio_out_ms };
}

/** Of the errors those that were dials. */
function failedDialShapes(
  { kind, at, body }: ReadRecord,
  { provider, model }: Pick<SessionView['opening'], 'provider' | 'model'>,
): SessionShape['failed_dials'] {
  const attempt = asCount(body['attempt']);
  if (kind !== 'error' || attempt === undefined) return [];
  const dialled = asText(body['provider']);
  return [
    {
      at: time(at),
      provider: dialled ?? provider,
      model: dialled === undefined ? model : (asText(body['model']) ?? null),
      attempt,
      code: asText(body['code']) ?? '',
      status: asCount(body['status']) ?? null,
    },
  ];
}

function gapShape({ seq, at, body }: ReadRecord): SessionShape['gaps'][number] {
  return {
    seq,
    at: time(at),
    reason: oneOf(asText(body['reason']), GAP_REASONS) ?? 'recorder_behind',
    frames: asCount(body['frames']) ?? null,
    bytes: asCount(body['bytes']) ?? null,
  };
}

function turnShape({ seq, body }: ReadRecord): SessionShape['turns'][number] {
  return {
    response_id: asText(body['response_id']) ?? '',
    outcome:
      oneOf(asText(body['outcome']), ['completed', 'interrupted', 'failed', 'incomplete']) ?? 'incomplete',
    output: oneOf(asText(body['output']), ['audio', 'text']),
    asked_at: optionalTime(body['asked_at']),
    first_output_at: optionalTime(body['first_output_at']),
    first_output_ms: asCount(body['first_output_ms']) ?? null,
    duration_ms: asCount(body['duration_ms']) ?? null,
    seq,
  };
}

function budgetShape({ at, body }: ReadRecord): SessionShape['budgets'][number] {
  return {
    budget: oneOf(asText(body['budget']), BUDGETS) ?? 'gateway_day',
    limit_usd: dollars(asCount(body['limit_nano']) ?? 0),
    spent_usd: dollars(asCount(body['spent_nano']) ?? 0),
    verdict: oneOf(asText(body['verdict']), ['warned', 'ended']) ?? 'warned',
    at: time(at),
  };
}

/** Whoever was cut off by a crash left without a word: at the latest when the session went on, or ended. */
function clientShapes(records: readonly ReadRecord[], endedAt: number | null): SessionShape['clients'] {
  const crashes = records.filter(({ kind, body }) => kind === 'gap' && body['reason'] === 'interrupted');
  return records
    .filter((record) => record.kind === 'client.joined')
    .map((joined) => {
      const crash = crashes.find((each) => records.indexOf(each) > records.indexOf(joined));
      const id = asText(joined.body['client']) ?? '';
      const changed = records.findLast(
        (record) => record.kind === 'client.updated' && record.body['client'] === id,
      );
      const left = records.find((record) => record.kind === 'client.left' && record.body['client'] === id);
      return {
        id,
        role: oneOf(asText((changed ?? joined).body['role']), ROLES) ?? 'observer',
        user_agent: asText(joined.body['user_agent']) ?? null,
        joined_at: time(joined.at),
        ...leftShape(left?.at ?? crash?.at ?? endedAt, left?.body ?? {}),
      };
    });
}

function leftShape(at: number | null, body: JsonObject) {
  return {
    left_at: at === null ? null : time(at),
    close_code: asCount(body['code']) ?? null,
    close_reason: asText(body['reason']) ?? null,
  };
}

function latency(turns: SessionShape['turns']): SessionShape['latency'] {
  const measured = turns
    .map((turn) => turn.first_output_ms)
    .filter((ms) => ms !== null)
    .toSorted((a, b) => a - b);
  return {
    turns: measured.length,
    p50_ms: percentile(measured, 0.5),
    p95_ms: percentile(measured, 0.95),
    max_ms: measured.at(-1) ?? null,
  };
}

/** The smallest value that this share of all does not exceed (nearest rank): always one that was measured. */
function percentile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.ceil(sorted.length * share) - 1] ?? null;
}

function oneOf<const T extends string>(value: string | undefined, allowed: readonly T[]): T | null {
  return allowed.find((each) => each === value) ?? null;
}

function optionalTime(at: JsonValue | undefined): string | null {
  return typeof at === 'number' ? time(at) : null;
}

function time(at: number): string {
  return new Date(at).toISOString();
}
