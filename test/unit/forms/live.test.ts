/** Random sessions with every provider's simulator, read while they live: what is read piece by piece is the whole. */
import { describe, expect, it, vi } from 'vitest';
import type { LoggedEvent } from '../../../storage/events.ts';
import { append, begun, expectSame, finish, forSessions, recorded } from './recorded.ts';
import { Reader } from './reader.ts';
import { ServerSent } from './server-sent.ts';
import { WIRES } from './wires.ts';

vi.mock('../../../durable-objects/give-way.ts', () => import('./at-once.ts'));

const SHORTEST_PAGE = 3;
const LONGEST_PAGE = 30;

/** Reads pages, each behind the one before, as far as the log goes. */
class Pager {
  readonly events: LoggedEvent[] = [];
  readonly #reader: Reader;
  readonly #query: Readonly<Record<string, string>>;
  #last = 0;

  constructor(reader: Reader, query: Readonly<Record<string, string>>) {
    this.#reader = reader;
    this.#query = query;
  }

  async goOn(): Promise<void> {
    const { events, last } = await this.#reader.pages(this.#query, this.#last);
    this.events.push(...events);
    this.#last = last;
  }
}

/** Follows by server-sent events; a browser that lost the stream comes back with the id of the last one. */
class Follower {
  readonly events: LoggedEvent[] = [];
  readonly #reader: Reader;
  #stream: ServerSent | null = null;
  #lastEventId: string | null = null;

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  /** Until it has as many. */
  async until(count: number): Promise<void> {
    const known = this.#lastEventId;
    this.#stream ??= new ServerSent(
      await this.#reader.events('sse', {}, known === null ? {} : { 'last-event-id': known }),
      (event) => this.events.push(event),
    );
    await this.#stream.until(this.#stream.events.length + count - this.events.length);
    this.#lastEventId = this.#stream.lastEventId ?? known;
  }

  drop(): void {
    this.#stream?.drop();
    this.#stream = null;
  }

  /** What the stream says of its end; null where there was nothing left to say, and a browser is told to stop. */
  async end(): Promise<unknown> {
    const known = this.#lastEventId;
    if (this.#stream === null && known !== null) {
      const again = await this.#reader.events('sse', {}, { 'last-event-id': known });
      if (again.status === 204) return null;
      this.#stream = new ServerSent(again, (event) => this.events.push(event));
    }
    await this.until(Infinity);
    return this.#stream?.end;
  }
}

function numbersOf(event: LoggedEvent): number[] {
  const last = event.kind === 'audio' ? event.to_seq : event.seq;
  return Array.from({ length: last - event.seq + 1 }, (_, at) => event.seq + at);
}

describe.each(WIRES)('P3 $name, live', (wire) => {
  it('P3 pages joined, folded or not, and the stream, cut anywhere, are the record at every moment and in the end', () =>
    forSessions(async (given, n) => {
      const { outcome, frames } = recorded(wire, given);
      const store = begun(wire);
      const reader = new Reader(store);
      const pager = new Pager(reader, { limit: String(SHORTEST_PAGE + (n % LONGEST_PAGE)) });
      const ups = new Pager(reader, { limit: String(SHORTEST_PAGE + (n % LONGEST_PAGE)), direction: 'up' });
      const folds = new Pager(reader, { limit: String(SHORTEST_PAGE + (n % LONGEST_PAGE)), fold: 'audio' });
      const follower = new Follower(reader);
      for (const [index, batch] of outcome.batches.entries()) {
        await append(store, batch);
        reader.changes.announce();
        // Each of the bits of `n` once in a while: who reads now, and whose stream is lost.
        const now = n >> (index % 14);
        const lines = await reader.ndjson();
        if ((now & 1) === 1) {
          await pager.goOn();
          expectSame(pager.events, lines);
        }
        if ((now & 2) === 2) await ups.goOn();
        if ((now & 8) === 8) await folds.goOn();
        await follower.until(lines.length);
        expectSame(follower.events, lines);
        if ((now & 4) === 4) follower.drop();
      }
      finish(store, outcome);
      reader.changes.announce();
      const whole = await reader.ndjson();
      await pager.goOn();
      expectSame(pager.events, whole);
      await ups.goOn();
      expectSame(
        ups.events,
        whole.filter((event) => event.kind === 'frame' && event.direction === 'up'),
      );
      await folds.goOn();
      // Runs end where a reader had come to the end of the log: no frame is left out, and none is told twice.
      expectSame(
        folds.events.flatMap(numbersOf),
        frames.map(({ seq }) => seq),
      );
      const end = await follower.end();
      expectSame(follower.events, whole);
      if (end !== null) expect(end).toMatchObject({ status: 'ended', close_code: 4321 });
    }));
});
