/** A long session read in pages with its sound folded: what a page costs. */
import { describe, expect, it } from 'vitest';
import { heardBefore, keepHeard } from '../../../durable-objects/heard-places.ts';
import { type Direction, SegmentWriter } from '../../../protocol/segment.ts';
import { openai } from '../../../providers/openai.ts';
import { LIMITS } from '../../../session/limits.ts';
import { SessionStore } from '../../../storage/session-store.ts';
import { memoryDatabase } from '../../support/sqlite.ts';
import { Reader } from '../forms/reader.ts';

const ROUNDS = 300;
const SOUNDS = 20;
const SEGMENT_BYTES = 4096;
const PER_PAGE = 8;
const STARTED_AT = 1_795_000_000_000;
const PCMU = { type: 'audio/pcmu' };

class CountingStore extends SessionStore {
  read = 0;

  override segment(number: number): ReturnType<SessionStore['segment']> {
    this.read += 1;
    return super.segment(number);
  }
}

/** A format that one early frame sets, and then sound, with a frame of something else now and then. */
function recordOf(): CountingStore {
  const store = new CountingStore(memoryDatabase());
  const address = { account: 'a', gateway: 'g', id: 's' };
  const sound = JSON.stringify(openai.sound?.begin({ path: '', query: [] }));
  const opened = {
    provider: 'openai',
    model: 'gpt-realtime',
    simulated: true,
    credentialSource: 'none',
  } as const;
  store.open(
    { ...opened, address, log: 'full', metadata: {}, eventId: null, path: '', sound, startedAt: STARTED_AT },
    0,
  );
  const writer = new SegmentWriter(SEGMENT_BYTES);
  let seq = 0;
  const add = (direction: Direction, frame: object): void => {
    const client = direction === 'up' ? 1 : 0;
    const entry = {
      direction,
      client,
      at: STARTED_AT + seq,
      payload: JSON.stringify(frame),
      translated: false,
    };
    writer.append((seq += 1), entry, true);
  };
  add('down', { type: 'session.updated', session: { audio: { input: { format: PCMU } } } });
  for (let round = 0; round < ROUNDS; round += 1) {
    for (let n = 0; n < SOUNDS; n += 1)
      add('up', { type: 'input_audio_buffer.append', audio: Buffer.alloc(240).toString('base64') });
    add('down', { type: 'input_audio_buffer.committed', item_id: `i${round}` });
  }
  const segments = writer.take().map((segment) => ({ ...segment, codec: 'raw' as const }));
  store.append(segments, { records: [], live: null, totals: null });
  return store;
}

function segmentsIn(store: SessionStore): number {
  return store.lastNumbers().segment;
}

describe('P3 pages with folded sound', () => {
  it('P10 together they read the log a few times, however many they are, and are what one answer is', async () => {
    const store = recordOf();
    const whole = await new Reader(store).ndjson({ fold: 'audio' });
    expect(whole).toHaveLength(2 * ROUNDS + 1);
    store.read = 0;
    const { events } = await new Reader(store).pages({ fold: 'audio', limit: String(PER_PAGE) });
    expect(events).toEqual(whole);
    const pages = Math.ceil(whole.length / PER_PAGE);
    // Each looks at the segment that it ends in, at the one that it begins in, and for one after the last.
    expect(store.read).toBeLessThan(segmentsIn(store) + 5 * pages);
  });

  it('P10 a reader of filtered pages costs no more, and two readers do not disturb each other', async () => {
    const store = recordOf();
    const query = { fold: 'audio', direction: 'up', limit: String(PER_PAGE) };
    const whole = await new Reader(store).ndjson({ fold: 'audio', direction: 'up' });
    store.read = 0;
    const both = [new Reader(store), new Reader(store)].map((reader) => reader.pages(query));
    for (const { events } of await Promise.all(both)) expect(events).toEqual(whole);
    // Frames that are not asked for end no run: here one page has all.
    expect(store.read).toBeLessThan(2 * (segmentsIn(store) + 5));
  });

  it('P3 a page in the middle that nobody led to knows the format all the same', async () => {
    const whole = await new Reader(recordOf()).ndjson({ fold: 'audio' });
    const at = whole.findIndex(({ kind, seq }) => kind === 'audio' && seq > 1000);
    const after = whole[at - 1]?.seq;
    const page = await new Reader(recordOf()).events('json', {
      fold: 'audio',
      limit: '1',
      after: String(after),
    });
    expect(await page.json()).toMatchObject({ result: [whole[at]] });
  });

  it(`P10 ${LIMITS.heardPlaces} places are kept, and of more the newest`, () => {
    const life = {};
    const places = Array.from({ length: LIMITS.heardPlaces }, (_, n) => ({
      seq: n + 1,
      state: null,
      lengths: null,
    }));
    keepHeard(life, places);
    expect([heardBefore(life, 0), heardBefore(life, 1), heardBefore(life, 1000)]).toEqual([
      null,
      places[0],
      places.at(-1),
    ]);
    keepHeard(life, [{ seq: 1000, state: null, lengths: null }]);
    expect([heardBefore(life, 1), heardBefore(life, 1000)?.seq, heardBefore({}, 1000)]).toEqual([
      null,
      1000,
      null,
    ]);
  });
});
