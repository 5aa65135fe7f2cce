import { AS_STORED } from '../../support/log-access.ts';
import type { LogAccess } from '../../../storage/frame-log.ts';
import { describe, expect, it } from 'vitest';
import {
  type Ending,
  isUsageComplete,
  NO_USAGE,
  type Opening,
  type Totals,
} from '../../../protocol/recording.ts';
import { SegmentWriter } from '../../../protocol/segment.ts';
import { Tally } from '../../../session/tally.ts';
import { type EventQuery, type LoggedEvent, readEvents } from '../../../storage/events.ts';
import { LogPlace } from '../../../storage/frame-log.ts';
import { SessionStore } from '../../../storage/session-store.ts';
import { memoryDatabase } from '../../support/sqlite.ts';

const OPENING: Opening = {
  address: { account: 'a', gateway: 'g', id: 's' },
  provider: 'openai',
  model: 'm',
  simulated: false,
  credentialSource: 'stored',
  log: 'full',
  metadata: {},
  eventId: null,
  startedAt: 1_000,
};
const TOTALS: Totals = new Tally(10, {
  provider: 'openai',
  model: null,
  simulated: 'no',
  custom: null,
  overrides: [],
}).totals();
const ENDING: Ending = {
  at: 9_000,
  reason: 'client_closed',
  closedBy: 'client',
  code: 1000,
  closeReason: '',
  totals: TOTALS,
};
const ALL: EventQuery = {
  before: null,
  direction: null,
  type: null,
  client: null,
  payload: 'text',
  fold: null,
};

function storeWith(payloads: readonly (string | ArrayBuffer)[], segmentBytes = 200): SessionStore {
  const store = new SessionStore(memoryDatabase());
  store.open(OPENING, 0);
  const writer = new SegmentWriter(segmentBytes);
  payloads.forEach((payload, index) => {
    const direction = index % 2 === 0 ? ('down' as const) : ('up' as const);
    writer.append(
      index + 1,
      { direction, client: index % 2, at: 2_000 + index, payload, translated: false },
      true,
    );
  });
  const segments = writer.take().map((segment) => ({ ...segment, codec: 'raw' as const }));
  store.append(segments, { records: [], totals: null, live: { at: 1_500, dialMs: 5 } });
  return store;
}

async function events(
  store: SessionStore,
  { after = 0, ...query }: Partial<EventQuery> & { readonly after?: number } = {},
): Promise<LoggedEvent[]> {
  const found: LoggedEvent[] = [];
  for await (const event of readEvents(store, new LogPlace(after), { ...ALL, ...query }, AS_STORED))
    found.push(event);
  return found;
}

describe('P3 the record', () => {
  it('P3 reads back what was stored, frames over several segments too', async () => {
    const long = 'x'.repeat(1_000);
    const store = storeWith(['{"type":"a"}', long, new Uint8Array([0, 255]).buffer, '']);
    expect(await events(store)).toMatchObject([
      { seq: 1, direction: 'down', client: null, opcode: 'text', type: 'a', text: '{"type":"a"}' },
      { seq: 2, direction: 'up', client: 'c1', text: long, bytes: 1_000 },
      { seq: 3, opcode: 'binary', base64: 'AP8=' },
      { seq: 4, text: '', bytes: 0 },
    ]);
  });

  it('P3 every page is the same log: any cursor gives exactly what comes after it', async () => {
    const store = storeWith(Array.from({ length: 50 }, (_, index) => `${'y'.repeat(index * 7)}${index}`));
    const all = await events(store);
    expect(all.map(({ seq }) => seq)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
    for (let after = 0; after <= 50; after += 1)
      expect(await events(store, { after })).toEqual(all.slice(after));
  });

  it('P3 filters by direction, client, type and end', async () => {
    const store = storeWith(['{"type":"response.a"}', '{"type":"b"}', '{"type":"response.c"}', 'no json']);
    const seqs = async (query: Partial<EventQuery>) => (await events(store, query)).map(({ seq }) => seq);
    expect(await seqs({ direction: 'up' })).toEqual([2, 4]);
    expect(await seqs({ client: 'c1' })).toEqual([2, 4]);
    expect(await seqs({ type: 'b' })).toEqual([2]);
    expect(await seqs({ type: 'response.*' })).toEqual([1, 3]);
    expect(await seqs({ before: 3 })).toEqual([1, 2]);
  });

  it('P3 a batch that is stored twice is stored once', async () => {
    const store = storeWith(['a', 'b']);
    const segment = store.segment(1);
    if (segment === null) throw new Error('nothing stored');
    const record = { number: 1, kind: 'tool', seq: 1, at: 0, body: {} } as const;
    for (let time = 0; time < 2; time += 1)
      store.append([{ ...segment, lastAt: 0 }], { records: [record], totals: null, live: null });
    expect(await events(store)).toHaveLength(2);
    expect(store.records(['tool'], 0, 10)).toHaveLength(1);
  });

  it('P3 a row that is damaged on disk is said, and the rest is read', async () => {
    const store = storeWith(['a'.repeat(150), 'b'.repeat(150), 'c']);
    const found: LoggedEvent[] = [];
    const access: LogAccess = {
      ...AS_STORED,
      unpack: async ({ number, data }) => (number === 1 ? data.slice(0, 20) : data),
    };
    for await (const event of readEvents(store, new LogPlace(0), ALL, access)) found.push(event);
    expect(found).toMatchObject([{ kind: 'corrupt', seq: 1, to_seq: 1 }, { seq: 2 }, { seq: 3 }]);
  });

  it('R-07 a session whose object died ends once, as interrupted, with a gap after its last frame', async () => {
    const store = storeWith(['a', 'b']);
    store.interrupt(8_000);
    store.interrupt(9_000);
    store.finish(ENDING);
    expect(store.view()?.ending).toMatchObject({ reason: 'interrupted', code: 1006, at: 2_001 });
    expect((await events(store)).at(-1)).toMatchObject({
      kind: 'gap',
      seq: 3,
      reason: 'interrupted',
      from_seq: 3,
      to_seq: null,
    });
  });

  it('R-11 the first ending stands', () => {
    const store = storeWith([]);
    store.finish(ENDING);
    store.finish({ ...ENDING, reason: 'deleted' });
    expect(store.view()?.ending?.reason).toBe('client_closed');
    expect(store.open({ ...OPENING, startedAt: 9_000 }, 9_000)).toEqual({
      kind: 'ended',
      reason: 'client_closed',
    });
  });

  it('P5 the same opening again, served by another: a new revision says so, and nothing else changes', () => {
    const store = storeWith(['a']);
    const before = store.revision();
    expect(store.open({ ...OPENING, provider: 'another', model: 'other' }, 5)).toEqual({ kind: 'opened' });
    expect(store.view()?.opening).toEqual({ ...OPENING, provider: 'another', model: 'other' });
    expect([store.revision(), store.view()?.lastSeq]).toEqual([before + 1, 1]);
  });

  it('R-07 the same opening again changes nothing; another one finds the session interrupted', () => {
    const store = storeWith(['a']);
    expect(store.open(OPENING, 5_000)).toEqual({ kind: 'opened' });
    expect(store.view()).toMatchObject({ ending: null, lastSeq: 1 });
    expect(store.open({ ...OPENING, startedAt: 9_000 }, 9_000)).toEqual({
      kind: 'ended',
      reason: 'interrupted',
    });
  });

  it('R-11 a session that never went live may begin again', () => {
    const store = new SessionStore(memoryDatabase());
    store.open(OPENING, 0);
    store.finish({ ...ENDING, reason: 'upstream_timeout' });
    expect(store.open({ ...OPENING, startedAt: 9_000 }, 9_000)).toEqual({ kind: 'opened' });
    expect(store.view()?.ending).toBeNull();
  });

  it('P3 what comes after a deletion is not stored', () => {
    const store = new SessionStore(memoryDatabase());
    expect(store.append([], { records: [], totals: null, live: null })).toBe(false);
    expect(store.view()).toBeNull();
  });

  it('P3 the directory hears of every change, once it is told of', () => {
    const store = storeWith([]);
    const first = store.undelivered('s');
    expect(first).toMatchObject({ id: 's', status: 'live', tokens: null });
    store.delivered(first?.revision ?? 0);
    expect(store.undelivered('s')).toBeNull();
    store.finish({ ...ENDING, totals: { ...TOTALS, response: { ...NO_USAGE, reports: 1 } } });
    expect(store.undelivered('s')).toMatchObject({
      status: 'ended',
      endedReason: 'client_closed',
      tokens: 0,
    });
  });

  it('P8 the tokens of a list are all that were billed: those of transcription are in the cost, and in them', () => {
    const store = storeWith([]);
    const tokens = { ...NO_USAGE.tokens, input_audio: 30, cached_audio: 20, output_text: 4 };
    const billed = { ...NO_USAGE, reports: 1, tokens };
    store.finish({ ...ENDING, totals: { ...TOTALS, response: billed, transcription: billed } });
    expect(store.undelivered('s')).toMatchObject({ tokens: 68 });
  });

  it('P8 totals from before costs were kept have an unknown cost, which is not complete', () => {
    const database = memoryDatabase();
    const store = new SessionStore(database);
    store.open(OPENING, 0);
    const later = [
      'cost_nano',
      'reports_priced',
      'unpriced',
      'cost_notes',
      'silence_ms',
      'longest_silence_ms',
    ];
    const old = Object.fromEntries(Object.entries(TOTALS).filter(([name]) => !later.includes(name)));
    const { items, ...known } = NO_USAGE;
    old['response'] = { ...known, reports: 2 };
    database.exec('UPDATE session SET totals = ?', JSON.stringify(old));
    expect(store.view()?.totals).toMatchObject({
      cost_nano: null,
      reports_priced: 0,
      unpriced: [],
      response: { reports: 2, items },
    });
    expect(store.undelivered('s')).toMatchObject({ costNano: null, costComplete: false });
  });

  it('P8 the directory hears of the cost; after a crash it may not be all', () => {
    const store = storeWith([]);
    const totals = { ...TOTALS, cost_nano: 5, reports_priced: 1, response: { ...NO_USAGE, reports: 1 } };
    store.append([], { records: [], totals, live: null });
    expect(store.undelivered('s')).toMatchObject({ costNano: 5, costComplete: true });
    store.interrupt(9_000);
    expect(store.undelivered('s')).toMatchObject({ status: 'ended', costNano: 5, costComplete: false });
  });

  it('P8 of one whose object was lost, and that may go on, usage is not complete, and the directory hears so once', () => {
    const store = storeWith(['a']);
    store.loseUsage();
    store.append([], { records: [], totals: { ...TOTALS, cost_nano: 5 }, live: null });
    expect(isUsageComplete(store.view()?.totals ?? null, null)).toBe(true);
    store.loseUsage();
    const { revision } = store.undelivered('s') ?? {};
    store.loseUsage();
    expect(store.undelivered('s')).toMatchObject({
      status: 'live',
      costNano: 5,
      costComplete: false,
      revision,
    });
    expect(isUsageComplete(store.view()?.totals ?? null, null)).toBe(false);
  });
});

describe('P3 what people say of a session', () => {
  it('P3 is kept beside its record, one thing at a time, and the directory is to hear of it', () => {
    const store = new SessionStore(memoryDatabase());
    expect(store.annotate({ score: 5 })).toBe(false);
    store.open({ ...OPENING, metadata: { team: 'x' } }, 0);
    store.delivered(store.revision());
    expect(store.annotate({ score: 5 })).toBe(true);
    store.annotate({ feedback: -1 });
    expect(store.undelivered('s')).toMatchObject({ metadata: { team: 'x' }, score: 5, feedback: -1 });
    store.annotate({ metadata: {}, score: null });
    expect(store.undelivered('s')).toMatchObject({ metadata: {}, score: null, feedback: -1 });
  });

  it('P3 a record that an older version made is read as it is, and takes it too', () => {
    const database = memoryDatabase();
    database.exec(`CREATE TABLE session (id INTEGER PRIMARY KEY CHECK (id = 1), opening TEXT NOT NULL, live TEXT,
      ending TEXT, totals TEXT, revision INTEGER NOT NULL, delivered INTEGER NOT NULL);
      CREATE TABLE segment (number INTEGER PRIMARY KEY, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
      first_at INTEGER NOT NULL, last_at INTEGER NOT NULL, codec TEXT NOT NULL, data BLOB NOT NULL);
      CREATE TABLE record (id INTEGER PRIMARY KEY, seq INTEGER NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL,
      body TEXT NOT NULL);`);
    database.exec(
      'INSERT INTO session VALUES (1, ?, NULL, ?, NULL, 3, 3)',
      JSON.stringify(OPENING),
      JSON.stringify(ENDING),
    );
    const store = new SessionStore(database);
    expect(store.view()?.annotations).toEqual({ metadata: null, feedback: null, score: null });
    store.annotate({ feedback: 1 });
    expect(new SessionStore(database).undelivered('s')).toMatchObject({ feedback: 1, revision: 4, path: '' });
  });
});
