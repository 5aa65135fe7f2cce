import { describe, expect, it } from 'vitest';
import type { Span } from '../../../protocol/otlp.ts';
import type { Ending, LogRecord, Opening, Totals } from '../../../protocol/recording.ts';
import { LIMITS } from '../../../session/limits.ts';
import { Tally } from '../../../session/tally.ts';
import { sessionSpans, type SpanOptions, spanRecordKinds } from '../../../storage/session-spans.ts';
import type { SessionView, StoredRecord } from '../../../storage/session-store.ts';

const OPENING: Opening = {
  address: { account: 'a', gateway: 'g', id: 's' },
  provider: 'openai',
  model: 'm',
  simulated: false,
  credentialSource: 'stored',
  log: 'full',
  metadata: { team: 'red', n: 2 },
  eventId: 'e-1',
  startedAt: 1_000,
};
const NOTHING: Totals = new Tally(10, {
  provider: 'openai',
  model: null,
  simulated: 'no',
  custom: null,
  overrides: [],
}).totals();
const endingWith = (totals: Totals): Ending => ({
  at: 9_000,
  reason: 'upstream_closed',
  closedBy: 'upstream',
  code: 1011,
  closeReason: '',
  totals,
});

type Body = LogRecord['body'];
let records: StoredRecord[] = [];
function record(kind: LogRecord['kind'], seq: number, at: number, body: Body): void {
  records.push({ id: records.length + 1, seq, at, kind, body: JSON.stringify(body) });
}
const turn = (seq: number, responseId: string, more: Body = {}) =>
  record('turn', seq, seq * 100, {
    response_id: responseId,
    outcome: 'completed',
    output: 'audio',
    asked_at: seq * 100 - 50,
    started_at: seq * 100 - 40,
    first_output_ms: 30,
    ...more,
  });
const usage = (seq: number, key: string, output: number, purpose = 'response') =>
  record('usage', seq, seq * 100, {
    purpose,
    key,
    model: 'm-2026',
    counted: { unit: 'tokens', input_text: 1, input_audio: 2, cached_audio: 1, output_audio: output },
    cost_nano: 1_500,
  });

function messagesIn(span: Span | undefined, of: 'input' | 'output'): unknown {
  const text = span?.attributes[`gen_ai.${of}.messages`];
  return typeof text === 'string' ? JSON.parse(text) : text;
}

function spansOf(totals: Totals, more: Partial<SpanOptions> = {}, opening = OPENING) {
  const stored = records;
  records = [];
  const ending = endingWith(totals);
  const view: SessionView = {
    opening,
    live: { at: 1_200, dialMs: 200 },
    ending,
    totals,
    annotations: { metadata: null, feedback: null, score: null },
    lastSeq: 100,
    logBytes: 0,
  };
  return sessionSpans(view, ending, stored, {
    spanId: (number) => `id${number}`,
    provider: 'openai',
    success: true,
    content: false,
    limits: LIMITS,
    ...more,
  });
}

describe('P3 a session as spans', () => {
  it('P8 each turn has its own usage and cost; what belongs to none is an event of the session', () => {
    turn(10, 'r1');
    // In the same frame, after its turn.
    usage(10, 'r1', 7);
    usage(12, 'item/0', 0, 'transcription');
    // By a provider that names no response: within the turn that it is a part of.
    usage(20, 'snapshot_1', 9);
    turn(20, 'r2');
    // Of no turn that had begun.
    usage(30, 'snapshot_2', 4);
    turn(90, 'r3', { asked_at: null, started_at: 8_950 });
    const [session, r1, r2, r3] = spansOf({ ...NOTHING, responses: 3 });
    expect(r1?.attributes).toMatchObject({
      'gen_ai.response.id': 'r1',
      'gen_ai.response.model': 'm-2026',
      'gen_ai.output.type': 'speech',
      'gen_ai.usage.input_tokens': { int: 3 },
      'gen_ai.usage.output_tokens': { int: 7 },
      'gen_ai.usage.cache_read.input_tokens': { int: 1 },
      'gen_ai.usage.audio.input_tokens': { int: 2 },
      'gen_ai.usage.audio.output_tokens': { int: 7 },
      'parley.cost.usd': { double: 0.0000015 },
      'parley.first_output_ms': { int: 30 },
    });
    expect(r1?.attributes).not.toHaveProperty('gen_ai.usage.image.input_tokens');
    expect([r1?.start, r1?.end, r3?.start]).toEqual([950, 1_000, 8_950]);
    expect(r2?.attributes['gen_ai.usage.output_tokens']).toEqual({ int: 9 });
    expect(r3?.attributes).not.toHaveProperty('gen_ai.usage.output_tokens');
    expect(session?.events.map(({ name, attributes }) => [name, attributes['parley.usage.purpose']])).toEqual(
      [
        ['parley.usage', 'transcription'],
        ['parley.usage', 'response'],
      ],
    );
  });

  it('P3 ids do not depend on what is left out, and what is left out is counted', () => {
    const fill = () => {
      for (let n = 1; n <= 5; n += 1) {
        record('tool', n * 10 - 1, n, { call_id: `c${n}`, name: 'look' });
        turn(n * 10, `r${n}`);
      }
    };
    fill();
    const totals = { ...NOTHING, responses: 5, tool_calls: 5 };
    const all = spansOf(totals);
    expect(new Set(all.map(({ spanId }) => spanId)).size).toBe(11);
    expect(all[0]?.attributes).not.toHaveProperty('parley.spans_left_out');
    fill();
    const some = spansOf(totals, { limits: { ...LIMITS, traceSpans: 10 } });
    expect(some.map(({ spanId }) => spanId)).toEqual(all.slice(0, 10).map(({ spanId }) => spanId));
    expect(some[0]?.attributes['parley.spans_left_out']).toEqual({ int: 1 });
    const tool = all.find(({ name }) => name === 'execute_tool look');
    expect(tool).toMatchObject({ kind: 'internal', parent: { spanId: 'id1' }, start: 1, end: 1 });
    expect(tool?.attributes['gen_ai.tool.call.id']).toBe('c1');
  });

  it('P3 a session that failed says why, and a turn that failed too; one that was interrupted did not fail', () => {
    turn(10, 'r1', { outcome: 'failed' });
    turn(20, 'r2', { outcome: 'interrupted' });
    record('error', 20, 2_000, { code: 'server_error', message: 'canary' });
    const [session, failed, interrupted] = spansOf(NOTHING, { success: false });
    expect([session?.error, session?.attributes['error.type']]).toEqual([
      'upstream_closed',
      'upstream_closed',
    ]);
    expect([failed?.error, interrupted?.error]).toEqual(['failed', null]);
    expect(interrupted?.attributes['gen_ai.response.finish_reasons']).toEqual(['interrupted']);
    expect(session?.events).toMatchObject([
      { name: 'parley.error', at: 2_000, attributes: { 'error.type': 'server_error' } },
    ]);
    expect(JSON.stringify(session)).not.toContain('canary');
  });

  it('P9 what was said comes with its turn, cut at the limit, and only where it may', () => {
    const fill = () => {
      record('transcript', 8, 800, { speaker: 'user', item_id: 'i1', text: 'hello' });
      record('transcript', 9, 900, { speaker: 'model', item_id: 'i2', text: 'x'.repeat(5_000) });
      turn(10, 'r1');
      record('transcript', 12, 1_200, { speaker: 'user', item_id: 'i3', text: 'bye' });
    };
    fill();
    const [session, r1] = spansOf(NOTHING, { content: true });
    expect(messagesIn(r1, 'input')).toEqual([{ role: 'user', parts: [{ type: 'text', content: 'hello' }] }]);
    expect(messagesIn(r1, 'output')).toEqual([
      {
        role: 'assistant',
        parts: [{ type: 'text', content: 'x'.repeat(LIMITS.traceTextCharacters) }],
        finish_reason: 'completed',
      },
    ]);
    expect(session?.attributes['gen_ai.input.messages']).toContain('bye');
    fill();
    expect(JSON.stringify(spansOf(NOTHING))).not.toMatch(/hello|bye|xxx/);
    expect(spanRecordKinds(false)).not.toContain('transcript');
  });

  it.each([
    ['text_to_speech', { audio_in_ms: 0, audio_out_ms: 900 }],
    ['speech_to_text', { audio_in_ms: 900, audio_out_ms: 0 }],
    ['speech_to_text', { audio_in_ms: null, audio_out_ms: 0 }],
    ['realtime_inference', { audio_in_ms: 900, audio_out_ms: 900 }],
    ['realtime_inference', { audio_in_ms: 0, audio_out_ms: 0 }],
    [
      'realtime_inference',
      {
        audio_in_ms: 0,
        audio_out_ms: 9,
        response: {
          ...NOTHING.response,
          tokens: { ...NOTHING.response.tokens, output_audio: 1 },
        },
      },
    ],
  ] as const)('P3 its turns are %s for %j', (operation, totals) => {
    turn(10, 'r1');
    const [, span] = spansOf({ ...NOTHING, ...totals });
    expect([span?.name, span?.attributes['gen_ai.operation.name']]).toEqual([`${operation} m`, operation]);
  });

  it('P3 the session is below the client’s span, with its tags and figures', () => {
    const traceParent = { traceId: 'f'.repeat(32), spanId: 'c'.repeat(16), sampled: true };
    const [session] = spansOf(
      { ...NOTHING, responses: 2, cost_nano: 250_000_000 },
      {},
      { ...OPENING, traceParent },
    );
    expect(session).toMatchObject({
      parent: { spanId: 'c'.repeat(16), remote: true },
      kind: 'server',
      start: 1_000,
      end: 9_000,
      error: null,
      attributes: {
        'gen_ai.conversation.id': 's',
        'parley.account': 'a',
        'parley.gateway': 'g',
        'parley.ended_reason': 'upstream_closed',
        'parley.close_code': { int: 1011 },
        'parley.dial_ms': { int: 200 },
        'parley.cost.usd': { double: 0.25 },
        'parley.event_id': 'e-1',
        'parley.metadata.team': 'red',
        'parley.metadata.n': { double: 2 },
      },
    });
  });
});
