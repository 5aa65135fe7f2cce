/** The transcript of a session, out of its record. */
import { asCount, asObject, asText, type JsonObject, parseJson } from '../protocol/json.ts';
import type { Speech, Transcript, TranscriptEntry } from '../protocol/transcript.ts';
import type { SessionView, StoredRecord } from '../storage/session-store.ts';

export const TRANSCRIPT_RECORDS = ['transcript', 'tool', 'turn', 'gap'] as const;

/** People say about so many characters a second: what is not known of a beginning or an end is guessed from it. */
const CHARACTERS_PER_SECOND = 15;
const SHORTEST_MS = 300;

interface Read extends Omit<StoredRecord, 'body'> {
  readonly body: JsonObject;
}

interface Turn {
  readonly seq: number;
  readonly at: number;
  readonly askedAt: number | null;
  readonly startedAt: number | null;
  readonly firstOutputAt: number | null;
  readonly interrupted: boolean;
}

/** @param complete false: there is more than was handed in */
export function transcriptOf(
  view: SessionView,
  stored: readonly StoredRecord[],
  complete: boolean,
): Transcript {
  const records = stored.map((record) => ({ ...record, body: asObject(parseJson(record.body)) ?? {} }));
  const { opening, ending } = view;
  return {
    session: opening.address.id,
    status: ending === null ? 'live' : 'ended',
    started_at: time(opening.startedAt),
    derived: true,
    complete:
      complete &&
      opening.log === 'full' &&
      !records.some(({ kind, body }) => kind === 'gap' && losesRecords(body)),
    entries: entriesOf(records, opening.startedAt),
  };
}

function losesRecords(body: JsonObject): boolean {
  return body['reason'] === 'records_lost' || body['reason'] === 'interrupted';
}

function entriesOf(records: readonly Read[], startedAt: number): TranscriptEntry[] {
  const turns = records.filter(({ kind }) => kind === 'turn').map(turnOf);
  const entries: TranscriptEntry[] = [];
  const saidLast = new Map<Speech['speaker'], Speech>();
  let next = 0;
  for (const record of records) {
    // The turn that was under way, or came next: both are in the order of the log.
    while ((turns[next]?.seq ?? Number.POSITIVE_INFINITY) < record.seq) next += 1;
    if (record.kind === 'tool') entries.push(toolOf(record, startedAt));
    if (record.kind !== 'transcript' || asText(record.body['text'])?.trim() === '') continue;
    const said = saidOf(record, turns[next], startedAt);
    const before = saidLast.get(said.speaker);
    const speech = before === undefined ? said : place(entries, said, before);
    entries.push(speech);
    saidLast.set(speech.speaker, speech);
  }
  return entries.toSorted((a, b) => a.start_ms - b.start_ms || a.seq - b.seq);
}

function saidOf({ seq, at, body }: Read, turn: Turn | undefined, startedAt: number): Speech {
  const text = asText(body['text']) ?? '';
  const speaker = body['speaker'] === 'user' ? 'user' : 'model';
  const lasts = Math.max(SHORTEST_MS, Math.round((text.length * 1000) / CHARACTERS_PER_SECOND));
  const span =
    speaker === 'user' ? userSpan(at, lasts, turn, startedAt) : modelSpan(at, lasts, turn, startedAt);
  return {
    kind: 'speech',
    speaker,
    item_id: asText(body['item_id']) ?? '',
    text,
    at: time(at),
    ...span,
    interrupted: speaker === 'model' && turn?.interrupted === true && isWithin(turn, at),
    corrected: false,
    seq,
  };
}

/** It ended when an answer was asked for, if that is known, and at the latest when its text came. */
function userSpan(at: number, lasts: number, turn: Turn | undefined, startedAt: number) {
  const asked = turn?.askedAt ?? null;
  const end = Math.max(1, (asked !== null && asked <= at ? asked : at) - startedAt);
  return { start_ms: Math.max(0, Math.min(end - 1, end - lasts)), end_ms: end };
}

/** It began with the answer's first output; providers send sound faster than it is heard, so its end is not on the wire. */
function modelSpan(at: number, lasts: number, turn: Turn | undefined, startedAt: number) {
  const first = turn !== undefined && isWithin(turn, at) ? (turn.firstOutputAt ?? at) : at;
  const start = Math.max(0, Math.min(first, at) - startedAt);
  const cut = turn?.interrupted === true && isWithin(turn, at) ? turn.at - startedAt : start + lasts;
  return { start_ms: start, end_ms: Math.max(start + 1, Math.min(start + lasts, cut)) };
}

function place(entries: TranscriptEntry[], said: Speech, last: Speech): Speech {
  const found = placed(said, last);
  entries.splice(entries.lastIndexOf(last), 1, ...(found.before === null ? [] : [found.before]));
  return found.said;
}

/** Nobody says two things at once. Where a guess says so, the known end stands, or the known beginning. */
function placed(said: Speech, before: Speech): { readonly said: Speech; readonly before: Speech | null } {
  if (said.item_id === before.item_id && before.text.startsWith(said.text.replace(/(\.\.\.|…)$/, ''))) {
    const span = { start_ms: before.start_ms, end_ms: before.start_ms + length(said) };
    return { said: { ...said, ...span, corrected: true }, before: null };
  }
  if (said.start_ms >= before.end_ms) return { said, before };
  if (said.speaker === 'user' && said.end_ms > before.end_ms)
    return { said: { ...said, start_ms: before.end_ms }, before };
  if (said.speaker === 'model' && said.start_ms > before.start_ms)
    return { said, before: { ...before, end_ms: said.start_ms } };
  return {
    said: { ...said, start_ms: before.end_ms, end_ms: before.end_ms + length(said) },
    before,
  };
}

function length({ start_ms: start, end_ms: end }: Speech): number {
  return Math.max(1, end - start);
}

function toolOf({ seq, at, body }: Read, startedAt: number): TranscriptEntry {
  return {
    kind: 'tool',
    call_id: asText(body['call_id']) ?? '',
    name: asText(body['name']) ?? '',
    at: time(at),
    start_ms: Math.max(0, at - startedAt),
    seq,
  };
}

function turnOf({ seq, at, body }: Read): Turn {
  return {
    seq,
    at,
    askedAt: asCount(body['asked_at']) ?? null,
    startedAt: asCount(body['started_at']) ?? null,
    firstOutputAt: asCount(body['first_output_at']) ?? null,
    interrupted: body['outcome'] === 'interrupted',
  };
}

function isWithin({ startedAt, at: endedAt }: Turn, at: number): boolean {
  return (startedAt ?? endedAt) <= at && at <= endedAt;
}

function time(at: number): string {
  return new Date(at).toISOString();
}
