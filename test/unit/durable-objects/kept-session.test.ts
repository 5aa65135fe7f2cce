/** A session that goes on after its object was lost: what it adds to its log is read back behind what is there. */
import { expect, it } from 'vitest';
import type { Checkpoint, Kept } from '../../../protocol/recording.ts';
import { openai } from '../../../providers/openai.ts';
import { LIMITS } from '../../../session/limits.ts';
import { Recording } from '../../../session/recording.ts';
import { SNAPSHOT_VERSION } from '../../../session/snapshot.ts';
import { Tally } from '../../../session/tally.ts';
import { type LogItem, LogPlace, readLog } from '../../../storage/frame-log.ts';
import { SessionStore } from '../../../storage/session-store.ts';
import { memoryDatabase } from '../../support/sqlite.ts';
import { AS_STORED } from '../../support/log-access.ts';
import { load } from '../forms/reader.ts';

const { keptFrom } = await load<{
  keptFrom: (store: SessionStore, checkpoint: Checkpoint, env: object) => Promise<Kept>;
}>('durable-objects/kept-session.ts');

const ABOUT = { provider: 'openai', model: null, simulated: false, credentialSource: 'none' } as const;
const PRICES = { provider: 'openai', model: null, simulated: 'no', custom: null, overrides: [] } as const;
const REQUEST = { path: '', query: [], headers: {}, subprotocols: [], baseUrl: '', credential: null };
const FRAMES = 100;
/** So that a call takes some of the segments, and the others wait for the next. */
const SMALL = { ...LIMITS, segmentBytes: 300, recorderCallBytes: 400, recorderCallShare: 0 };

const recordingFrom = (from?: Kept['counters']) =>
  new Recording(
    { log: 'full', maxLogBytes: Infinity },
    SMALL,
    from === undefined ? undefined : { ...from, written: 0 },
  );

function say(recording: Recording, from: number): void {
  for (let n = from; n < from + FRAMES; n += 1)
    recording.frame({ direction: 'down', client: 0, at: n, payload: `frame ${n}`, translated: false });
}

/** One call to the recorder. */
function flush(recording: Recording, store: SessionStore): boolean {
  const batch = recording.next(() => null, 0);
  if (batch === null) return false;
  store.append(
    batch.segments.map((segment) => ({ ...segment, codec: 'raw' as const })),
    batch,
  );
  recording.acknowledged();
  return true;
}

it('P3 what was packed and not stored leaves no hole behind which nothing is found', async () => {
  const store = new SessionStore(memoryDatabase());
  const address = { account: 'a', gateway: 'g', id: 's' };
  store.open(
    { address, ...ABOUT, log: 'full', metadata: {}, eventId: null, traceParent: null, startedAt: 1 },
    0,
  );
  const lost = recordingFrom();
  say(lost, 0);
  flush(lost, store);
  const stored = store.lastNumbers();
  expect(lost.numbers.segment).toBeGreaterThan(stored.segment);
  const snapshot = {
    version: SNAPSHOT_VERSION,
    adapter: { id: openai.id, version: openai.stateVersion, state: openai.begin(REQUEST) },
    tally: new Tally(100, PRICES).snapshot(),
    counters: { ...lost.numbers, received: 0, client: 1 },
    epochs: [],
    startedAt: 1,
    onceSent: false,
  };
  const checkpoint: Checkpoint = {
    plan: JSON.stringify({ request: REQUEST, provider: 'openai' }),
    snapshot: JSON.stringify(snapshot),
    resting: false,
    final: false,
    graceMs: 0,
    endsAt: 1e15,
  };
  const { counters, lastSeq } = await keptFrom(store, checkpoint, {});
  expect(lastSeq).toBe(stored.seq);
  const next = recordingFrom(counters);
  say(next, FRAMES);
  while (flush(next, store));
  const read: LogItem[] = [];
  for await (const item of readLog(store, new LogPlace(0), null, AS_STORED)) read.push(item);
  const all = Array.from({ length: FRAMES }, (_, n) => FRAMES + n + 1);
  expect(read.map(({ seq }) => seq)).toEqual([...Array.from({ length: lastSeq }, (_, n) => n + 1), ...all]);
});
