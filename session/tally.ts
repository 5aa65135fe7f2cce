/** Sums what the adapter observed, and makes the small records of it. Knows no provider. */
import type { JsonObject } from '../protocol/json.ts';
import type { Observation, TokenUsage, UsageObservation } from '../protocol/observations.ts';
import {
  type LogRecord,
  NO_USAGE,
  wholeUsage,
  type TokenTotals,
  type Totals,
  type UsageTotals,
} from '../protocol/recording.ts';
import type { Direction } from '../protocol/segment.ts';
import { CostSum, type PriceBasis, Pricer, type ReportCost, splitCached } from './cost.ts';
import type { Noted } from './recording.ts';

/** A provider repeats a usage at most within a few responses; this many are remembered. */
const REMEMBERED_KEYS = 1024;
/** So many of them go into a snapshot: a further upstream has keys of its own. */
const KEPT_KEYS = 64;
const OPEN_TURNS = 64;
/** No frame either way for this long is silence; while anyone speaks, frames come many times a second. */
const SILENCE_MS = 1000;

interface Turn {
  readonly askedAt: number | null;
  readonly startedAt: number;
  firstOutputAt: number | null;
  output: 'audio' | 'text' | null;
}

/** A tally as JSON. */
export interface TallySnapshot {
  readonly totals: Totals;
  /** Not rounded. */
  readonly audio: { readonly user: number | null; readonly model: number | null };
  /** The newest keys of usage. */
  readonly seen: readonly string[];
  readonly turns: readonly (readonly [string, Turn])[];
  readonly askedAt: number | null;
  readonly lastFrameAt: number | null;
  readonly charged: boolean;
}

export class Tally {
  readonly #maxText: number;
  readonly #seen = new Set<string>();
  readonly #turns = new Map<string, Turn>();
  #askedAt: number | null = null;
  #model: string | null = null;
  #frames = { up: 0, down: 0 };
  #bytes = { up: 0, down: 0 };
  #received = 0;
  #notLogged = 0;
  #redacted = 0;
  #counts = { responses: 0, interruptions: 0, tools: 0, errors: 0 };
  #audio: { user: number | null; model: number | null } = { user: 0, model: 0 };
  #usage = { response: NO_USAGE, transcription: NO_USAGE };
  readonly #pricer: Pricer;
  readonly #cost: CostSum;
  #lastFrameAt: number | null = null;
  #isLost = false;
  #silence = { sum: 0, longest: 0 };

  /**
   * @param maxText characters of a transcript; 0: no text of a frame goes into a record
   * @param from what another tally of this session had come to
   */
  constructor(maxText: number, prices: PriceBasis, from: TallySnapshot | null = null) {
    this.#maxText = maxText;
    this.#pricer = new Pricer(prices, from?.charged);
    this.#cost = new CostSum(from?.totals);
    if (from !== null) this.#continue(from);
  }

  #continue({ totals, audio, seen, turns, askedAt, lastFrameAt }: TallySnapshot): void {
    this.#frames = { up: totals.frames_up, down: totals.frames_down };
    this.#bytes = { up: totals.bytes_up, down: totals.bytes_down };
    this.#received = totals.received;
    this.#notLogged = totals.frames_not_logged;
    this.#redacted = totals.frames_redacted;
    this.#counts = {
      responses: totals.responses,
      interruptions: totals.interruptions,
      tools: totals.tool_calls,
      errors: totals.errors,
    };
    this.#audio = { ...audio };
    this.#model = totals.model;
    this.#isLost = totals.usage_lost === true;
    this.#silence = { sum: totals.silence_ms ?? 0, longest: totals.longest_silence_ms ?? 0 };
    this.#usage = wholeUsage(totals);
    for (const key of seen) this.#seen.add(key);
    for (const [id, turn] of turns) this.#turns.set(id, { ...turn });
    this.#askedAt = askedAt;
    this.#lastFrameAt = lastFrameAt;
  }

  snapshot(): TallySnapshot {
    return {
      totals: this.totals(),
      audio: { ...this.#audio },
      seen: [...this.#seen].slice(-KEPT_KEYS),
      turns: [...this.#turns].map(([id, turn]) => [id, { ...turn }] as const),
      askedAt: this.#askedAt,
      lastFrameAt: this.#lastFrameAt,
      charged: this.#pricer.charged,
    };
  }

  /** Ends the turns whose upstream is gone: nothing more comes of them. */
  breakOff(seq: number, at: number): readonly LogRecord[] {
    return [...this.#turns.keys()].map((id) => this.#endTurn(id, 'failed', seq, at));
  }

  frame(
    direction: Direction,
    { bytes, logged, redacted }: Pick<Noted, 'bytes' | 'logged' | 'redacted'>,
    at: number,
  ): void {
    const before = this.#lastFrameAt ?? at;
    const silent = at - before;
    // A clock that was set back must not make a silence count twice.
    this.#lastFrameAt = Math.max(before, at);
    if (silent >= SILENCE_MS) {
      this.#silence.sum += silent;
      this.#silence.longest = Math.max(this.#silence.longest, silent);
    }
    this.#frames[direction] += 1;
    this.#bytes[direction] += bytes;
    if (direction === 'down') this.#received += 1;
    if (!logged) this.#notLogged += 1;
    if (redacted) this.#redacted += 1;
  }

  /** Frames were lost, or cannot be read any more, and what they said of usage with them. */
  lost(): void {
    this.#isLost = true;
  }

  /** When the last frame went either way; null: none did. */
  get lastFrameAt(): number | null {
    return this.#lastFrameAt;
  }

  /** Upstream frames sent on to clients so far. */
  get received(): number {
    return this.#received;
  }

  /** The user's audio so far; null when some of it could not be measured. */
  get audioInMs(): number | null {
    return this.#audio.user;
  }

  /** In nano-dollars; null while nothing that was reported has a price. */
  get costNano(): number | null {
    return this.#cost.nano;
  }

  /** Responses that have begun and are not over. */
  get openTurns(): number {
    return this.#turns.size;
  }

  /** Returns the record to keep of an observation, or null when it only counts. */
  observe(observation: Observation, seq: number, at: number): LogRecord | null {
    switch (observation.kind) {
      case 'usage':
        return this.#observeUsage(observation, seq, at);
      case 'audio': {
        const sum = this.#audio[observation.speaker];
        this.#audio[observation.speaker] =
          sum === null || observation.ms === null ? null : sum + observation.ms;
        return null;
      }
      case 'transcript':
        if (this.#maxText === 0) return null;
        return {
          kind: 'transcript',
          seq,
          at,
          body: {
            speaker: observation.speaker,
            item_id: observation.itemId,
            text: observation.text.slice(0, this.#maxText),
          },
        };
      case 'model':
        this.#model ??= observation.model;
        return null;
      case 'asked':
        this.#askedAt = at;
        return null;
      case 'response.started':
        this.#startTurn(observation.responseId, at);
        return null;
      case 'response.output': {
        const turn = this.#turns.get(observation.responseId);
        if (turn !== undefined && turn.firstOutputAt === null) {
          turn.firstOutputAt = at;
          turn.output = observation.of;
        }
        return null;
      }
      case 'response.ended':
        return this.#endTurn(observation.responseId, observation.outcome, seq, at);
      case 'tool.called':
        this.#counts.tools += 1;
        return { kind: 'tool', seq, at, body: { call_id: observation.callId, name: observation.name } };
      case 'error': {
        this.#counts.errors += 1;
        // Providers quote what was said.
        const message = this.#maxText === 0 ? null : observation.message;
        return { kind: 'error', seq, at, body: { code: observation.code, message } };
      }
    }
  }

  totals(): Totals {
    return {
      frames_up: this.#frames.up,
      frames_down: this.#frames.down,
      bytes_up: this.#bytes.up,
      bytes_down: this.#bytes.down,
      received: this.#received,
      frames_not_logged: this.#notLogged,
      frames_redacted: this.#redacted,
      responses: this.#counts.responses,
      interruptions: this.#counts.interruptions,
      tool_calls: this.#counts.tools,
      errors: this.#counts.errors,
      audio_in_ms: rounded(this.#audio.user),
      audio_out_ms: rounded(this.#audio.model),
      model: this.#model,
      silence_ms: this.#silence.sum,
      longest_silence_ms: this.#silence.longest,
      response: this.#usage.response,
      transcription: this.#usage.transcription,
      ...(this.#isLost ? { usage_lost: true } : {}),
      ...this.#cost.totals(),
    };
  }

  #observeUsage(observation: UsageObservation, seq: number, at: number): LogRecord | null {
    const key = `${observation.purpose} ${observation.dedupeKey}`;
    if (this.#seen.has(key)) return null;
    this.#seen.add(key);
    if (this.#seen.size > REMEMBERED_KEYS) {
      const oldest = this.#seen.values().next();
      if (oldest.done !== true) this.#seen.delete(oldest.value);
    }
    // Whoever asked for none may have named it in a frame.
    if (observation.purpose === 'response') this.#model ??= observation.model;
    const before = this.#usage[observation.purpose];
    this.#usage[observation.purpose] = addUsage(before, observation);
    const cost = this.#cost.add(this.#pricer.price(observation), observation.usage.unit);
    return {
      kind: 'usage',
      seq,
      at,
      body: {
        purpose: observation.purpose,
        key: observation.dedupeKey,
        model: observation.model,
        source: observation.source,
        usage: observation.raw,
        counted: countedOf(observation),
        ...costOf(cost),
      },
    };
  }

  #startTurn(responseId: string, at: number): void {
    // A hostile upstream could open responses for ever; the oldest is forgotten.
    if (this.#turns.size >= OPEN_TURNS) {
      const oldest = this.#turns.keys().next();
      if (oldest.done !== true) this.#turns.delete(oldest.value);
    }
    this.#turns.set(responseId, { askedAt: this.#askedAt, startedAt: at, firstOutputAt: null, output: null });
    this.#askedAt = null;
  }

  #endTurn(responseId: string, outcome: string, seq: number, at: number): LogRecord {
    const turn = this.#turns.get(responseId);
    this.#turns.delete(responseId);
    this.#counts.responses += 1;
    if (outcome === 'interrupted') this.#counts.interruptions += 1;
    const from = turn?.askedAt ?? turn?.startedAt ?? null;
    const first = turn?.firstOutputAt ?? null;
    // A turn that begins with its output says nothing of when it was asked for.
    const isUnknown = from === null || first === null || (turn?.askedAt === null && first === from);
    return {
      kind: 'turn',
      seq,
      at,
      body: {
        response_id: responseId,
        outcome,
        output: turn?.output ?? null,
        asked_at: turn?.askedAt ?? null,
        started_at: turn?.startedAt ?? null,
        first_output_at: first,
        first_output_ms: isUnknown ? null : Math.max(0, first - from),
        duration_ms: from === null ? null : Math.max(0, at - from),
      },
    };
  }
}

/** The report in our own words, whoever's it is: for readers that know no provider. */
function countedOf({ usage }: UsageObservation): JsonObject {
  switch (usage.unit) {
    case 'tokens':
      return { unit: usage.unit, ...addTokens(NO_USAGE.tokens, usage.tokens) };
    case 'seconds':
      return { unit: usage.unit, amount: usage.seconds };
    case 'characters':
      return { unit: usage.unit, amount: usage.characters };
    case 'requests':
      return { unit: usage.unit, amount: usage.requests };
    case 'items':
      return { unit: usage.unit, amount: usage.items };
  }
}

function costOf(cost: ReportCost): LogRecord['body'] {
  return cost.kind === 'priced'
    ? {
        cost_nano: cost.nano,
        price: cost.price,
        price_date: cost.priceDate,
        cost_notes: cost.notes,
        unpriced: null,
      }
    : { cost_nano: null, price: null, price_date: null, cost_notes: [], unpriced: cost.reason };
}

function addUsage(sums: UsageTotals, { usage, source }: UsageObservation): UsageTotals {
  const measured = sums.measured + (source === 'measured' ? 1 : 0);
  const before = { ...sums, reports: sums.reports + 1, measured };
  switch (usage.unit) {
    case 'tokens':
      return { ...before, tokens: addTokens(before.tokens, usage.tokens) };
    case 'seconds':
      return { ...before, seconds: before.seconds + usage.seconds };
    case 'characters':
      return { ...before, characters: before.characters + usage.characters };
    case 'requests':
      return { ...before, requests: before.requests + usage.requests };
    case 'items':
      return { ...before, items: before.items + usage.items };
  }
}

function addTokens(sum: TokenTotals, more: TokenUsage): TokenTotals {
  // As they are priced.
  const cached = splitCached(more) ?? more.cached;
  return {
    input_text: sum.input_text + more.input.text,
    input_audio: sum.input_audio + more.input.audio,
    input_image: sum.input_image + more.input.image,
    cached_text: sum.cached_text + cached.text,
    cached_audio: sum.cached_audio + cached.audio,
    cached_image: sum.cached_image + cached.image,
    output_text: sum.output_text + more.output.text,
    output_audio: sum.output_audio + more.output.audio,
    output_image: sum.output_image + more.output.image,
    reasoning: sum.reasoning + more.reasoning,
  };
}

function rounded(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms);
}
