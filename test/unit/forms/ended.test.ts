/** Random sessions with every provider's simulator: each form in which a session can be had is its record. */
import { createHash } from 'node:crypto';
import { WebVTTParser } from 'webvtt-parser';
import { describe, expect, it, vi } from 'vitest';
import { PROVIDERS } from '../../../providers/registry.ts';
import type { LoggedEvent } from '../../../storage/events.ts';
import { ended, expectSame, forSessions, type Frame, recorded } from './recorded.ts';
import { type Har, Reader } from './reader.ts';
import { ServerSent } from './server-sent.ts';
import { WIRES } from './wires.ts';

vi.mock('../../../durable-objects/give-way.ts', () => import('./at-once.ts'));

const SHORTEST_PAGE = 5;
const LONGEST_PAGE = 60;

type LoggedFrame = Extract<LoggedEvent, { kind: 'frame' }>;

const isFrame = (event: LoggedEvent): event is LoggedFrame => event.kind === 'frame';
const base64 = ({ bytes }: Frame): string => bytes.toString('base64');

/** What each form has to have of a frame. */
const shown = (frame: Frame) => {
  const { seq, at, direction, opcode, client, bytes } = frame;
  return [seq, at, direction, opcode, client, bytes.length, typeOf(frame) ?? null, base64(frame)];
};

const told = (frame: LoggedFrame) => {
  const { seq, at, direction, opcode, client, bytes, type, text, base64: encoded } = frame;
  const payload = encoded ?? Buffer.from(text ?? '').toString('base64');
  return [seq, Date.parse(at), direction, opcode, client, bytes, type, payload];
};

/** Undefined where it is no JSON. */
function valueOf({ opcode, bytes }: Frame): unknown {
  try {
    return opcode === 'text' || bytes[0] === '{'.charCodeAt(0) ? JSON.parse(bytes.toString()) : undefined;
  } catch {
    return undefined;
  }
}

function typeOf(frame: Frame): string | undefined {
  const value = valueOf(frame);
  if (typeof value !== 'object' || value === null || !('type' in value)) return undefined;
  return typeof value.type === 'string' ? value.type : undefined;
}

/** What the importer of Chrome DevTools keeps of a HAR: a message that lacks any of these is left out without a word. */
function imported(messages: Har['log']['entries'][number]['_webSocketMessages']) {
  return messages
    .filter(
      ({ type, time, opcode, data }) =>
        ['send', 'receive', 'error'].includes(String(type)) &&
        typeof time === 'number' &&
        typeof opcode === 'number' &&
        typeof data === 'string',
    )
    .map(({ type, time, opcode, data }) => [type, Math.round(Number(time) * 1000), opcode, data]);
}

const asMessage = (frame: Frame) => [
  frame.direction === 'up' ? 'send' : 'receive',
  frame.at,
  frame.opcode === 'text' ? 1 : 2,
  frame.opcode === 'text' ? frame.bytes.toString() : base64(frame),
];

async function expectFilters(reader: Reader, frames: readonly Frame[], n: number): Promise<void> {
  const types = frames.flatMap((frame) => typeOf(frame) ?? []);
  const type = types[n % Math.max(1, types.length)] ?? 'none.of.this';
  const start = type.slice(0, 1 + (n % type.length));
  const middle = frames[n % Math.max(1, frames.length)]?.seq ?? 1;
  const cases: readonly [Record<string, string>, (frame: Frame) => boolean][] = [
    [{ direction: 'up' }, ({ direction }) => direction === 'up'],
    [{ direction: 'down' }, ({ direction }) => direction === 'down'],
    [{ client: 'c1' }, ({ client }) => client === 'c1'],
    [{ type }, (frame) => typeOf(frame) === type],
    [{ type: `${start}*` }, (frame) => typeOf(frame)?.startsWith(start) === true],
    [{ after: String(middle) }, ({ seq }) => seq > middle],
    [
      { before: String(middle), type, direction: 'down' },
      (frame) => frame.seq < middle && frame.direction === 'down' && typeOf(frame) === type,
    ],
  ];
  for (const [query, isWanted] of cases)
    expectSame((await reader.ndjson(query)).filter(isFrame).map(told), frames.filter(isWanted).map(shown));
}

async function expectFolded(reader: Reader, lines: readonly LoggedFrame[], limit: string): Promise<void> {
  const folded = await reader.ndjson({ fold: 'audio' });
  let next = 0;
  for (const event of folded) {
    const isRun = event.kind === 'audio';
    const run = lines.slice(next, isRun ? next + event.to_seq - event.seq + 1 : next + 1);
    next += run.length;
    if (!isRun) {
      expectSame([event], run);
      continue;
    }
    expect([run[0]?.seq, run.at(-1)?.seq]).toEqual([event.seq, event.to_seq]);
    for (const stream of event.streams) {
      const of = run.filter(
        ({ direction, client }) => direction === stream.direction && client === stream.client,
      );
      const bytes = of.reduce((sum, each) => sum + each.bytes, 0);
      expect([stream.frames, stream.bytes]).toEqual([of.length, bytes]);
    }
    expect(event.streams.reduce((sum, { frames }) => sum + frames, 0)).toBe(run.length);
  }
  expect(next).toBe(lines.length);
  expectSame((await reader.pages({ fold: 'audio', limit })).events, folded);
}

async function expectEvents(reader: Reader, frames: readonly Frame[], n: number): Promise<void> {
  const limit = String(SHORTEST_PAGE + (n % LONGEST_PAGE));
  const lines = (await reader.ndjson()).filter(isFrame);
  expectSame(lines.map(told), frames.map(shown));
  expectSame((await reader.pages({ limit })).events, lines);
  const stream = await new ServerSent(await reader.events('sse')).whole();
  expectSame(stream.events, lines);
  expect(stream.end).toMatchObject({ status: 'ended', close_code: 4321, close_reason: 'as recorded' });
  const encoded = (await reader.ndjson({ payload: 'base64' })).filter(isFrame);
  expectSame(encoded.map(told), frames.map(shown));
  expect(encoded.every(({ text }) => text === undefined)).toBe(true);
  const values = (await reader.ndjson({ payload: 'parsed' })).filter(isFrame);
  expectSame(
    values.map((each) => each.parsed),
    frames.map(valueOf),
  );
  await expectFilters(reader, frames, n);
  await expectFolded(reader, lines, limit);
}

async function expectDigest(reader: Reader, frames: readonly Frame[]): Promise<void> {
  const hash = createHash('sha256');
  for (const { seq, direction, opcode, bytes } of frames)
    hash.update(`${seq} ${direction} ${opcode} ${bytes.length}\n`).update(bytes);
  const translated = frames.filter((frame) => frame.translated).length;
  const digest = await reader.digest();
  expect(digest).toEqual({
    algorithm: 'sha-256',
    digest: hash.digest('hex'),
    frames: frames.length,
    bytes: frames.reduce((sum, { bytes }) => sum + bytes.length, 0),
    last_seq: frames.at(-1)?.seq ?? 0,
    complete: translated === 0,
    missing: 0,
    omitted: 0,
    redacted: 0,
    translated,
  });
  expect(JSON.parse((await reader.zip()).get('digest.json') ?? '')).toMatchObject({ result: digest });
}

async function expectFiles(reader: Reader, frames: readonly Frame[]): Promise<void> {
  const har = await reader.har();
  const [whole, ...ofClients] = har.log.entries;
  expectSame(imported(whole?._webSocketMessages ?? []), frames.map(asMessage));
  for (const { comment, _webSocketMessages: messages } of ofClients) {
    const isTheirs = ({ client }: Frame): boolean => comment.startsWith(`client ${client} `);
    expectSame(
      imported(messages).filter(([type]) => type === 'send'),
      frames.filter((frame) => frame.direction === 'up' && isTheirs(frame)).map(asMessage),
    );
    // What went to one client alone is nobody else's.
    const seen = new Set(messages.map(({ _seq }) => _seq));
    const ofOne = frames.filter(({ client }) => client !== null);
    expectSame(
      ofOne.filter(({ seq }) => seen.has(seq)),
      ofOne.filter(isTheirs),
    );
  }
  const files = await reader.zip();
  expect(files.get('events.ndjson')).toBe(await (await reader.events('ndjson')).text());
  expect(JSON.parse(files.get('session.har') ?? '')).toEqual(har);
  expect(JSON.parse(files.get('session.json') ?? '')).toMatchObject({ result: { id: 's' } });
  const { errors } = new WebVTTParser().parse(files.get('transcript.vtt') ?? '', 'metadata');
  expect(errors).toEqual([]);
}

describe.each(WIRES)('P3 $name', (wire) => {
  it('P3 lines, pages of any size, server-sent events, payloads, filters, folds, digest, HAR as DevTools imports it and the archive are the record', () =>
    forSessions(async (given, n) => {
      const session = recorded(wire, given);
      const reader = new Reader(await ended(session));
      await expectEvents(reader, session.frames, n);
      await expectDigest(reader, session.frames);
      await expectFiles(reader, session.frames);
    }));
});

it('P3 no provider is left out', () => {
  const tested = new Set(WIRES.map(({ adapter }) => adapter.id));
  const missing = PROVIDERS.map(({ id }) => id).filter((id) => !tested.has(id));
  expect(missing).toEqual([]);
});
