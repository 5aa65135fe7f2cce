import { afterEach, describe, expect, it } from 'vitest';
import { type Client, connected } from '../support/client.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { type Received, type Receiver, startReceiver } from '../support/receiver.ts';
import { sessionOf, untilEnded } from '../support/rest.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: object }[];
  readonly status: { readonly code: number; readonly message?: string };
}

/** What a collector makes of a request. */
function spansOf({ body }: Received): readonly OtlpSpan[] {
  const request = JSON.parse(body) as {
    resourceSpans: { scopeSpans: { spans: OtlpSpan[] }[] }[];
  }; // by the protocol
  return request.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
}

function attributesOf(span: OtlpSpan | undefined): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    (span?.attributes ?? []).map(({ key, value }) => [key, Object.values(value)[0] as unknown]),
  );
}

async function setUp(
  answer?: Parameters<typeof startReceiver>[0],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly parley: ParleyProcess; readonly collector: Receiver }> {
  const collector = await startReceiver(answer);
  const parley = await startParley({
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`, ...env },
  });
  cleanUps.push(() => collector.close());
  cleanUps.push(() => parley.stop());
  return { parley, collector };
}

const TOOL = {
  type: 'function',
  name: 'lookup_order',
  description: 'canary-tool',
  parameters: { type: 'object' },
};

/** A turn of text, and one that calls a tool. */
async function talk(parley: ParleyProcess, headers: Readonly<Record<string, string>> = {}): Promise<Client> {
  let done = 0;
  const twice = Promise.withResolvers<void>();
  const client = await connected(parley, {
    query: 'model=sim-support',
    headers,
    ready: (socket) =>
      socket.on('message', (data: Buffer) => {
        if (data.toString().includes('"response.done"') && (done += 1) === 2) twice.resolve();
        else if (data.toString().includes('"response.done"'))
          socket.send(
            '{"type":"response.create","response":{"output_modalities":["text"],"tool_choice":"required"}}',
          );
      }),
  });
  client.socket.send(
    JSON.stringify({ type: 'session.update', session: { type: 'realtime', tools: [TOOL] } }),
  );
  client.socket.send(
    '{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"canary-words"}]}}',
  );
  client.socket.send(
    '{"type":"response.create","response":{"output_modalities":["text"],"tool_choice":"none"}}',
  );
  await twice.promise;
  client.socket.close(1000);
  await client.closed;
  return client;
}

describe('P3 traces for OpenTelemetry', () => {
  it('P3 a finished session is one trace: a session, its turns with usage, its tool calls, below the client’s span', async () => {
    const { parley, collector } = await setUp(undefined, {
      OTEL_EXPORTER_OTLP_HEADERS: 'x-team=red%20team,authorization=Bearer%20canary-collector',
      OTEL_SERVICE_NAME: 'voice',
    });
    const { id } = await talk(parley, {
      traceparent: `00-${TRACE}-${PARENT}-01`,
      'cf-aig-metadata': '{"team":"red"}',
    });
    const session = await untilEnded(parley, 'acct/gw', id);
    const [request] = await collector.until(1);
    expect(request?.path).toBe('/v1/traces');
    expect(request?.headers).toMatchObject({
      'content-type': 'application/json',
      'x-team': 'red team',
      authorization: 'Bearer canary-collector',
    });
    expect(request?.body).toContain('{"key":"service.name","value":{"stringValue":"voice"}}');
    const spans = spansOf(request ?? { path: '', headers: {}, body: '{}' });
    expect(spans.map(({ name }) => name)).toEqual([
      'parley.session',
      'realtime_inference sim-support',
      'realtime_inference sim-support',
      'execute_tool lookup_order',
    ]);
    const [root, first, second, tool] = spans;
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
    expect(root?.parentSpanId).toBe(PARENT);
    expect([first?.parentSpanId, second?.parentSpanId]).toEqual([root?.spanId, root?.spanId]);
    expect(tool?.parentSpanId).toBe(second?.spanId);
    expect(Number(root?.startTimeUnixNano) / 1e6).toBeCloseTo(Date.parse(session.started_at), -1);
    expect(Number(root?.endTimeUnixNano) / 1e6).toBeCloseTo(Date.parse(session.ended_at ?? ''), -1);
    expect(root?.status).toEqual({ code: 0 });
    expect(attributesOf(root)).toMatchObject({
      'gen_ai.conversation.id': id,
      'parley.ended_reason': session.ended_reason,
      'parley.turns': '2',
      'parley.tool_calls': '1',
      'parley.metadata.team': 'red',
      'parley.cost.usd': Number(session.cost.usd),
    });
    const usage = [first, second].map((span) => Number(attributesOf(span)['gen_ai.usage.output_tokens']));
    expect(usage[0]).toBeGreaterThan(0);
    expect(usage.reduce((sum, each) => sum + each, 0)).toBe(session.usage.response.tokens.output_text);
    expect(attributesOf(first)).toMatchObject({
      'gen_ai.operation.name': 'realtime_inference',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'sim-support',
      'gen_ai.response.id': session.turns[0]?.response_id,
      'gen_ai.output.type': 'text',
    });
    // Nothing of what was said, or of who asked.
    for (const canary of ['canary', 'messages', parley.token]) expect(request?.body).not.toContain(canary);
    expect(parley.output()).not.toContain('canary');
  });

  it('P3 a collector that fails gets the same trace again, and nobody waits for it', async () => {
    const { parley, collector } = await setUp((_request, received) => (received.length === 1 ? 503 : 200));
    const { id } = await talk(parley);
    expect(await sessionOf(parley, 'acct/gw', id)).toMatchObject({ status: 'ended' });
    const [first, second] = await collector.until(2);
    expect(second?.body).toBe(first?.body);
    const [root] = spansOf(first ?? { path: '', headers: {}, body: '{}' });
    expect(root?.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(root?.parentSpanId).toBeUndefined();
  });

  it('P9 what was said is in it only where the deployment asks for that, and the session may be logged', async () => {
    const { parley, collector } = await setUp(undefined, { PARLEY_OTEL_CONTENT: 'true' });
    const { id } = await talk(parley);
    const [told] = await collector.until(1);
    expect(told?.body).toContain('gen_ai.output.messages');
    await talk(parley, { 'cf-aig-collect-log-payload': 'false' });
    const [, quiet] = await collector.until(2);
    expect(quiet?.body).not.toContain('messages');
    expect(quiet?.body).not.toContain(id);
  });

  it('a session that its client’s tracer does not sample is not exported; an invalid traceparent is passed over', async () => {
    const { parley, collector } = await setUp();
    const unsampled = await talk(parley, { traceparent: `00-${TRACE}-${PARENT}-00` });
    await untilEnded(parley, 'acct/gw', unsampled.id);
    const { id } = await talk(parley, { traceparent: 'canary' });
    await collector.until(1);
    expect(collector.received).toHaveLength(1);
    expect(collector.received[0]?.body).toContain(id);
    expect(collector.received[0]?.body).not.toContain(TRACE);
  });

  it('P2 AI Gateway’s own headers name the client’s trace too', async () => {
    const { parley, collector } = await setUp();
    await talk(parley, { 'cf-aig-otel-trace-id': TRACE, 'cf-aig-otel-parent-span-id': PARENT });
    const [request] = await collector.until(1);
    expect(request?.body).toContain(`"traceId":"${TRACE}"`);
    expect(request?.body).toContain(`"parentSpanId":"${PARENT}"`);
  });

  it('P10 a record is deleted while its collector is down', async () => {
    const { parley, collector } = await setUp(() => 503);
    const { id } = await talk(parley);
    await collector.until(1);
    const path = `${parley.http}/v1/acct/gw/sessions/${id}`;
    const headers = { authorization: `Bearer ${parley.token}` };
    const deleted = await fetch(path, { method: 'DELETE', headers });
    expect(await deleted.json()).toMatchObject({ result: { id, deleted: true } });
    expect((await fetch(path, { headers })).status).toBe(404);
  });
});
