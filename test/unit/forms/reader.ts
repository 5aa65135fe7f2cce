/** A session's record, read as its users do: through the edge's handlers, which ask the recorder's views. */
import { createHash } from 'node:crypto';
import { unzipSync } from 'fflate';
import { Changes } from '../../../durable-objects/changes.ts';
import type { DigestShape } from '../../../protocol/log-digest.ts';
import type { LoggedEvent } from '../../../storage/events.ts';
import type { SessionStore } from '../../../storage/session-store.ts';
import { ENV } from './wires.ts';

interface Context {
  readonly request: Request;
  readonly env: object;
  readonly account: string;
  readonly gateway: string;
  readonly session: string;
  readonly suffix: string;
}
type Handler = (context: Context) => Promise<Response>;

/** The edge is written in workerd's types, which do not go together with Node's: it is loaded by its name. */
export async function load<T>(path: string): Promise<T> {
  return (await import(new URL(`../../../${path}`, import.meta.url).pathname)) as T; // as these modules export it
}
const { getEvents } = await load<{ getEvents: Handler }>('worker/events.ts');
const { getAudio, getPeaks } = await load<{ getAudio: Handler; getPeaks: Handler }>('worker/audio.ts');
const { getDigest } = await load<{ getDigest: Handler }>('worker/digest.ts');
const { getHar, getZip } = await load<{ getHar: Handler; getZip: Handler }>('worker/exports.ts');
const { getReplay } = await load<{ getReplay: Handler }>('worker/replay.ts');
const { viewResponse } = await load<{
  viewResponse: (request: Request, record: object) => Promise<Response>;
}>('durable-objects/views.ts');

const VIEWS = { 'audio.wav': getAudio, peaks: getPeaks, digest: getDigest } as const;

type Query = Readonly<Record<string, string>>;

// workerd has `toHex`, and Node 24 has not (2026-11-25).
const bytes: object = Uint8Array.prototype;
if (!('toHex' in bytes))
  Object.defineProperty(bytes, 'toHex', {
    value(this: Uint8Array): string {
      return Buffer.from(this).toString('hex');
    },
  });

// Nor has Node a `DigestStream`.
Object.defineProperty(crypto, 'DigestStream', {
  configurable: true,
  value: class extends WritableStream<Uint8Array> {
    readonly digest: Promise<ArrayBuffer>;

    constructor() {
      const hash = createHash('sha256');
      const digest = Promise.withResolvers<ArrayBuffer>();
      super({
        write: (chunk) => void hash.update(chunk),
        close: () => digest.resolve(new Uint8Array(hash.digest()).buffer),
      });
      this.digest = digest.promise;
    }
  },
});

export interface Har {
  readonly log: {
    readonly entries: readonly {
      readonly comment: string;
      readonly _webSocketMessages: readonly Readonly<Record<string, unknown>>[];
    }[];
  };
}

export class Reader {
  readonly changes = new Changes();
  /** As views are given it. */
  readonly record: { readonly store: SessionStore; readonly env: typeof ENV; readonly changes: Changes };

  constructor(store: SessionStore) {
    this.record = { store, env: ENV, changes: this.changes };
  }

  events(suffix: 'json' | 'ndjson' | 'sse', query: Query = {}, headers: Query = {}): Promise<Response> {
    return this.#ask(getEvents, suffix, query, headers);
  }

  async ndjson(query: Query = {}): Promise<LoggedEvent[]> {
    return linesOf(await (await this.events('ndjson', query)).text());
  }

  /** From one page to the next, to the last. `after`: where a reader of a live session goes on. */
  async pages(query: Query, after = 0): Promise<{ readonly events: LoggedEvent[]; readonly last: number }> {
    const events: LoggedEvent[] = [];
    for (let cursor: string | null = String(after), last = after; ;) {
      if (cursor === null) return { events, last };
      const text = await (await this.events('json', { ...query, after: cursor })).text();
      const page: {
        result: LoggedEvent[];
        result_info: { cursor: string | null; last_seq: number; count: number };
      } = JSON.parse(text);
      events.push(...page.result);
      cursor = page.result_info.cursor;
      last = page.result_info.last_seq;
    }
  }

  /** As events, each when it is due. */
  replay(query: Query, headers: Query = {}): Promise<Response> {
    return this.#ask(getReplay, '', query, { accept: 'text/event-stream', ...headers });
  }

  view(name: keyof typeof VIEWS): Promise<Response> {
    return this.#ask(VIEWS[name], '');
  }

  async digest(): Promise<DigestShape> {
    const { result }: { result: DigestShape } = JSON.parse(await (await this.view('digest')).text());
    return result;
  }

  async har(): Promise<Har> {
    const har: Har = JSON.parse(await (await this.#ask(getHar, '')).text());
    return har;
  }

  /** The files of the archive, by their names. */
  async zip(): Promise<ReadonlyMap<string, string>> {
    const archive = new Uint8Array(await (await this.#ask(getZip, '')).arrayBuffer());
    return new Map(
      Object.entries(unzipSync(archive)).map(([name, file]) => [name, Buffer.from(file).toString()]),
    );
  }

  #ask(handle: Handler, suffix: string, query: Query = {}, headers: Query = {}): Promise<Response> {
    const url = `https://parley.example/v1/a/g/sessions/s?${new URLSearchParams(query).toString()}`;
    const request = new Request(url, { headers });
    const env = { RECORDER: { getByName: () => this.#recorder() } };
    return handle({ request, env, account: 'a', gateway: 'g', session: 's', suffix });
  }

  /** The part of the recorder that reading asks for. */
  #recorder() {
    const { store } = this.record;
    return {
      fetch: (url: string, init: RequestInit) => viewResponse(new Request(url, init), this.record),
      describe: async () => store.view(),
      records: async (...asked: Parameters<SessionStore['records']>) =>
        store.exists() ? store.records(...asked) : null,
    };
  }
}

function linesOf(text: string): LoggedEvent[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): LoggedEvent => JSON.parse(line));
}
