/** An ended session as spans, out of its record. The same record makes the same spans, whenever it is asked. */
import { EXECUTE_TOOL, GEN_AI, type Operation, PARLEY, TOKEN_ATTRIBUTES } from '../protocol/gen-ai-names.ts';
import { asCount, asObject, asText, type JsonObject, parseJson } from '../protocol/json.ts';
import { dollars } from '../protocol/money.ts';
import type { Attributes, Span, SpanEvent } from '../protocol/otlp.ts';
import { type Ending, isCostComplete, type LogRecord, type TokenTotals } from '../protocol/recording.ts';
import type { SessionView, StoredRecord } from './session-store.ts';

/** The records that spans are made of; what was said is among them only when it may be told. */
export function spanRecordKinds(content: boolean): readonly LogRecord['kind'][] {
  return content ? ['turn', 'usage', 'tool', 'error', 'transcript'] : ['turn', 'usage', 'tool', 'error'];
}

export interface SpanOptions {
  /** 16 hex digits, another one for each number. */
  readonly spanId: (number: number) => string;
  /** What the conventions call the provider. */
  readonly provider: string;
  /** Whether the session ended as it should. */
  readonly success: boolean;
  /** Whether what was said, and the texts of errors, may be in them. */
  readonly content: boolean;
  readonly limits: { readonly traceSpans: number; readonly traceTextCharacters: number };
}

interface Read extends Omit<StoredRecord, 'body'> {
  readonly body: JsonObject;
}

interface Turn extends Read {
  readonly start: number;
  readonly tools: Read[];
  readonly usage: Read[];
  readonly said: Read[];
}

/** @param stored of the kinds above, in order */
export function sessionSpans(
  view: SessionView,
  ending: Ending,
  stored: readonly StoredRecord[],
  options: SpanOptions,
): readonly Span[] {
  const { turns, loose } = grouped(
    stored.map((record) => ({ ...record, body: asObject(parseJson(record.body)) ?? {} })),
  );
  const base = baseAttributes(view, options.provider);
  const sessionId = options.spanId(0);
  const inner = turns.flatMap((turn, index) => {
    const spanId = options.spanId(1 + index);
    const span = turnSpan(turn, spanId, sessionId, base, view, options);
    return [span, ...turn.tools.map((tool) => ({ tool, parent: spanId }))];
  });
  const all = [
    ...inner,
    ...loose.filter(({ kind }) => kind === 'tool').map((tool) => ({ tool, parent: sessionId })),
  ];
  // Tools are numbered after the turns, so that none of the ids depends on how many are left out.
  let tools = 0;
  const spans = all
    .map((each) =>
      'tool' in each
        ? toolSpan(each.tool, options.spanId(1 + turns.length + tools++), each.parent, base)
        : each,
    )
    .slice(0, options.limits.traceSpans - 1);
  const counted = (view.totals?.responses ?? 0) + (view.totals?.tool_calls ?? 0);
  return [sessionSpan(view, ending, loose, Math.max(0, counted - spans.length), base, options), ...spans];
}

/** Each turn with what belongs to it, and what belongs to none. */
function grouped(records: readonly Read[]): {
  readonly turns: readonly Turn[];
  readonly loose: readonly Read[];
} {
  const turns: readonly Turn[] = records
    .filter(({ kind }) => kind === 'turn')
    .map((turn) => ({
      ...turn,
      start: asCount(turn.body['asked_at']) ?? asCount(turn.body['started_at']) ?? turn.at,
      tools: [],
      usage: [],
      said: [],
    }));
  const byResponse = new Map(turns.map((turn) => [asText(turn.body['response_id']), turn]));
  const loose: Read[] = [];
  let next = 0;
  for (const record of records) {
    // The turn that was under way, or came next: both are in the order of the log.
    while ((turns[next]?.seq ?? Number.POSITIVE_INFINITY) < record.seq) next += 1;
    const turn = turns[next];
    switch (record.kind) {
      case 'tool':
        (turn?.tools ?? loose).push(record);
        break;
      case 'transcript':
        (turn?.said ?? loose).push(record);
        break;
      case 'usage':
        (turnOfUsage(record, turn, byResponse)?.usage ?? loose).push(record);
        break;
      case 'error':
        loose.push(record);
        break;
      default:
        break;
    }
  }
  return { turns, loose };
}

/** By its response's id; else the turn during which it came. */
function turnOfUsage(
  { at, body }: Read,
  current: Turn | undefined,
  byResponse: ReadonlyMap<string | undefined, Turn>,
): Turn | undefined {
  if (body['purpose'] !== 'response') return undefined;
  return (
    byResponse.get(asText(body['key'])) ??
    (current !== undefined && current.start <= at ? current : undefined)
  );
}

function baseAttributes(view: SessionView, provider: string): Attributes {
  const { address, model: asked } = view.opening;
  const model = asked ?? view.totals?.model ?? null;
  return {
    [GEN_AI.provider]: provider,
    [GEN_AI.conversation]: address.id,
    [GEN_AI.realtimeSession]: address.id,
    ...(model === null ? {} : { [GEN_AI.requestModel]: model }),
  };
}

function sessionSpan(
  view: SessionView,
  ending: Ending,
  loose: readonly Read[],
  leftOut: number,
  base: Attributes,
  options: SpanOptions,
): Span {
  const { opening } = view;
  const { traceParent = null } = opening;
  const said = loose.filter(({ kind }) => kind === 'transcript');
  return {
    spanId: options.spanId(0),
    parent: traceParent?.spanId == null ? null : { spanId: traceParent.spanId, remote: true },
    name: PARLEY.session,
    kind: 'server',
    start: opening.startedAt,
    end: ending.at,
    attributes: {
      ...base,
      ...sessionAttributes(view, ending),
      ...messages(said, null, options),
      ...(leftOut === 0 ? {} : { [PARLEY.leftOut]: { int: leftOut } }),
      ...(options.success ? {} : { [GEN_AI.errorType]: ending.reason }),
    },
    events: loose.flatMap((record) => sessionEvent(record, options)).slice(0, options.limits.traceSpans),
    error: options.success ? null : ending.reason,
  };
}

function sessionAttributes(view: SessionView, ending: Ending): Attributes {
  const { opening, live, totals, annotations } = view;
  const { account, gateway } = opening.address;
  const figures = {
    [PARLEY.dialMs]: live?.dialMs,
    [PARLEY.turns]: totals?.responses,
    [PARLEY.interruptions]: totals?.interruptions,
    [PARLEY.toolCalls]: totals?.tool_calls,
    [PARLEY.errors]: totals?.errors,
    [PARLEY.audioInMs]: totals?.audio_in_ms,
    [PARLEY.audioOutMs]: totals?.audio_out_ms,
    [PARLEY.silenceMs]: totals?.silence_ms,
  };
  const tags = Object.entries(annotations.metadata ?? opening.metadata);
  return {
    [PARLEY.account]: account,
    [PARLEY.gateway]: gateway,
    [PARLEY.endedReason]: ending.reason,
    [PARLEY.closedBy]: ending.closedBy,
    [PARLEY.closeCode]: { int: ending.code },
    [PARLEY.simulated]: opening.simulated,
    ...integers(figures),
    ...cost(totals?.cost_nano ?? null),
    [PARLEY.costComplete]: isCostComplete(totals, ending),
    ...(opening.eventId === null ? {} : { [PARLEY.eventId]: opening.eventId }),
    ...Object.fromEntries(
      tags.map(([name, value]) => [
        PARLEY.metadata + name,
        typeof value === 'number' ? { double: value } : value,
      ]),
    ),
  };
}

/** Errors, and usage of no turn. */
function sessionEvent({ kind, at, body }: Read, { content }: SpanOptions): SpanEvent[] {
  switch (kind) {
    case 'error':
      return [
        {
          name: PARLEY.error,
          at,
          attributes: {
            [GEN_AI.errorType]: asText(body['code']) ?? '',
            // A provider may quote what it was sent.
            ...(content ? { [PARLEY.errorMessage]: asText(body['message']) ?? '' } : {}),
          },
        },
      ];
    case 'usage': {
      const purpose = asText(body['purpose']) ?? '';
      return [{ name: PARLEY.usage, at, attributes: { [PARLEY.usagePurpose]: purpose, ...usage([body]) } }];
    }
    default:
      return [];
  }
}

function turnSpan(
  { start, at, body, usage: reports, said }: Turn,
  spanId: string,
  sessionId: string,
  base: Attributes,
  view: SessionView,
  options: SpanOptions,
): Span {
  const operation = operationOf(view);
  const outcome = asText(body['outcome']) ?? '';
  const responseId = asText(body['response_id']) ?? '';
  const output = asText(body['output']);
  const model = reports.map((report) => asText(report.body['model'])).find((each) => each !== undefined);
  const isFailed = outcome === 'failed';
  return {
    spanId,
    parent: { spanId: sessionId, remote: false },
    name: spanName(operation, base[GEN_AI.requestModel]),
    kind: 'client',
    start,
    end: at,
    attributes: {
      ...base,
      [GEN_AI.operation]: operation,
      ...(responseId === '' ? {} : { [GEN_AI.responseId]: responseId }),
      ...(model === undefined ? {} : { [GEN_AI.responseModel]: model }),
      ...(output === undefined ? {} : { [GEN_AI.outputType]: output === 'audio' ? 'speech' : output }),
      [GEN_AI.finishReasons]: [outcome],
      [PARLEY.outcome]: outcome,
      ...integers({ [PARLEY.firstOutputMs]: asCount(body['first_output_ms']) }),
      ...usage(reports.map((report) => report.body)),
      ...messages(said, outcome, options),
      ...(isFailed ? { [GEN_AI.errorType]: outcome } : {}),
    },
    events: [],
    error: isFailed ? outcome : null,
  };
}

/** A point in time: whoever runs the tool does so elsewhere, and only that it was called is seen here. */
function toolSpan({ at, body }: Read, spanId: string, parent: string, base: Attributes): Span {
  const name = asText(body['name']) ?? '';
  return {
    spanId,
    parent: { spanId: parent, remote: false },
    name: spanName(EXECUTE_TOOL, name),
    kind: 'internal',
    start: at,
    end: at,
    attributes: {
      ...base,
      [GEN_AI.operation]: EXECUTE_TOOL,
      [GEN_AI.toolName]: name,
      [GEN_AI.toolCallId]: asText(body['call_id']) ?? '',
    },
    events: [],
    error: null,
  };
}

function spanName(operation: string, of: Attributes[string] | undefined): string {
  return typeof of === 'string' && of !== '' ? `${operation} ${of}` : operation;
}

/** The conventions have realtime spans for those that both hear and speak, and for no others. */
function operationOf({ totals }: SessionView): Operation {
  const isOfTokens = Object.values(totals?.response.tokens ?? {}).some((count) => count > 0);
  // Null is some, of unknown length.
  const hears = totals !== null && totals.audio_in_ms !== 0;
  const speaks = totals !== null && totals.audio_out_ms !== 0;
  if (isOfTokens || hears === speaks) return 'realtime_inference';
  return speaks ? 'text_to_speech' : 'speech_to_text';
}

/** What one or more reports of usage say, as attributes. */
function usage(reports: readonly JsonObject[]): Attributes {
  const counted = reports.map(({ counted: each }) => asObject(each) ?? {});
  const sum = (name: string): number =>
    counted.reduce((before, each) => before + (asCount(each[name]) ?? 0), 0);
  const costs = reports.map(({ cost_nano: nano }) => asCount(nano)).filter((nano) => nano !== undefined);
  const paid = cost(costs.length === 0 ? null : costs.reduce((before, nano) => before + nano, 0));
  const unit = counted.map((each) => asText(each['unit'])).find((each) => each !== undefined);
  if (unit === undefined) return paid;
  if (unit !== 'tokens')
    return { [PARLEY.usageUnit]: unit, [PARLEY.usageAmount]: { double: sum('amount') }, ...paid };
  const of = (...names: readonly (keyof TokenTotals)[]) => ({
    int: names.reduce((before, name) => before + sum(name), 0),
  });
  const modalities = Object.entries(TOKEN_ATTRIBUTES)
    .map(([name, attribute]) => [attribute, sum(name)] as const)
    .filter(([, count]) => count > 0);
  return {
    [GEN_AI.inputTokens]: of('input_text', 'input_audio', 'input_image'),
    [GEN_AI.outputTokens]: of('output_text', 'output_audio', 'output_image'),
    [GEN_AI.cachedTokens]: of('cached_text', 'cached_audio', 'cached_image'),
    ...integers(Object.fromEntries(modalities)),
    ...paid,
  };
}

function cost(nano: number | null): Attributes {
  return nano === null ? {} : { [PARLEY.cost]: { double: Number(dollars(nano)) } };
}

/** What was said, as the conventions have it in one attribute each: JSON. */
function messages(said: readonly Read[], outcome: string | null, options: SpanOptions): Attributes {
  if (!options.content) return {};
  const of = (speaker: 'user' | 'model') =>
    said
      .filter(({ body }) => body['speaker'] === speaker)
      .map(({ body }) => ({
        role: speaker === 'user' ? 'user' : 'assistant',
        parts: [
          {
            type: 'text',
            content: (asText(body['text']) ?? '').slice(0, options.limits.traceTextCharacters),
          },
        ],
        ...(speaker === 'user' || outcome === null ? {} : { finish_reason: outcome }),
      }));
  const [input, output] = [of('user'), of('model')];
  return {
    ...(input.length === 0 ? {} : { [GEN_AI.inputMessages]: JSON.stringify(input) }),
    ...(output.length === 0 ? {} : { [GEN_AI.outputMessages]: JSON.stringify(output) }),
  };
}

/** Those that are known. */
function integers(figures: Readonly<Record<string, number | null | undefined>>): Attributes {
  return Object.fromEntries(
    Object.entries(figures).flatMap(([name, value]) =>
      value === null || value === undefined ? [] : [[name, { int: Math.round(value) }]],
    ),
  );
}
