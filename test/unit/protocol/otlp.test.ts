import { JsonTraceSerializer } from '@opentelemetry/otlp-transformer';
import { describe, expect, it } from 'vitest';
import { readOtlpHeaders, type Span, traceRequest } from '../../../protocol/otlp.ts';
import { parseSettings } from '../../../protocol/settings.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

const ROOT: Span = {
  spanId: '00000000000000a1',
  parent: { spanId: '00f067aa0ba902b7', remote: true },
  name: 'parley.session',
  kind: 'server',
  start: 1_764_000_000_123,
  end: 1_764_000_009_456,
  attributes: {
    text: 'ünï "quoted"',
    yes: true,
    count: { int: 9_007_199_254_740_991 },
    cost: { double: 0.25 },
    reasons: ['completed', 'x'],
  },
  events: [{ name: 'parley.error', at: 1_764_000_001_000, attributes: { 'error.type': 'x' } }],
  error: 'upstream_closed',
};
const CHILD: Span = {
  ...ROOT,
  spanId: '00000000000000a2',
  parent: { spanId: ROOT.spanId, remote: false },
  kind: 'client',
  attributes: {},
  events: [],
  error: null,
};
const ORPHAN: Span = { ...CHILD, spanId: '00000000000000a3', parent: null, kind: 'internal' };

const KINDS = { internal: 0, server: 1, client: 2 };
const hrTime = (ms: number) => [Math.floor(ms / 1000), (ms % 1000) * 1e6];
const plain = (attributes: Span['attributes']) =>
  Object.fromEntries(
    Object.entries(attributes).map(([key, value]) => {
      if (typeof value !== 'object' || !('int' in value || 'double' in value)) return [key, value];
      return [key, 'int' in value ? value.int : value.double];
    }),
  );

/** The same span as OpenTelemetry's SDK would hold it. */
function asTheirs(
  { spanId, parent, name, kind, start, end, attributes, events, error }: Span,
  resource: object,
) {
  return {
    name,
    kind: KINDS[kind],
    spanContext: () => ({ traceId: TRACE, spanId, traceFlags: 1 }),
    parentSpanContext:
      parent === null
        ? undefined
        : { traceId: TRACE, spanId: parent.spanId, traceFlags: 1, isRemote: parent.remote },
    startTime: hrTime(start),
    endTime: hrTime(end),
    status: error === null ? { code: 0 } : { code: 2, message: error },
    attributes: plain(attributes),
    links: [],
    events: events.map((event) => ({
      name: event.name,
      time: hrTime(event.at),
      attributes: plain(event.attributes),
    })),
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
    instrumentationScope: { name: 'parley' },
    resource,
  };
}

describe('OTLP over JSON', () => {
  it('P3 is what OpenTelemetry’s own serializer makes of the same spans', () => {
    const spans = [ROOT, CHILD, ORPHAN];
    const resource = { attributes: { 'service.name': 'voice' } };
    const theirs = JsonTraceSerializer.serializeRequest(
      // A part of what the SDK holds: all that is serialized.
      spans.map((span) => asTheirs(span, resource)) as unknown as Parameters<
        typeof JsonTraceSerializer.serializeRequest
      >[0],
    );
    const ours: unknown = JSON.parse(traceRequest({ traceId: TRACE, serviceName: 'voice', spans }));
    const expected = JSON.parse(new TextDecoder().decode(theirs)) as unknown;
    expect(withIntegersAsText(ours)).toEqual(withIntegersAsText(expected));
    expect(JSON.stringify(ours)).toContain('"startTimeUnixNano":"1764000000123000000"');
    expect(JSON.stringify(ours)).toContain('"intValue":"9007199254740991"');
  });

  it('P10 a span whose clock was set back does not end before it began', () => {
    const text = traceRequest({
      traceId: TRACE,
      serviceName: 'x',
      spans: [{ ...ROOT, end: ROOT.start - 5 }],
    });
    expect(text).toContain('"endTimeUnixNano":"1764000000123000000"');
  });
});

/** Both forms of a 64-bit integer are legal; theirs writes a number where that is exact. */
function withIntegersAsText(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, each: unknown) => (key === 'intValue' ? String(each) : each)),
  ) as unknown;
}

describe('the settings of the exporter', () => {
  it('headers are names and URL-encoded values, separated by commas', () => {
    expect(readOtlpHeaders('')).toEqual({});
    expect(readOtlpHeaders('Authorization=Basic%20YTpi, x-team = red,, k=a=b')).toEqual({
      authorization: 'Basic YTpi',
      'x-team': 'red',
      k: 'a=b',
    });
    for (const bad of ['canary', '=canary', 'a b=canary', 'k=%zzcanary', 'k=a%0d%0acanary']) {
      expect(readOtlpHeaders(bad)).toBeNull();
      const parsed = parseSettings({ OTEL_EXPORTER_OTLP_HEADERS: bad });
      const problems = parsed.ok ? [] : parsed.problems;
      expect(problems.join(' ')).toContain('OTEL_EXPORTER_OTLP_HEADERS');
      expect(problems.join(' ')).not.toContain('canary');
    }
  });

  it('nothing is exported unless an address is set, and no content unless it is asked for', () => {
    expect(parseSettings({})).toMatchObject({
      settings: {
        OTEL_EXPORTER_OTLP_ENDPOINT: null,
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: null,
        OTEL_EXPORTER_OTLP_HEADERS: {},
        OTEL_SERVICE_NAME: 'parley',
        PARLEY_OTEL_CONTENT: false,
      },
    });
    expect(parseSettings({ PARLEY_OTEL_CONTENT: 'true' })).toMatchObject({
      settings: { PARLEY_OTEL_CONTENT: true },
    });
    for (const bad of [
      { PARLEY_OTEL_CONTENT: 'yes' },
      { OTEL_EXPORTER_OTLP_ENDPOINT: '127.0.0.1:4318' },
      { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'grpc://x' },
    ]) {
      const parsed = parseSettings(bad);
      expect(parsed.ok ? '' : parsed.problems.join(' ')).toContain(Object.keys(bad)[0]);
    }
  });
});
