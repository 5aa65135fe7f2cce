/** The figures of a session that are added up over sessions: by hour, provider, model and tag. */
import type { Totals } from './recording.ts';

const TOKEN_NAMES = [
  'input_text',
  'input_audio',
  'input_image',
  'cached_text',
  'cached_audio',
  'cached_image',
  'output_text',
  'output_audio',
  'output_image',
  'reasoning',
] as const;

const SIMPLE_NAMES = [
  'turns',
  'interruptions',
  'errors',
  /** Of sessions that have ended. */
  'duration_ms',
  'audio_in_ms',
  'audio_out_ms',
  /** Sessions with audio of an unknown format, which is not in those sums: of each session 1 or 0. */
  'audio_in_unknown',
  'audio_out_unknown',
  /** Reports of usage: none means that nothing is known of tokens, which is not the same as 0. */
  'reports',
  /** Of these: measured here, because the provider tells none. */
  'measured',
  'seconds',
  'characters',
  'requests',
  'items',
  'cost_nano',
  /** Sessions of which some cost is known, and those of which some is missing: of each session 1 or 0. */
  'cost_known',
  'cost_incomplete',
] as const;

/** Each is a column of the directory's tables, under this very name. */
export const SUM_NAMES = [...SIMPLE_NAMES, ...TOKEN_NAMES] as const;
export type SumName = (typeof SUM_NAMES)[number];
export type Sums = Readonly<Record<SumName, number>>;

export const NO_SUMS: Sums = sums(() => 0);

/** Responses and transcription together, as the provider bills both. */
export function sumsOf(totals: Totals | null, durationMs: number, costComplete: boolean): Sums {
  const cost_incomplete = costComplete ? 0 : 1;
  if (totals === null) return { ...NO_SUMS, duration_ms: durationMs, cost_incomplete };
  const { response, transcription } = totals;
  const tokens = Object.fromEntries(
    TOKEN_NAMES.map((name) => [name, response.tokens[name] + transcription.tokens[name]]),
  ) as Record<(typeof TOKEN_NAMES)[number], number>; // made of these very names
  return {
    ...tokens,
    turns: totals.responses,
    interruptions: totals.interruptions,
    errors: totals.errors,
    duration_ms: durationMs,
    audio_in_ms: totals.audio_in_ms ?? 0,
    audio_out_ms: totals.audio_out_ms ?? 0,
    audio_in_unknown: totals.audio_in_ms === null ? 1 : 0,
    audio_out_unknown: totals.audio_out_ms === null ? 1 : 0,
    reports: response.reports + transcription.reports,
    measured: response.measured + transcription.measured,
    seconds: response.seconds + transcription.seconds,
    characters: response.characters + transcription.characters,
    requests: response.requests + transcription.requests,
    items: response.items + transcription.items,
    cost_nano: totals.cost_nano ?? 0,
    cost_known: totals.cost_nano === null ? 0 : 1,
    cost_incomplete,
  };
}

/** Of one session. Null: nothing was reported in tokens, or nothing at all, which is not the same as 0. */
export function tokensOf(one: Sums): { readonly in: number; readonly out: number } | null {
  const tokens = {
    in: one.input_text + one.input_audio + one.input_image,
    out: one.output_text + one.output_audio + one.output_image,
  };
  const isOtherwise = one.seconds + one.characters + one.requests + one.items > 0;
  return one.reports === 0 || (isOtherwise && tokens.in + tokens.out === 0) ? null : tokens;
}

/** One figure for each name. */
export function sums(of: (name: SumName) => number): Sums {
  // Made of these very names.
  return Object.fromEntries(SUM_NAMES.map((name) => [name, of(name)])) as Sums;
}
