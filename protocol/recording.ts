/** What a session tells its recorder. All of it is plain data: it crosses an object boundary by RPC. */
import type { JsonValue } from './json.ts';
import type { LogMode, SessionAddress } from './connect.ts';
import type { Usage } from './observations.ts';
import type { CostNote, UnpricedReason } from './prices.ts';
import type { Segment } from './segment.ts';
import type { TraceParent } from './trace-parent.ts';
import type { Sums } from './usage-sums.ts';

/** Who ended a session. */
export type ClosedBy = 'client' | 'upstream' | 'parley';

export interface Opening {
  readonly address: SessionAddress;
  readonly provider: string;
  readonly model: string | null;
  readonly simulated: boolean;
  readonly credentialSource: 'client' | 'stored' | 'none';
  readonly log: LogMode;
  readonly metadata: Tags;
  readonly eventId: string | null;
  /** The provider's path that was dialled; records of before have none. */
  readonly path?: string;
  /** JSON: what reads the sound in its frames begins with this; null: nothing does. Records of before have none. */
  readonly sound?: string | null;
  /** The session whose client's side it repeats; records of before have none. */
  readonly redriveOf?: string | null;
  /** The trace that its first client is a part of; records of before have none. */
  readonly traceParent?: TraceParent | null;
  /** ms since the epoch. */
  readonly startedAt: number;
}

export type Tags = Readonly<Record<string, string | number | boolean>>;

/** What people say of a session afterwards. */
export interface Annotations {
  /** In place of the tags that it was opened with; null: those stand. */
  readonly metadata: Tags | null;
  readonly feedback: -1 | 0 | 1 | null;
  /** 0 to 100. */
  readonly score: number | null;
}

/** Answer to an opening: may the session go on? */
export type OpeningVerdict =
  | { readonly kind: 'opened' }
  /** There is one already, whose object is gone: it is gone on with. */
  | { readonly kind: 'kept'; readonly kept: Kept }
  | { readonly kind: 'ended'; readonly reason: string };

export interface TokenTotals {
  readonly input_text: number;
  readonly input_audio: number;
  readonly input_image: number;
  readonly cached_text: number;
  readonly cached_audio: number;
  readonly cached_image: number;
  readonly output_text: number;
  readonly output_audio: number;
  readonly output_image: number;
  readonly reasoning: number;
}

/** Sums of one purpose: what the model billed, or what transcription billed. */
export interface UsageTotals {
  readonly reports: number;
  /** Of these: measured here, because the provider tells none. */
  readonly measured: number;
  readonly tokens: TokenTotals;
  readonly seconds: number;
  readonly characters: number;
  readonly requests: number;
  readonly items: number;
}

const NO_TOKENS: TokenTotals = {
  input_text: 0,
  input_audio: 0,
  input_image: 0,
  cached_text: 0,
  cached_audio: 0,
  cached_image: 0,
  output_text: 0,
  output_audio: 0,
  output_image: 0,
  reasoning: 0,
};

export const NO_USAGE: UsageTotals = {
  reports: 0,
  measured: 0,
  tokens: NO_TOKENS,
  seconds: 0,
  characters: 0,
  requests: 0,
  items: 0,
};

/** Of totals that may have been stored before all units were counted: nothing was billed by those. */
export function wholeUsage({ response, transcription }: Pick<Totals, 'response' | 'transcription'>) {
  return { response: { ...NO_USAGE, ...response }, transcription: { ...NO_USAGE, ...transcription } };
}

/** Reports of one kind that could not be priced, and why. */
export interface UnpricedReports {
  readonly reason: UnpricedReason;
  /** Null also for the rest, when there are too many kinds. */
  readonly model: string | null;
  readonly unit: Usage['unit'];
  readonly reports: number;
}

export interface CostTotals {
  /** Sum over the reports that have a price, in nano-dollars; null when none has. */
  readonly cost_nano: number | null;
  readonly reports_priced: number;
  readonly unpriced: readonly UnpricedReports[];
  /** How many reports each note is about. */
  readonly cost_notes: Readonly<Partial<Record<CostNote, number>>>;
}

/** Running sums; the last ones that the recorder got are the session's. */
export interface Totals extends CostTotals {
  readonly frames_up: number;
  readonly frames_down: number;
  readonly bytes_up: number;
  readonly bytes_down: number;
  /** Upstream frames sent on to clients: what `parley-after` counts. */
  readonly received: number;
  readonly frames_not_logged: number;
  /** Those of which something was taken out before they were stored. */
  readonly frames_redacted: number;
  readonly responses: number;
  readonly interruptions: number;
  readonly tool_calls: number;
  readonly errors: number;
  /** Measured from the frames. Null: of unknown format. */
  readonly audio_in_ms: number | null;
  readonly audio_out_ms: number | null;
  /** The first that a frame named; null while none did. */
  readonly model: string | null;
  /** Time in which no frame went either way for a second or more. Null: not kept when this was recorded. */
  readonly silence_ms: number | null;
  readonly longest_silence_ms: number | null;
  readonly response: UsageTotals;
  readonly transcription: UsageTotals;
  /** Usage may be missing: frames were lost in a crash, or could not be read. */
  readonly usage_lost?: true;
}

/** A small row beside the frames; `seq` points at the frame that it was read from. */
export interface LogRecord {
  readonly seq: number;
  readonly at: number;
  readonly kind:
    | 'phase'
    | 'client.joined'
    | 'client.left'
    | 'client.updated'
    | 'floor'
    | 'mark'
    | 'turn'
    | 'usage'
    | 'transcript'
    | 'tool'
    | 'error'
    | 'expires'
    | 'stalled'
    | 'budget'
    | 'gap';
  readonly body: { readonly [key: string]: JsonValue };
}

/** What the record of a session lacked whose object was lost. */
export interface LastWords {
  readonly records: readonly LogRecord[];
  readonly totals: Totals;
}

/** Numbered from 1 within its session, so that a batch that comes twice is stored once. */
export type NumberedRecord = LogRecord & { readonly number: number };

export interface Batch {
  readonly segments: readonly Segment[];
  readonly records: readonly NumberedRecord[];
  /** Present when they are due to be stored: a row is not written for every flush. */
  readonly totals: Totals | null;
  /** Set once, on the first batch after the upstream opened. */
  readonly live: { readonly at: number; readonly dialMs: number } | null;
}

/** What is kept of a session so that another object can go on with it. */
export interface Checkpoint {
  /** JSON: how its provider is dialled, without a key. */
  readonly plan: string;
  /** JSON: its conversation, numbers and sums. */
  readonly snapshot: string;
  /** Its upstream was closed on purpose, and the log is complete. */
  readonly resting: boolean;
  /** And nothing was relayed after it: the process was about to stop. */
  readonly final: boolean;
  /** How long after the loss of its object a client may come back to it, ms; 0: none can. */
  readonly graceMs: number;
  /** When the session is over at the latest, ms since the epoch. */
  readonly endsAt: number;
}

/** A checkpoint as it is found again. */
export interface Kept {
  readonly checkpoint: Checkpoint;
  /** The last numbers that were given out, as far as the log and the checkpoint know. */
  readonly counters: {
    readonly seq: number;
    readonly record: number;
    readonly segment: number;
    readonly received: number;
  };
  /** Nothing was lost: the session was at rest. */
  readonly clean: boolean;
  /** The last frame in the log. */
  readonly lastSeq: number;
}

export interface Ending {
  readonly at: number;
  readonly reason: string;
  readonly closedBy: ClosedBy;
  readonly code: number;
  readonly closeReason: string;
  readonly totals: Totals;
}

/** One call to the recorder: what is due of the beginning, the middle and the end, stored together or not at all. */
export interface RecorderEntry {
  /** Until the recorder has acknowledged one. */
  readonly opening: Opening | null;
  readonly batch: Batch | null;
  readonly ending: Ending | null;
  readonly checkpoint: Checkpoint | null;
}

/** A session's row in the directory: what lists show and filter on. */
export interface SessionSummary {
  readonly id: string;
  readonly status: 'live' | 'ended';
  readonly provider: string;
  readonly model: string | null;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly endedReason: string | null;
  readonly turns: number;
  readonly tokens: number | null;
  /** In nano-dollars; null: unknown. */
  readonly costNano: number | null;
  /** Whether every report of usage is in it. */
  readonly costComplete: boolean;
  readonly metadata: Tags;
  readonly feedback: Annotations['feedback'];
  readonly score: number | null;
  readonly eventId: string | null;
  readonly path: string;
  /** The session whose client's side it repeats. */
  readonly redriveOf: string | null;
  /** The provider took the session, and neither it nor Parley failed. */
  readonly success: boolean;
  readonly sums: Sums;
  /** Grows with every change: an older summary that arrives late is dropped. */
  readonly revision: number;
}

/** False when reports may have been lost in a crash, or frames could not be read. */
export function isUsageComplete(totals: Totals | null, ending: Ending | null): boolean {
  return ending?.reason !== 'interrupted' && totals?.usage_lost !== true;
}

/** False when usage is not complete, or reports have no price. */
export function isCostComplete(totals: Totals | null, ending: Ending | null): boolean {
  if (!isUsageComplete(totals, ending)) return false;
  return totals === null || totals.reports_priced === totals.response.reports + totals.transcription.reports;
}
