import { describe, expect, it } from 'vitest';
import type { SegmentEntry } from '../../../protocol/segment.ts';
import type { LogItem } from '../../../storage/frame-log.ts';
import { harOf, type HarClient } from '../../../storage/har.ts';
import type { SessionView } from '../../../storage/session-store.ts';

const START = 1_795_000_000_000;

// What of it is looked at.
const VIEW = {
  opening: { address: { account: 'a', gateway: 'g', id: 'call-1' }, provider: 'openai', startedAt: START },
  live: { at: START + 40, dialMs: 40 },
  ending: { at: START + 9000 },
} as unknown as SessionView;

function frame(
  seq: number,
  about: Partial<SegmentEntry> & { readonly text?: string; readonly bytes?: number[] },
): LogItem {
  const { text, bytes, ...entry } = about;
  const payload =
    text !== undefined ? new TextEncoder().encode(text) : bytes !== undefined ? new Uint8Array(bytes) : null;
  return {
    kind: 'frame',
    seq,
    payload,
    entry: {
      seq,
      direction: 'down',
      opcode: bytes === undefined ? 'text' : 'binary',
      client: 0,
      at: START + seq * 1000,
      translated: false,
      redacted: false,
      length: payload?.length ?? 99,
      payload,
      more: false,
      part: false,
      ...entry,
    },
  };
}

const LOG: readonly LogItem[] = [
  frame(1, { text: '{"type":"session.created"} „ü“' }),
  frame(2, { direction: 'up', client: 1, text: '{"type":"response.create"}' }),
  frame(3, { bytes: [0, 255, 128] }),
  { kind: 'gap', seq: 4, at: START + 4000, body: { reason: 'recorder_behind', frames: 3 } },
  frame(7, { direction: 'up', client: 2, opcode: 'binary', payload: null, redacted: true }),
  { kind: 'corrupt', seq: 8, toSeq: 9 },
];

interface Message {
  readonly type: string;
  readonly time: number;
  readonly opcode: number;
  readonly data: string;
  readonly _seq?: number;
}

interface Har {
  readonly log: {
    readonly version: string;
    readonly pages: readonly { readonly id: string }[];
    readonly entries: readonly {
      readonly startedDateTime: string;
      readonly time: number;
      readonly pageref: string;
      readonly request: { readonly url: string; readonly headers: readonly unknown[] };
      readonly response: { readonly status: number };
      readonly timings: Readonly<Record<string, number>>;
      readonly _resourceType: string;
      readonly _webSocketMessages: readonly Message[];
    }[];
  };
}

async function written(clients: readonly HarClient[], items = LOG, view = VIEW): Promise<Har> {
  let text = '';
  const log = async function* (): AsyncGenerator<LogItem> {
    yield* items;
  };
  for await (const piece of harOf(view, {
    url: 'wss://h/v1/a/g/openai?model=m',
    version: '1',
    now: START,
    clients,
    log,
  }))
    text += piece;
  return JSON.parse(text) as Har; // as it is written above
}

const ALONE = [{ name: 'c1', joinedAt: START, leftAt: null }];

/** What the importer of Chrome DevTools leaves out: a message without any of the four, or of an unknown type. */
function isKept({ type, time, opcode, data }: Message): boolean {
  return (
    ['send', 'receive', 'error'].includes(type) &&
    typeof time === 'number' &&
    typeof opcode === 'number' &&
    typeof data === 'string'
  );
}

describe('P3 a session as HAR', () => {
  it('P3 has every frame, in order, with nothing that DevTools would leave out', async () => {
    const { log } = await written(ALONE);
    expect([log.version, log.pages.length, log.entries.length]).toEqual(['1.2', 1, 1]);
    const [entry] = log.entries;
    expect(entry).toMatchObject({
      startedDateTime: new Date(START).toISOString(),
      time: 9000,
      pageref: 'call-1',
      cache: {},
      request: {
        url: 'wss://h/v1/a/g/openai?model=m',
        queryString: [{ name: 'model', value: 'm' }],
        headers: [],
      },
      response: { status: 101 },
      timings: { send: 0, wait: 40, receive: 8960 },
      _resourceType: 'websocket',
    });
    const messages = entry?._webSocketMessages ?? [];
    expect(messages.filter(isKept)).toHaveLength(LOG.length);
    expect(messages.map(({ type, opcode, data }) => [type, opcode, data])).toEqual([
      ['receive', 1, '{"type":"session.created"} „ü“'],
      ['send', 1, '{"type":"response.create"}'],
      ['receive', 2, 'AP+A'],
      ['error', 1, 'gap: {"reason":"recorder_behind","frames":3}'],
      ['send', 2, ''],
      ['error', 1, 'frames 8 to 9 cannot be read: the row is damaged'],
    ]);
    expect(messages[0]?.time).toBe(START / 1000 + 1);
    // Nobody knows when it was: after what was before it, so that it stands in its place.
    expect(messages[5]?.time).toBe(messages[4]?.time);
    expect(messages[4]).toMatchObject({ _omitted: true, _bytes: 99, _redacted: true, _client: 'c2' });
  });

  it('P3 a session that no provider answered was no WebSocket', async () => {
    const refused = {
      ...VIEW,
      live: null,
      ending: { ...VIEW.ending, reason: 'provider_refused' },
    } as SessionView; // as VIEW
    const { log } = await written([], [], refused);
    expect(log.entries).toMatchObject([
      { response: { status: 0 }, _error: 'provider_refused', _webSocketMessages: [] },
    ]);
    const live = { ...VIEW, live: null, ending: null };
    expect((await written([], [], live)).log.entries[0]?.response.status).toBe(101);
  });

  it('P7 of several clients each has what it sent, and what came down while it was there', async () => {
    const { log } = await written([
      { name: 'c1', joinedAt: START, leftAt: START + 2500 },
      { name: 'c2', joinedAt: START + 2500, leftAt: null },
    ]);
    const seqs = log.entries.map((entry) => entry._webSocketMessages.flatMap(({ _seq }) => _seq ?? []));
    expect(seqs).toEqual([
      [1, 2, 3, 7],
      [1, 2],
      [3, 7],
    ]);
  });

  it('P7 what went to one client alone is in no other’s', async () => {
    const log = [
      frame(1, { text: '{}' }),
      frame(2, { client: 1, text: '{}' }),
      frame(3, { client: 2, text: '{}' }),
    ];
    const both = ['c1', 'c2'].map((name) => ({ name, joinedAt: START, leftAt: null }));
    const seqs = (await written(both, log)).log.entries.map((entry) =>
      entry._webSocketMessages.map(({ _seq }) => _seq),
    );
    expect(seqs).toEqual([
      [1, 2, 3],
      [1, 2],
      [1, 3],
    ]);
  });
});
