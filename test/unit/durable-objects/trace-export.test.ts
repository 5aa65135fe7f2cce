import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TraceExport } from '../../../durable-objects/trace-export.ts';
import type { Opening } from '../../../protocol/recording.ts';
import { LIMITS } from '../../../session/limits.ts';
import { Tally } from '../../../session/tally.ts';
import { SessionStore } from '../../../storage/session-store.ts';
import { TraceStore } from '../../../storage/trace-store.ts';
import { memoryDatabase } from '../../support/sqlite.ts';

const OPENING: Opening = {
  address: { account: 'a', gateway: 'g', id: 's' },
  provider: 'google',
  model: 'm',
  simulated: false,
  credentialSource: 'stored',
  log: 'full',
  metadata: {},
  eventId: null,
  startedAt: 1_000,
};
const PRICES = { provider: 'google', model: null, simulated: 'no', custom: null, overrides: [] } as const;
const SETTINGS = { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.example/base/' };

interface Sent {
  readonly url: string;
  readonly body: string;
}
let sent: Sent[] = [];
let answer: () => Promise<Response> = async () => new Response('{}');

beforeEach(() => {
  sent = [];
  answer = async () => new Response('{}');
  vi.spyOn(Math, 'random').mockReturnValue(1);
  vi.spyOn(console, 'warn').mockReturnValue();
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (url, init) => {
    if (typeof url === 'string' && typeof init?.body === 'string') sent.push({ url, body: init.body });
    return answer();
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** A session that has ended, unless `live`. */
function setUp(
  opening: Opening = OPENING,
  settings: Readonly<Record<string, string>> = SETTINGS,
  live = false,
) {
  const database = memoryDatabase();
  const store = new SessionStore(database);
  store.open(opening, 0);
  const totals = new Tally(10, PRICES).totals();
  if (!live)
    store.finish({
      at: 9_000,
      reason: 'client_closed',
      closedBy: 'client',
      code: 1000,
      closeReason: '',
      totals,
    });
  return { database, store, trace: new TraceExport(store, new TraceStore(database), settings) };
}

describe('P3 the export of a trace', () => {
  it('P3 goes once, to the path below the base URL or to the very URL', async () => {
    const { trace } = setUp();
    expect(await trace.run(Date.now())).toBeNull();
    expect(await trace.run(Date.now())).toBeNull();
    expect(sent.map(({ url }) => url)).toEqual(['https://collector.example/base/v1/traces']);
    expect(sent[0]?.body).toContain('"stringValue":"gcp.gemini"');
    const own = { ...SETTINGS, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://collector.example/own' };
    await setUp(OPENING, own).trace.run(Date.now());
    expect(sent[1]?.url).toBe('https://collector.example/own');
  });

  it('P3 does not go while the session lives, without an address, or where the client’s trace is not sampled', async () => {
    const traceParent = { traceId: 'f'.repeat(32), spanId: 'c'.repeat(16), sampled: false };
    for (const { trace } of [
      setUp(OPENING, SETTINGS, true),
      setUp(OPENING, {}),
      setUp({ ...OPENING, traceParent }),
    ])
      expect(await trace.run(Date.now())).toBeNull();
    expect(sent).toEqual([]);
    expect([setUp().trace.wanted, setUp(OPENING, {}).trace.wanted]).toEqual([true, false]);
  });

  it.each([[429], [502], [503], [504]])('P3 after a %i it goes again later, the same', async (status) => {
    const { trace } = setUp();
    answer = async () => new Response(null, { status });
    const due = (await trace.run(Date.now())) ?? 0;
    expect(due).toBeGreaterThanOrEqual(Date.now() + LIMITS.retryFirstMs - 1_000);
    expect(await trace.run(due - 1)).toBe(due);
    expect(sent).toHaveLength(1);
    answer = async () => new Response('{}');
    expect(await trace.run(due)).toBeNull();
    expect(sent[1]).toEqual(sent[0]);
  });

  it.each([[400], [401], [404], [302], [500]])('P10 after a %i it is given up', async (status) => {
    const { trace } = setUp();
    answer = async () => new Response(null, { status });
    expect(await trace.run(Date.now())).toBeNull();
    await trace.run(Number.MAX_SAFE_INTEGER);
    expect(sent).toHaveLength(1);
  });

  it('P10 attempts end, at the limit and not before', async () => {
    const { trace } = setUp();
    answer = () => Promise.reject(new Error('refused'));
    for (let n = 1; n < LIMITS.deliveryAttempts; n += 1)
      expect(await trace.run(Number.MAX_SAFE_INTEGER)).not.toBeNull();
    expect(await trace.run(Number.MAX_SAFE_INTEGER)).toBeNull();
    expect(await trace.run(Number.MAX_SAFE_INTEGER)).toBeNull();
    expect(sent).toHaveLength(LIMITS.deliveryAttempts);
  });

  it('P3 a record that is deleted meanwhile stays deleted', async () => {
    const { database, store, trace } = setUp();
    answer = async () => {
      for (const table of ['session', 'segment', 'record']) database.exec(`DROP TABLE ${table}`);
      store.forget();
      return new Response(null, { status: 503 });
    };
    expect(await trace.run(Date.now())).toBeNull();
    expect(database.exec('SELECT name FROM sqlite_master').toArray()).toEqual([]);
  });

  it('P3 a record that cannot be read stops nothing but its own export', async () => {
    const { database, trace } = setUp();
    database.exec('DROP TABLE record');
    expect(await trace.run(Date.now())).not.toBeNull();
    expect(sent).toEqual([]);
  });
});
