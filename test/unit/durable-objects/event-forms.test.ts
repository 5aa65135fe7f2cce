/** Random sessions with every provider's simulator: each form in which the log can be had is the log. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Changes } from '../../../durable-objects/changes.ts';
import { eventsResponse } from '../../../durable-objects/event-stream.ts';
import { readSegment } from '../../../protocol/segment.ts';
import type { LoggedEvent } from '../../../storage/events.ts';
import { SessionStore } from '../../../storage/session-store.ts';
import { memoryDatabase } from '../../support/sqlite.ts';
import { plainScript } from '../usage/check-usage.ts';
import { DEEPGRAM_WIRES } from '../usage/deepgram-wires.ts';
import { GEMINI_WIRES } from '../usage/gemini-wires.ts';
import { OPENAI_WIRES } from '../usage/openai-wires.ts';
import { SPEECH_WIRES } from '../usage/speech-wires.ts';
import { type Outcome, play, type UsageWire } from '../usage/usage-drive.ts';

const WIRES = [...OPENAI_WIRES, ...GEMINI_WIRES, ...DEEPGRAM_WIRES, ...SPEECH_WIRES];
const RUNS = 6;
/** Of one session: each page reads its segment from the beginning, so thousands of them take minutes on a busy machine. */
const MOST_PAGES = 50;

type Frame = Extract<LoggedEvent, { kind: 'frame' }>;

interface Logged {
  readonly seq: number;
  readonly direction: 'up' | 'down';
  readonly opcode: 'text' | 'binary';
  readonly at: number;
  readonly hex: string;
}

/** The frames as they went to the recorder, parts put together. */
function logged({ batches }: Outcome): Logged[] {
  const frames: Logged[] = [];
  let before = '';
  for (const { firstSeq, firstAt, data } of batches.flatMap(({ segments }) => segments)) {
    for (const { seq, direction, opcode, at, payload, more } of readSegment(firstSeq, firstAt, data)) {
      const hex = before + Buffer.from(payload ?? []).toString('hex');
      before = more ? hex : '';
      if (!more) frames.push({ seq, direction, opcode, at, hex });
    }
  }
  return frames;
}

function storeOf(wire: UsageWire, { batches, totals }: Outcome): SessionStore {
  const store = new SessionStore(memoryDatabase());
  store.open(
    {
      address: { account: 'a', gateway: 'g', id: 's' },
      provider: wire.adapter.id,
      model: null,
      simulated: true,
      credentialSource: 'none',
      log: 'full',
      metadata: {},
      eventId: null,
      path: wire.request.path,
      startedAt: 1_795_000_000_000,
    },
    0,
  );
  for (const batch of batches) {
    const segments = batch.segments.map((segment) => ({ ...segment, codec: 'raw' as const }));
    store.append(segments, { ...batch, live: { at: 1_795_000_000_005, dialMs: 5 } });
  }
  const ending = { at: 1_795_000_100_000, reason: 'client_closed', closedBy: 'client', code: 1000 } as const;
  store.finish({ ...ending, closeReason: '', totals });
  return store;
}

async function answer(store: SessionStore, query: Record<string, string>, headers = {}): Promise<Response> {
  const url = `https://recorder.parley.internal/events?${new URLSearchParams(query).toString()}`;
  return eventsResponse({
    request: new Request(url, { headers }),
    query: new URL(url).searchParams,
    store,
    env: {},
    changes: new Changes(),
  });
}

async function ndjson(store: SessionStore, query: Record<string, string> = {}): Promise<LoggedEvent[]> {
  const text = await (await answer(store, { form: 'ndjson', ...query })).text();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): LoggedEvent => JSON.parse(line));
}

async function pages(store: SessionStore, query: Record<string, string>): Promise<LoggedEvent[]> {
  const all: LoggedEvent[] = [];
  for (let cursor: string | null = '0'; cursor !== null;) {
    const text = await (await answer(store, { form: 'json', after: cursor, ...query })).text();
    const page: { result: LoggedEvent[]; result_info: { cursor: string | null } } = JSON.parse(text);
    all.push(...page.result);
    cursor = page.result_info.cursor;
  }
  return all;
}

/** A page of `limit` events, or of more where there are many. */
function pageOf(limit: number, events: readonly LoggedEvent[]): string {
  return String(Math.max(limit, Math.ceil(events.length / MOST_PAGES)));
}

async function serverSent(store: SessionStore, query: Record<string, string> = {}): Promise<LoggedEvent[]> {
  const text = await (await answer(store, { form: 'sse', ...query })).text();
  const blocks = text.split('\n\n').filter((block) => block.includes('data: '));
  expect(blocks.at(-1)).toMatch(/^event: end\ndata: .*"status":"ended"/);
  return blocks.slice(0, -1).map((block) => {
    const [id, data] = block.split('\n');
    const event: LoggedEvent = JSON.parse(data?.replace('data: ', '') ?? '');
    expect(id).toBe(`id: ${event.kind === 'audio' ? event.to_seq : event.seq}`);
    return event;
  });
}

function isFrame(event: LoggedEvent): event is Frame {
  return event.kind === 'frame';
}

function hexOf({ text, parsed, base64 }: Frame): string {
  if (base64 !== undefined) return Buffer.from(base64, 'base64').toString('hex');
  return Buffer.from(text ?? JSON.stringify(parsed)).toString('hex');
}

describe.each(WIRES)('P3 $name', (wire) => {
  it('P3 lines, pages of any size and server-sent events are the record, byte for byte', async () => {
    await fc.assert(
      fc.asyncProperty(plainScript, fc.integer({ min: 1, max: 40 }), async (given, limit) => {
        const outcome = play(wire, given, wire.adapter, 'full');
        const store = storeOf(wire, outcome);
        const record = logged(outcome);
        const lines = await ndjson(store);
        expect(
          lines.filter(isFrame).map((frame) => ({
            seq: frame.seq,
            direction: frame.direction,
            opcode: frame.opcode,
            at: Date.parse(frame.at),
            hex: hexOf(frame),
          })),
        ).toEqual(record);
        expect(await pages(store, { limit: pageOf(limit, lines) })).toEqual(lines);
        expect(await serverSent(store)).toEqual(lines);
        const base64 = (await ndjson(store, { payload: 'base64' })).filter(isFrame);
        expect(base64.map(hexOf)).toEqual(record.map(({ hex }) => hex));
        for (const [index, { parsed, text }] of (await ndjson(store, { payload: 'parsed' }))
          .filter(isFrame)
          .entries()) {
          const raw = Buffer.from(record[index]?.hex ?? '', 'hex').toString();
          if (parsed !== undefined) expect(parsed).toEqual(JSON.parse(raw));
          else if (text !== undefined) expect(() => JSON.parse(raw)).toThrow();
        }
        for (const direction of ['up', 'down'] as const)
          expect(await ndjson(store, { direction })).toEqual(
            lines.filter((event) => isFrame(event) && event.direction === direction),
          );
        // What a provider sent after its socket was given up is nobody's.
        const down = record.filter(({ direction }) => direction === 'down').map(({ hex }) => hex);
        const heard = outcome.heard.map((payload) =>
          Buffer.from(typeof payload === 'string' ? payload : new Uint8Array(payload)).toString('hex'),
        );
        expect(down).toEqual(heard.slice(0, down.length));
      }),
      { numRuns: RUNS },
    );
  });

  it('P3 folded sound leaves no frame out, and counts none twice', async () => {
    await fc.assert(
      fc.asyncProperty(plainScript, fc.integer({ min: 1, max: 7 }), async (given, limit) => {
        const store = storeOf(wire, play(wire, given, wire.adapter, 'full'));
        const lines = (await ndjson(store)).filter(isFrame);
        const folded = await ndjson(store, { fold: 'audio' });
        let next = 0;
        for (const event of folded) {
          if (event.kind !== 'audio') {
            expect(event).toEqual(lines[next]);
            next += 1;
            continue;
          }
          const run = lines.slice(next, next + event.to_seq - event.seq + 1);
          expect([run[0]?.seq, run.at(-1)?.seq]).toEqual([event.seq, event.to_seq]);
          for (const stream of event.streams) {
            const of = run.filter(
              ({ direction, client }) => direction === stream.direction && client === stream.client,
            );
            expect([stream.frames, stream.bytes]).toEqual([
              of.length,
              of.reduce((sum, { bytes }) => sum + bytes, 0),
            ]);
          }
          expect(event.streams.reduce((sum, { frames }) => sum + frames, 0)).toBe(run.length);
          next += run.length;
        }
        expect(next).toBe(lines.length);
        expect(await pages(store, { fold: 'audio', limit: pageOf(limit, folded) })).toEqual(folded);
      }),
      { numRuns: RUNS },
    );
  });
});

describe('P3 forms of the log', () => {
  const [wire] = OPENAI_WIRES;
  if (wire === undefined) throw new Error('there is no wire');
  const steps = [1, 2, 3].map((which) => ({ do: 'move' as const, which, who: 0, n: which }));
  const store = (): SessionStore =>
    storeOf(
      wire,
      play(wire, { named: false, early: false, rests: false, n: 1, steps }, wire.adapter, 'full'),
    );

  it('P3 what an ended session answers may be kept: each form has a tag of its own', async () => {
    const tags = new Set<string>();
    for (const form of ['json', 'ndjson', 'sse']) {
      const etag = (await answer(store(), { form })).headers.get('etag') ?? '';
      tags.add(etag);
      const again = await answer(store(), { form }, { 'if-none-match': `"other", ${etag}` });
      expect([again.status, await again.text()]).toEqual([304, '']);
      expect((await answer(store(), { form }, { 'if-none-match': '"other"' })).status).toBe(200);
    }
    expect(tags.size).toBe(3);
  });

  it('P3 a browser that comes back goes on behind its last event, and is told when there is no more', async () => {
    const all = await ndjson(store());
    const last = String(all.at(-1)?.seq);
    const rest = await answer(store(), { form: 'sse' }, { 'last-event-id': '2' });
    expect((await rest.text()).match(/^id: \d+$/gm)).toEqual(all.slice(2).map(({ seq }) => `id: ${seq}`));
    expect((await answer(store(), { form: 'sse' }, { 'last-event-id': last })).status).toBe(204);
  });

  it('F-38 a log that is deleted while it is read breaks off, and is never taken for whole', async () => {
    const one = store();
    const body = (await answer(one, { form: 'ndjson' })).body;
    const erased = new SessionStore(memoryDatabase());
    Object.assign(one, { segment: () => null, exists: () => erased.exists() });
    await expect(new Response(body).text()).rejects.toThrow('deleted');
  });
});
