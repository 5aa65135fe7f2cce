/**
 * OTLP over HTTP with JSON: trace and span ids in hex, 64-bit integers as text, enums as numbers (OTLP 1.x, "JSON Protobuf
 * Encoding").
 */

export type AttributeValue =
  | string
  | boolean
  | { readonly int: number }
  | { readonly double: number }
  | readonly string[];
export type Attributes = Readonly<Record<string, AttributeValue>>;

export interface SpanEvent {
  readonly name: string;
  /** ms since the epoch. */
  readonly at: number;
  readonly attributes: Attributes;
}

export interface Span {
  readonly spanId: string;
  readonly parent: { readonly spanId: string; readonly remote: boolean } | null;
  readonly name: string;
  readonly kind: 'internal' | 'server' | 'client';
  /** ms since the epoch. */
  readonly start: number;
  readonly end: number;
  readonly attributes: Attributes;
  readonly events: readonly SpanEvent[];
  /** What went wrong; null: nothing. */
  readonly error: string | null;
}

export interface Trace {
  /** 32 hex digits. */
  readonly traceId: string;
  readonly serviceName: string;
  readonly spans: readonly Span[];
}

const KINDS = { internal: 1, server: 2, client: 3 } as const;
const STATUS_ERROR = 2;
/** Flags of a span: sampled, and whether its parent is another process's. */
const SAMPLED = 0x01;
const KNOWS_WHETHER_REMOTE = 0x100;
const PARENT_IS_REMOTE = 0x200;
const SCOPE = 'parley';

/** The body of an ExportTraceServiceRequest. */
export function traceRequest({ traceId, serviceName, spans }: Trace): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: keyValues({ 'service.name': serviceName }), droppedAttributesCount: 0 },
        scopeSpans: [{ scope: { name: SCOPE }, spans: spans.map((span) => spanJson(traceId, span)) }],
      },
    ],
  });
}

function spanJson(traceId: string, span: Span) {
  return {
    traceId,
    spanId: span.spanId,
    ...(span.parent === null ? {} : { parentSpanId: span.parent.spanId }),
    name: span.name,
    kind: KINDS[span.kind],
    startTimeUnixNano: nanoseconds(span.start),
    endTimeUnixNano: nanoseconds(Math.max(span.start, span.end)),
    attributes: keyValues(span.attributes),
    droppedAttributesCount: 0,
    events: span.events.map(({ name, at, attributes }) => ({
      name,
      timeUnixNano: nanoseconds(at),
      attributes: keyValues(attributes),
      droppedAttributesCount: 0,
    })),
    droppedEventsCount: 0,
    links: [],
    droppedLinksCount: 0,
    status: span.error === null ? { code: 0 } : { code: STATUS_ERROR, message: span.error },
    flags: SAMPLED | KNOWS_WHETHER_REMOTE | (span.parent?.remote === true ? PARENT_IS_REMOTE : 0),
  };
}

function keyValues(attributes: Attributes) {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) }));
}

function anyValue(value: AttributeValue) {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if ('int' in value) return { intValue: String(value.int) };
  if ('double' in value) return { doubleValue: value.double };
  return { arrayValue: { values: value.map((each) => ({ stringValue: each })) } };
}

/** Past what a number holds exactly, so it is made as text. */
function nanoseconds(ms: number): string {
  return `${Math.round(ms)}000000`;
}

/** Header names of OTEL_EXPORTER_OTLP_HEADERS, and what may stand in a value. */
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
const HEADER_VALUE = /^[\x20-\x7e]*$/;

/** Reads `k=v,k2=v2` with URL-encoded values, as OpenTelemetry's exporters do. Null when it is not that. */
export function readOtlpHeaders(text: string): Readonly<Record<string, string>> | null {
  const headers: Record<string, string> = {};
  for (const part of text.split(',').map((each) => each.trim())) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = part.slice(0, equals).trim();
    const value = decoded(part.slice(equals + 1).trim());
    if (equals < 1 || !HEADER_NAME.test(name) || value === null || !HEADER_VALUE.test(value)) return null;
    headers[name.toLowerCase()] = value;
  }
  return headers;
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    // A lone %: the caller says what the form is.
    return null;
  }
}
