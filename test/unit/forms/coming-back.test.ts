/** A reader that has some of a log already, and one under which the log is deleted. */
import { describe, expect, it, vi } from 'vitest';
import type { SessionStore } from '../../../storage/session-store.ts';
import { append, begun, ended, recorded } from './recorded.ts';
import { Reader } from './reader.ts';
import { WIRES } from './wires.ts';

vi.mock('../../../durable-objects/give-way.ts', () => import('./at-once.ts'));

const [wire] = WIRES;
if (wire === undefined) throw new Error('there is no wire');
const steps = [1, 2, 3].map((which) => ({ do: 'move' as const, which, who: 0, n: which }));
const session = recorded(wire, { named: false, early: false, rests: false, lifeSeconds: null, n: 1, steps });
const reader = async (): Promise<Reader> => new Reader(await ended(session));

/** As its recorder does: the tables are gone. */
function erase(store: SessionStore): void {
  const segment = () => {
    throw new Error('no such table: segment');
  };
  Object.assign(store, { segment, view: () => null, exists: () => false });
  store.wiped();
}

describe('P3 forms of the log', () => {
  it('P3 what an ended session answers may be kept: each form has a tag of its own', async () => {
    const tags = new Set<string>();
    for (const form of ['json', 'ndjson', 'sse'] as const) {
      const etag = (await (await reader()).events(form)).headers.get('etag') ?? '';
      tags.add(etag);
      const asked = (known: string) =>
        reader().then((each) => each.events(form, {}, { 'if-none-match': known }));
      const again = await asked(`"other", ${etag}`);
      expect([again.status, await again.text()]).toEqual([304, '']);
      expect((await asked('"other"')).status).toBe(200);
    }
    expect(tags.size).toBe(3);
  });

  it('P3 a browser that comes back goes on behind its last event, and is told when there is no more', async () => {
    const all = await (await reader()).ndjson();
    const last = all.at(-1)?.seq ?? 0;
    const ids = (text: string) => text.match(/^id: \d+$/gm)?.map((line) => Number(line.slice('id: '.length)));
    const asked = async (id: string, query = {}) =>
      (await reader()).events('sse', query, { 'last-event-id': id });
    expect(ids(await (await asked('2')).text())).toEqual([...all.slice(2).map(({ seq }) => seq), last]);
    expect((await asked(String(last))).status).toBe(204);
    // Of some of the events only: it comes back with what the end said, which may be past the last that it was told.
    for (const query of [{ type: 'session.created' }, { before: '3' }, { client: 'c9' }]) {
      const told = ids(await (await asked('0', query)).text())?.at(-1);
      expect((await asked(String(told), query)).status).toBe(204);
    }
    const played = async (id: string) =>
      (await reader()).replay({ speed: '1000', to: '0' }, { 'last-event-id': id });
    expect((await played(String(ids(await (await played('0')).text())?.at(-1)))).status).toBe(204);
  });

  it('P3 what is missing at the end of a log is said in every form', async () => {
    const store = begun(session.wire);
    for (const batch of session.outcome.batches) await append(store, batch);
    store.interrupt(0);
    const reading = new Reader(store);
    expect((await reading.ndjson()).at(-1)).toMatchObject({ kind: 'gap', reason: 'interrupted' });
    const [entry] = (await reading.har()).log.entries;
    expect(entry?._webSocketMessages.at(-1)).toMatchObject({ type: 'error' });
  });

  it('F-38 a log that is deleted while it is read breaks off, and is never taken for whole', async () => {
    const store = await ended(session);
    const { body } = await new Reader(store).events('ndjson');
    erase(store);
    await expect(new Response(body).text()).rejects.toThrow('deleted');
  });

  it('F-38 another session of the same id is not taken for the rest of the one that was deleted', async () => {
    const store = await ended(session);
    const { body } = await new Reader(store).events('ndjson');
    store.wiped();
    await expect(new Response(body).text()).rejects.toThrow('deleted');
  });

  it('F-38 one that is deleted before anything of it was read is not found, in whatever form', async () => {
    for (const read of [
      (of: Reader) => of.events('json', { type: 'none' }),
      (of: Reader) => of.events('json', { fold: 'audio', after: '3' }),
      (of: Reader) => of.events('ndjson', { type: 'none' }),
      (of: Reader) => of.view('audio.wav'),
      (of: Reader) => of.view('peaks'),
    ]) {
      const store = await ended(session);
      const answer = read(new Reader(store));
      erase(store);
      await expect(answer).rejects.toMatchObject({ public: { code: 'session_not_found' } });
    }
  });

  it('F-38 an archive of what is deleted meanwhile breaks off, and is never taken for whole', async () => {
    const store = await ended(session);
    const reading = new Reader(store);
    const archive = reading.zip();
    erase(store);
    await expect(archive).rejects.toThrow();
  });
});
