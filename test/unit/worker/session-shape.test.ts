import { describe, expect, it } from 'vitest';
import type { Observation } from '../../../protocol/observations.ts';
import type { LogRecord } from '../../../protocol/recording.ts';
import type { PriceBasis } from '../../../session/cost.ts';
import { Tally } from '../../../session/tally.ts';
import type { SessionView, StoredRecord } from '../../../storage/session-store.ts';
import { sessionShape } from '../../../worker/session-shape.ts';

const PRICES: PriceBasis = { provider: 'openai', model: null, simulated: 'no', custom: null, overrides: [] };

function viewOf(tally: Tally, ending: SessionView['ending'] = null): SessionView {
  return {
    opening: {
      address: { account: 'a', gateway: 'g', id: 's' },
      provider: 'openai',
      model: 'gpt-realtime',
      simulated: false,
      credentialSource: 'stored',
      log: 'full',
      metadata: {},
      eventId: null,
      startedAt: 1_000,
    },
    live: { at: 1_050, dialMs: 50 },
    ending,
    totals: tally.totals(),
    annotations: { metadata: null, feedback: null, score: null },
    lastSeq: 0,
    logBytes: 0,
  };
}

/** One turn as the adapter tells it: asked, started, first output, end. */
function turn(tally: Tally, id: string, askedAt: number, waitMs: number | null): StoredRecord {
  const observe = (observation: Observation, at: number) => tally.observe(observation, 1, at);
  observe({ kind: 'asked' }, askedAt);
  observe({ kind: 'response.started', responseId: id }, askedAt + 1);
  if (waitMs !== null) observe({ kind: 'response.output', responseId: id, of: 'audio' }, askedAt + waitMs);
  const record = observe({ kind: 'response.ended', responseId: id, outcome: 'completed' }, askedAt + 5_000);
  if (record === null) throw new Error('the end of a turn is kept');
  return stored(record);
}

const stored = (record: LogRecord): StoredRecord => ({ ...record, id: 1, body: JSON.stringify(record.body) });

describe('P7 the clients of a session', () => {
  const of = (kind: LogRecord['kind'], at: number, body: LogRecord['body']) =>
    stored({ kind, seq: 1, at, body });
  const joined = (client: string, at: number) => of('client.joined', at, { client, role: 'controller' });
  const RECORDS = [
    joined('c1', 1_000),
    of('client.left', 2_000, { client: 'c1', code: 1000 }),
    joined('c2', 3_000),
    of('gap', 4_000, { reason: 'interrupted' }),
    joined('c3', 5_000),
  ];
  const left = (ending: SessionView['ending']) =>
    sessionShape(viewOf(new Tally(10, PRICES), ending), RECORDS).clients.map(
      ({ left_at: at, close_code: code }) => [at === null ? null : Date.parse(at), code],
    );

  it('P7 left with their socket, in a crash at the latest when the session went on, and with the end', () => {
    const ending = {
      at: 9_000,
      reason: 'interrupted',
      closedBy: 'parley',
      code: 1006,
      closeReason: '',
    } as const;
    expect(left(null)).toEqual([
      [2_000, 1000],
      [4_000, null],
      [null, null],
    ]);
    expect(left({ ...ending, totals: new Tally(10, PRICES).totals() })).toEqual([
      [2_000, 1000],
      [4_000, null],
      [9_000, null],
    ]);
  });
});

describe('P8 the timing of a session', () => {
  it('P8 each turn tells when it was asked for and when its first output came', () => {
    const tally = new Tally(10, PRICES);
    const { turns } = sessionShape(viewOf(tally), [
      turn(tally, 'r1', 2_000, 340),
      turn(tally, 'r2', 9_000, null),
    ]);
    expect(turns).toMatchObject([
      {
        asked_at: '1970-01-01T00:00:02.000Z',
        first_output_at: '1970-01-01T00:00:02.340Z',
        first_output_ms: 340,
        duration_ms: 5_000,
      },
      { asked_at: '1970-01-01T00:00:09.000Z', first_output_at: null, first_output_ms: null },
    ]);
  });

  it('P8 percentiles are of turns that had output, by nearest rank: always a turn that was', () => {
    const tally = new Tally(10, PRICES);
    const waits = Array.from({ length: 20 }, (_, index) => (index + 1) * 10);
    const records = [...waits, null].map((ms, index) => turn(tally, `r${index}`, index * 10_000, ms));
    expect(sessionShape(viewOf(tally), records).latency).toEqual({
      turns: 20,
      p50_ms: 100,
      p95_ms: 190,
      max_ms: 200,
    });
    expect(sessionShape(viewOf(tally), records.slice(0, 1)).latency).toEqual({
      turns: 1,
      p50_ms: 10,
      p95_ms: 10,
      max_ms: 10,
    });
    expect(sessionShape(viewOf(tally), []).latency).toEqual({
      turns: 0,
      p50_ms: null,
      p95_ms: null,
      max_ms: null,
    });
  });

  it('P8 silence is time of a second or more without a frame either way', () => {
    const tally = new Tally(10, PRICES);
    for (const [at, direction] of [
      [5_000, 'down'],
      [5_999, 'up'],
      [6_999, 'down'],
      [9_999, 'up'],
      [9_000, 'up'],
      [10_500, 'down'],
    ] as const)
      tally.frame(direction, { bytes: 1, logged: true, redacted: false }, at);
    expect(sessionShape(viewOf(tally), []).silence).toEqual({ total_ms: 4_000, longest_ms: 3_000 });
  });
});

describe('P8 the cost of a session', () => {
  const bill = (tally: Tally, key: string, model: string) =>
    tally.observe(
      {
        kind: 'usage',
        dedupeKey: key,
        purpose: 'transcription',
        model,
        usage: { unit: 'seconds', seconds: 60 },
        source: 'provider',
        raw: null,
      },
      1,
      1,
    );

  it('P8 is told in dollars and nano-dollars, with what is missing and why', () => {
    const tally = new Tally(10, PRICES);
    expect(sessionShape(viewOf(tally), []).cost).toMatchObject({ usd: null, nano_usd: null, complete: true });
    bill(tally, 'a', 'whisper-1');
    expect(sessionShape(viewOf(tally), []).cost).toEqual({
      usd: '0.006000000',
      nano_usd: 6_000_000,
      currency: 'USD',
      complete: true,
      reports_priced: 1,
      unpriced: [],
      notes: [],
      price_table: '2026-11-25',
    });
    bill(tally, 'b', 'whisper-9');
    bill(tally, 'c', 'gpt-realtime-translate');
    expect(sessionShape(viewOf(tally), []).cost).toMatchObject({
      usd: '0.040000000',
      complete: false,
      reports_priced: 2,
      unpriced: [{ reason: 'unknown_model', model: 'whisper-9', unit: 'seconds', reports: 1 }],
      notes: [{ note: 'price_unverified', reports: 1 }],
    });
  });

  it('P8 each record of usage carries its own cost, the family it was priced as, and the date of that price', () => {
    const tally = new Tally(10, PRICES);
    expect(bill(tally, 'a', 'whisper-1')?.body).toMatchObject({
      cost_nano: 6_000_000,
      price: 'openai/whisper-1',
      price_date: '2026-11-05',
      unpriced: null,
    });
    expect(bill(tally, 'a', 'whisper-1')).toBeNull();
    expect(bill(tally, 'b', 'whisper-9')?.body).toMatchObject({ cost_nano: null, unpriced: 'unknown_model' });
  });

  it('P8 of a session that a crash cut off is not complete', () => {
    const tally = new Tally(10, PRICES);
    bill(tally, 'a', 'whisper-1');
    const ending = { at: 9, reason: 'interrupted', closedBy: 'parley', code: 1006, closeReason: '' } as const;
    const view = viewOf(tally, { ...ending, totals: tally.totals() });
    expect(sessionShape(view, []).cost).toMatchObject({ usd: '0.006000000', complete: false });
  });
});
