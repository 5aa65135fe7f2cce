import { describe, expect, it } from 'vitest';
import { isUsageComplete } from '../../../protocol/recording.ts';
import type { ProviderAdapter } from '../../../providers/adapter.ts';
import { openai } from '../../../providers/openai.ts';
import type { OpenSocket } from '../../../session/open-socket.ts';
import { Reread } from '../../../session/reread.ts';
import { SNAPSHOT_VERSION, type Snapshot } from '../../../session/snapshot.ts';
import { Tally } from '../../../session/tally.ts';

const REQUEST = { path: '', query: [], headers: {}, subprotocols: [], baseUrl: '', credential: null };

const PRICES = {
  provider: 'openai',
  model: 'gpt-realtime',
  simulated: 'no',
  custom: null,
  overrides: [],
} as const;

/** What of it is looked at. */
const snapshotOf = (adapter: ProviderAdapter) =>
  ({
    version: SNAPSHOT_VERSION,
    adapter: { id: adapter.id, version: adapter.stateVersion, state: adapter.begin(REQUEST) },
    tally: new Tally(100, PRICES).snapshot(),
    counters: { seq: 0 },
    onceSent: false,
  }) as unknown as Snapshot;

const up = (payload: string, translated = false) =>
  ({ direction: 'up', client: 1, payload, translated, seq: 1, at: 0, bytes: payload.length }) as const;
const down = (payload: string) =>
  ({
    direction: 'down',
    client: 0,
    payload,
    translated: false,
    seq: 1,
    at: 0,
    bytes: payload.length,
  }) as const;
const created = down('{"type":"session.created","session":{"type":"realtime","id":"sess_1"}}');
const added = (id: string) =>
  down(
    JSON.stringify({
      type: 'conversation.item.added',
      previous_item_id: null,
      item: { id, type: 'message', role: 'user', content: [{ type: 'input_text', text: id }] },
    }),
  );

describe('P5 what the log has after a checkpoint', () => {
  it('P5 is read as it was when it came: its state is that of the session which was lost', () => {
    let state = openai.begin(REQUEST);
    const reread = new Reread(openai, snapshotOf(openai), PRICES);
    for (const frame of [created, added('item_1'), added('item_2')]) {
      state = openai.read(state, { side: 'upstream' }, frame.payload).state;
      reread.frame(frame);
    }
    expect(reread.snapshot().adapter.state).toEqual(state);
    expect(JSON.stringify(state)).toContain('item_2');
  });

  it('P5 a frame that was rewritten on its way up is not taken for what went up', () => {
    const read: string[] = [];
    const adapter: ProviderAdapter = {
      ...openai,
      skim: () => null,
      once: { matches: (payload) => payload === 'first', answer: null },
      read: (state, from, payload) => {
        if (typeof payload === 'string') read.push(`${from.side} ${payload}`);
        return { state, observations: [], route: 'across' };
      },
    };
    const reread = new Reread(adapter, snapshotOf(adapter), PRICES);
    for (const frame of [up('beta', true), up('own'), down('answer')]) reread.frame(frame);
    expect(read).toEqual(['client own', 'upstream answer']);
    expect(reread.snapshot().onceSent).toBe(false);
    reread.frame(up('first'));
    expect(reread.snapshot().onceSent).toBe(true);
  });

  it('P8 what was charged after the checkpoint is in the sums, and what was charged before it is not in them twice', () => {
    const done = (id: string, tokens: number) =>
      down(
        JSON.stringify({
          type: 'response.done',
          response: {
            id,
            status: 'completed',
            output: [],
            usage: {
              total_tokens: 2 * tokens,
              input_tokens: tokens,
              output_tokens: tokens,
              input_token_details: { text_tokens: tokens, audio_tokens: 0, cached_tokens: 0 },
              output_token_details: { text_tokens: tokens, audio_tokens: 0 },
            },
          },
        }),
      );
    const before = new Reread(openai, snapshotOf(openai), PRICES);
    for (const frame of [created, done('resp_1', 100)]) before.frame(frame);
    const again = new Reread(openai, before.snapshot(), PRICES);
    for (const frame of [done('resp_1', 100), done('resp_2', 10)]) again.frame(frame);
    const { totals } = again.snapshot().tally;
    expect(totals.response.tokens).toMatchObject({ input_text: 110, output_text: 110 });
    expect([totals.frames_down, totals.received]).toEqual([4, 4]);
    expect(totals.cost_nano).toBe(110 * (4000 + 16_000));
  });

  it('P8 what a socket that was lost with its object cost, and no frame says, is measured to its last frame', () => {
    const adapter: ProviderAdapter = {
      ...openai,
      atEnd: (_state, { openMs }) => [
        {
          kind: 'usage',
          dedupeKey: 'socket',
          purpose: 'response',
          model: 'whisper-1',
          usage: { unit: 'seconds', seconds: openMs / 1000 },
          source: 'measured',
          raw: null,
        },
      ],
    };
    const conclude = (socket: OpenSocket | null) => {
      const reread = new Reread(adapter, { ...snapshotOf(adapter), socket }, PRICES);
      reread.frame({ ...created, seq: 7, at: 95_000 });
      return reread.conclude();
    };
    const { records, totals } = conclude({ since: 5_000, audioInMs: 0 });
    expect(records).toMatchObject([{ kind: 'usage', seq: 7, at: 95_000, body: { source: 'measured' } }]);
    // A minute and a half at $0.006 a minute.
    expect([totals.response.seconds, totals.cost_nano]).toEqual([90, 9_000_000]);
    expect(isUsageComplete(totals, null)).toBe(false);
    // At rest there was none.
    expect(conclude(null)).toMatchObject({ records: [], totals: { response: { reports: 0 } } });
  });

  it('P4 an adapter that fails ends the reading, and takes nothing of what was known', () => {
    const adapter: ProviderAdapter = {
      ...openai,
      read: (state, from, payload) => {
        if (payload === 'poison') throw new Error('poison');
        return openai.read(state as ReturnType<typeof openai.begin>, from, payload); // its own
      },
    };
    const reread = new Reread(adapter, snapshotOf(adapter), PRICES);
    for (const frame of [created, added('item_1'), down('poison'), added('item_2')]) reread.frame(frame);
    const state = JSON.stringify(reread.snapshot().adapter.state);
    expect([state.includes('item_1'), state.includes('item_2')]).toEqual([true, false]);
  });
});
