import { createHash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { assert, asyncProperty } from 'fast-check';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Payload } from '../../../protocol/connect.ts';
import { type DigestShape, digestHead } from '../../../protocol/log-digest.ts';
import type { Ending, LogRecord, Opening } from '../../../protocol/recording.ts';
import { type Direction, SegmentWriter } from '../../../protocol/segment.ts';
import { Tally } from '../../../session/tally.ts';
import { EVERYTHING, readEvents } from '../../../storage/events.ts';
import { LogPlace, readLog } from '../../../storage/frame-log.ts';
import { type Hash, LogDigest } from '../../../storage/log-digest.ts';
import { SessionStore } from '../../../storage/session-store.ts';
import { AS_STORED } from '../../support/log-access.ts';
import { databaseIn } from '../../support/sqlite.ts';

interface Given {
  readonly payload: Payload;
  readonly direction: Direction;
  readonly keep?: boolean;
  readonly redacted?: Payload | null;
  readonly translated?: boolean;
}

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
const NO_TOTALS = new Tally(10, {
  provider: 'openai',
  model: null,
  simulated: 'no',
  custom: null,
  overrides: [],
}).totals();

/** A session that is over, unless it says otherwise. */
interface Told {
  readonly frames: readonly Given[];
  readonly segmentBytes?: number;
  readonly log?: Opening['log'];
  /** Frames that are relayed and not in the log, behind those that are. */
  readonly unlogged?: number;
  readonly gaps?: readonly LogRecord['body'][];
  readonly firstSeq?: number;
  readonly live?: true;
}

function recorded(told: Told): { readonly store: SessionStore; readonly database: DatabaseSync } {
  const { frames, segmentBytes = 200, log = 'full', unlogged = 0, gaps = [], firstSeq = 1, live } = told;
  const database = new DatabaseSync(':memory:');
  const store = new SessionStore(databaseIn(database));
  store.open({ ...OPENING, log }, 0);
  const writer = new SegmentWriter(segmentBytes);
  for (const [index, { keep = true, translated = false, ...frame }] of frames.entries())
    writer.append(firstSeq + index, { ...frame, translated, client: 1, at: 2_000 }, keep);
  const segments = writer.take().map((segment) => ({ ...segment, codec: 'raw' as const }));
  const records = gaps.map((body, index) => ({
    kind: 'gap' as const,
    number: index + 1,
    seq: 1,
    at: 1,
    body,
  }));
  store.append(segments, { records, totals: null, live: null });
  const totals = { ...NO_TOTALS, frames_up: frames.length + unlogged };
  const ending: Ending = { at: 9, reason: 'x', closedBy: 'client', code: 1000, closeReason: '', totals };
  if (live !== true) store.finish(ending);
  return { store, database };
}

function sha256(): Hash {
  const hash = createHash('sha256');
  return { update: async (bytes) => void hash.update(bytes), digest: async () => hash.digest('hex') };
}

async function digestOf(store: SessionStore): Promise<DigestShape> {
  const view = store.view();
  if (view === null) throw new Error('there is no session');
  const digest = new LogDigest(sha256());
  for await (const item of readLog(store, new LogPlace(0), null, AS_STORED)) await digest.add(item);
  return digest.result(view);
}

/** As anyone does it who has the events alone, in any form of the payload. */
async function recomputed(store: SessionStore, payload: 'text' | 'base64'): Promise<string> {
  const hash = createHash('sha256');
  const query = { ...EVERYTHING, payload };
  for await (const event of readEvents(store, new LogPlace(0), query, AS_STORED)) {
    if (event.kind !== 'frame') continue;
    hash.update(digestHead(event)).update(event.text ?? Buffer.from(event.base64 ?? '', 'base64'));
  }
  return hash.digest('hex');
}

const payloads = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 200 }),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => new Uint8Array(bytes).buffer as Payload),
);
const given = fc.record({ payload: payloads, direction: fc.constantFrom('up' as const, 'down' as const) });
const bytesOf = (payload: Payload): Buffer =>
  typeof payload === 'string' ? Buffer.from(payload) : Buffer.from(payload);
const up = (payload: Payload, how: Partial<Given> = {}): Given => ({ payload, direction: 'up', ...how });

describe('R-08 the digest of a log', () => {
  it('R-08 is what its definition says, to the byte', async () => {
    const { store } = recorded({
      frames: [
        up('{"type":"ü"}'),
        { payload: new Uint8Array([0, 255]).buffer, direction: 'down' },
        up('gone', { keep: false }),
        up(''),
      ],
    });
    const written = Buffer.concat([
      Buffer.from('1 up text 13\n{"type":"ü"}2 down binary 2\n'),
      Buffer.from([0, 255]),
      Buffer.from('3 up text 4 omitted\n4 up text 0\n'),
    ]);
    expect(await digestOf(store)).toEqual({
      algorithm: 'sha-256',
      digest: createHash('sha256').update(written).digest('hex'),
      frames: 4,
      bytes: 15,
      last_seq: 4,
      complete: false,
      missing: 0,
      omitted: 1,
      redacted: 0,
      translated: 0,
    });
  });

  it('R-08 is of the frames, however they are cut into segments; events in any form give the same', async () => {
    await assert(
      asyncProperty(fc.array(given), fc.integer({ min: 20, max: 500 }), async (frames, segmentBytes) => {
        const { store } = recorded({ frames, segmentBytes });
        const hash = createHash('sha256');
        for (const [index, { payload, direction }] of frames.entries()) {
          const opcode = typeof payload === 'string' ? 'text' : 'binary';
          const bytes = bytesOf(payload);
          hash.update(`${index + 1} ${direction} ${opcode} ${bytes.length}\n`).update(bytes);
        }
        const { digest, complete } = await digestOf(store);
        expect([digest, complete]).toEqual([hash.digest('hex'), true]);
        expect([await recomputed(store, 'text'), await recomputed(store, 'base64')]).toEqual([
          digest,
          digest,
        ]);
      }),
    );
  });

  it('T-22 is another one after any bit of a payload, a direction or an opcode changed on the disk', async () => {
    const frames = [up('one'), up(new Uint8Array([1, 2, 3]).buffer)];
    const { store, database } = recorded({ frames });
    const before = await digestOf(store);
    const { data } = database.prepare('SELECT data FROM segment').get() as { data: Uint8Array };
    const HEAD = 11;
    const FLAGS = 0;
    for (const [at, bit] of [
      ...Array.from({ length: 24 }, (_, n) => [HEAD + (n >> 3), 1 << (n & 7)] as const),
      [FLAGS, 1],
      [FLAGS, 2],
    ] as const) {
      const changed = Uint8Array.from(data);
      changed[at] = (changed[at] ?? 0) ^ bit;
      database.prepare('UPDATE segment SET data = ?').run(changed);
      expect((await digestOf(store)).digest).not.toBe(before.digest);
    }
    database.prepare('UPDATE segment SET data = ?').run(data);
    expect(await digestOf(store)).toEqual(before);
  });

  it('T-22 is not complete without the rows that were taken away', async () => {
    const { store, database } = recorded({ frames: Array.from({ length: 9 }, () => up('x'.repeat(90))) });
    expect(await digestOf(store)).toMatchObject({ frames: 9, missing: 0, complete: true });
    database.exec('DELETE FROM segment WHERE number = (SELECT MAX(number) FROM segment)');
    const { frames, missing, complete } = await digestOf(store);
    expect([frames + (missing ?? 0), complete]).toEqual([9, false]);
    expect(missing).toBeGreaterThan(0);
  });

  it.each<[string, Told, Partial<DigestShape>]>([
    ['all is there', { frames: [up('a')] }, { complete: true, missing: 0 }],
    ['nothing was said', { frames: [] }, { complete: true, frames: 0, last_seq: 0 }],
    [
      'a rule took something out',
      { frames: [up('a', { redacted: '[redacted]' })] },
      { redacted: 1, omitted: 0 },
    ],
    ['a rule took all out', { frames: [up('a', { redacted: null })] }, { redacted: 1, omitted: 1 }],
    ['frames went on otherwise', { frames: [up('a', { translated: true }), up('b')] }, { translated: 1 }],
    ['payloads were not kept', { frames: [up('a', { keep: false })], log: 'metadata' }, { omitted: 1 }],
    ['no frame was kept', { frames: [], unlogged: 7, log: 'none' }, { frames: 0, missing: 7 }],
    ['none is kept of a live one', { frames: [], log: 'none', live: true }, { frames: 0, missing: null }],
    [
      'the log was full',
      { frames: [up('a')], unlogged: 5, gaps: [{ reason: 'log_limit', frames: null }] },
      { frames: 1, missing: 5 },
    ],
    [
      'the log of a live one is full',
      { frames: [up('a')], gaps: [{ reason: 'log_limit', frames: null }], live: true },
      { missing: null },
    ],
    ['a crash took some', { frames: [up('a')], gaps: [{ reason: 'interrupted' }] }, { missing: null }],
    [
      'the recorder of a live one was behind',
      { frames: [up('a')], firstSeq: 4, live: true },
      { missing: 3, last_seq: 4 },
    ],
    [
      'records were lost, and no frames',
      { frames: [up('a')], gaps: [{ reason: 'records_lost' }] },
      { complete: true, missing: 0 },
    ],
  ])('R-08 says what it is not over: %s', async (_, told, expected) => {
    const { store } = recorded(told);
    expect(await digestOf(store)).toMatchObject({ complete: false, ...expected });
  });

  it('R-08 says so where a row is damaged', async () => {
    const { store, database } = recorded({ frames: [up('a')] });
    database.exec("UPDATE segment SET data = x'00'");
    expect(await digestOf(store)).toMatchObject({ frames: 0, missing: null, complete: false });
  });
});
