/**
 * Reads GPT-Live, and its side-band and forks. A session is billed by its time, of which the provider tells the sum: now and
 * then, and when it ends. Source: `openai` 7.57, and OpenAI's guide to costs of 2026-11.
 */
import { asCount, asText, type JsonObject, type JsonValue, member } from '../protocol/json.ts';
import type { Observation, UsageObservation } from '../protocol/observations.ts';
import type { SocketLife } from './adapter.ts';

export type LiveState = {
  /** It accompanies a session that was begun elsewhere, and is neither its length nor its owner. */
  readonly isSideband: boolean;
  readonly isStarted: boolean;
  /** To the Responses API: only then can clients ask that backend for a response. */
  readonly delegates: boolean;
  /** `asked`: for the end, and the last usage is still to come. */
  readonly end: 'open' | 'asked' | 'told';
  /** The sum that was told last. */
  readonly seconds: number;
  readonly model: string | null;
};

export interface LiveReading {
  readonly live: LiveState;
  readonly observations: readonly Observation[];
}

const CLOSE = '{"type":"session.close"}';

/** @param path as dialled */
export function beginLive(path: string): LiveState {
  return {
    isSideband: path.endsWith('/attach'),
    isStarted: false,
    delegates: false,
    end: 'open',
    seconds: 0,
    model: null,
  };
}

export function asksForEnd(live: LiveState): LiveState {
  return live.end === 'open' ? { ...live, end: 'asked' } : live;
}

/** The end of a session is told what it cost; a side-band that said so would end the call that it accompanies. */
export function liveFarewell({ isSideband, isStarted, end }: LiveState): string | null {
  return isStarted && !isSideband && end === 'open' ? CLOSE : null;
}

export function readStarted(live: LiveState, event: JsonObject): LiveReading {
  const model = asText(member(event['session'], 'model')) ?? live.model;
  const observations: Observation[] = model === null ? [] : [{ kind: 'model', model }];
  const delegates = member(member(event['session'], 'delegation'), 'type') === 'responses';
  return { live: { ...live, isStarted: true, delegates, model }, observations };
}

/** A sum that grows: what it grew by is the bill. */
export function readLiveUsage(live: LiveState, event: JsonObject): LiveReading {
  const total = asCount(member(event['usage'], 'seconds'));
  if (total === undefined || total <= live.seconds) return { live, observations: [] };
  const raw = event['usage'] ?? null;
  return {
    live: { ...live, seconds: total },
    observations: [seconds(live, `live/${total}`, total - live.seconds, 'provider', raw)],
  };
}

export function readClosed(live: LiveState, event: JsonObject): LiveReading {
  return readLiveUsage({ ...live, end: 'told' }, event);
}

/**
 * A session that was cut off: the time since the last sum is measured, from the opening of its socket, since a session is
 * started as soon as it is open.
 */
export function liveRemainder(live: LiveState, { openMs }: SocketLife): readonly Observation[] {
  const rest = openMs / 1000 - live.seconds;
  if (live.isSideband || !live.isStarted || live.end === 'told' || rest <= 0) return [];
  return [seconds(live, 'live/end', rest, 'measured', { open_ms: openMs, told_seconds: live.seconds })];
}

function seconds(
  { model }: LiveState,
  dedupeKey: string,
  amount: number,
  source: UsageObservation['source'],
  raw: JsonValue,
): UsageObservation {
  const usage = { unit: 'seconds', seconds: amount } as const;
  return { kind: 'usage', dedupeKey, purpose: 'response', model, usage, source, raw };
}
