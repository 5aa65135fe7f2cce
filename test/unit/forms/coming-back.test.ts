/** A reader that has some of a log already, and one under which the log is deleted. */
import { describe, expect, it, vi } from 'vitest';
import { SessionStore } from '../../../storage/session-store.ts';
import { memoryDatabase } from '../../support/sqlite.ts';
import { ended, recorded } from './recorded.ts';
import { Reader } from './reader.ts';
import { WIRES } from './wires.ts';

vi.mock('../../../durable-objects/give-way.ts', () => import('./at-once.ts'));

const [wire] = WIRES;
if (wire === undefined) throw new Error('there is no wire');
const steps = [1, 2, 3].map((which) => ({ do: 'move' as const, which, who: 0, n: which }));
const session = recorded(wire, { named: false, early: false, rests: false, n: 1, steps });
const reader = async (): Promise<Reader> => new Reader(await ended(session));

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
    const asked = async (id: string) => (await reader()).events('sse', {}, { 'last-event-id': id });
    expect((await (await asked('2')).text()).match(/^id: \d+$/gm)).toEqual(
      all.slice(2).map(({ seq }) => `id: ${seq}`),
    );
    expect((await asked(String(all.at(-1)?.seq))).status).toBe(204);
  });

  it('F-38 a log that is deleted while it is read breaks off, and is never taken for whole', async () => {
    const store = await ended(session);
    const { body } = await new Reader(store).events('ndjson');
    const erased = new SessionStore(memoryDatabase());
    Object.assign(store, { segment: () => null, exists: () => erased.exists() });
    await expect(new Response(body).text()).rejects.toThrow('deleted');
  });
});
