/** A session given back over REST, in every form. */
import { env } from 'cloudflare:workers';
import { runInDurableObject } from 'cloudflare:test';
import { WebVTTParser } from 'webvtt-parser';
import { describe, expect, it } from 'vitest';
import { sessionObjectName } from '../../protocol/connect.ts';
import { LIMITS } from '../../session/limits.ts';
import { asAdmin, type Client, open, resultOf } from './parley.ts';

const SIMULATOR = '/v1/acct/gw/simulator?model=gpt-realtime&speed=50';

interface Event {
  readonly kind: string;
  readonly seq: number;
  readonly to_seq?: number;
  readonly direction?: string;
  readonly text?: string;
  readonly streams?: readonly { readonly direction: string; readonly frames: number; readonly ms: number }[];
}

const idOf = (client: Client): string => client.response.headers.get('parley-session-id') ?? '';
const pathOf = (client: Client): string => `/v1/acct/gw/sessions/${idOf(client)}`;

async function until(client: Client, type: string): Promise<void> {
  while ((JSON.parse(await client.next()) as { type: string }).type !== type); // a frame of the simulator
}

async function spokenTurn(client: Client): Promise<void> {
  const silence = btoa('\0'.repeat(4_800));
  for (let count = 0; count < 5; count += 1)
    client.socket.send(JSON.stringify({ type: 'input_audio_buffer.append', audio: silence }));
  client.socket.send('{"type":"input_audio_buffer.commit"}');
  client.socket.send('{"type":"response.create"}');
  await until(client, 'response.done');
}

async function linesOf(path: string, headers: Record<string, string> = {}): Promise<Event[]> {
  const text = await (await asAdmin(path, { headers })).text();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): Event => JSON.parse(line));
}

/** Server-sent events as they come. */
class EventStream {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = '';

  constructor(response: Response) {
    if (response.body === null) throw new Error('there is no stream');
    this.#reader = response.body.getReader();
  }

  /** The next block of text; null at the end. */
  async next(): Promise<string | null> {
    for (;;) {
      const end = this.#text.indexOf('\n\n');
      if (end >= 0) {
        const block = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        return block;
      }
      const { value, done } = await this.#reader.read();
      if (done) return null;
      this.#text += this.#decoder.decode(value, { stream: true });
    }
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}

async function ended(): Promise<Client> {
  const client = await open(SIMULATOR);
  await until(client, 'session.created');
  await spokenTurn(client);
  client.socket.close(1000);
  await client.closed;
  await asAdmin(`${pathOf(client)}/end`, { method: 'POST' });
  return client;
}

describe('P3 a live session', () => {
  it('P3 is followed as it goes on, to its end; whoever comes back goes on behind what it has', async () => {
    const client = await open(SIMULATOR);
    await until(client, 'session.created');
    const response = await asAdmin(`${pathOf(client)}/events`, { headers: { accept: 'text/event-stream' } });
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const stream = new EventStream(response);
    expect(await stream.next()).toBe('retry: 2000');
    expect(await stream.next()).toMatch(/^id: 1\ndata: .*session\.created/);
    client.socket.send('{"type":"input_audio_buffer.clear"}');
    expect(await stream.next()).toMatch(/^id: 2\ndata: .*"direction":"up".*input_audio_buffer\.clear/);
    expect(await stream.next()).toMatch(/^id: 3\ndata: .*input_audio_buffer\.cleared/);
    const again = new EventStream(
      await asAdmin(`${pathOf(client)}/events.sse`, { headers: { 'last-event-id': '2' } }),
    );
    expect(await again.next()).toBe('retry: 2000');
    expect(await again.next()).toMatch(/^id: 3\n/);
    await asAdmin(`${pathOf(client)}/end`, { method: 'POST' });
    for (const each of [stream, again]) {
      expect(await each.next()).toMatch(
        /^event: end\nid: 3\ndata: \{"status":"ended","ended_reason":"ended_by_request"/,
      );
      expect(await each.next()).toBeNull();
    }
    await client.closed;
    const late = await asAdmin(`${pathOf(client)}/events.sse`, { headers: { 'last-event-id': '3' } });
    expect(late.status).toBe(204);
  });

  it('P3 is followed no further than was asked, though nothing comes any more', async () => {
    const client = await open(SIMULATOR);
    await until(client, 'session.created');
    const stream = new EventStream(await asAdmin(`${pathOf(client)}/events.sse?before=2`));
    expect([await stream.next(), (await stream.next())?.slice(0, 'id: 1'.length)]).toEqual([
      'retry: 2000',
      'id: 1',
    ]);
    const outcome = await Promise.race([
      stream.next(),
      new Promise((resolve) => {
        setTimeout(() => resolve('waits'), LIMITS.streamCommentMs / 2);
      }),
    ]);
    expect(outcome).toBe('event: end\nid: 1\ndata: {"status":"live"}');
    const again = await asAdmin(`${pathOf(client)}/events.sse?before=2`, {
      headers: { 'last-event-id': '1' },
    });
    expect(again.status).toBe(204);
    await asAdmin(`${pathOf(client)}/end`, { method: 'POST' });
  });

  it('P3 is followed to the limit that was asked for, and whoever comes back after that is told that there is no more', async () => {
    const client = await open(SIMULATOR);
    await until(client, 'session.created');
    for (const isLive of [true, false]) {
      if (!isLive) await asAdmin(`${pathOf(client)}/end`, { method: 'POST' });
      const stream = new EventStream(await asAdmin(`${pathOf(client)}/events.sse?limit=1`));
      expect(await stream.next()).toBe('retry: 2000');
      expect(await stream.next()).toMatch(/^id: 1\n/);
      const status = isLive ? 'live' : 'ended';
      expect(await stream.next()).toMatch(new RegExp(`^event: end\nid: limit\ndata: {"status":"${status}"`));
      expect(await stream.next()).toBeNull();
      const headers = { 'last-event-id': 'limit' };
      expect((await asAdmin(`${pathOf(client)}/events.sse?limit=1`, { headers })).status).toBe(204);
    }
    const other = await asAdmin(`${pathOf(client)}/events.sse`, { headers: { 'last-event-id': 'limits' } });
    expect(other.status).toBe(400);
    await client.closed;
  });

  it('F-38 is followed until it is deleted', async () => {
    const client = await open(SIMULATOR);
    await until(client, 'session.created');
    const stream = new EventStream(await asAdmin(`${pathOf(client)}/events.sse`));
    await asAdmin(pathOf(client), { method: 'DELETE' });
    let last = '';
    for (let block = await stream.next(); block !== null; block = await stream.next()) last = block;
    expect(last).toMatch(/^event: end\n(id: 1\n)?data: \{"status":"(ended|deleted)"/);
    await client.closed;
  });

  it('F-36 is read in pages while it goes on: each goes on behind the one before, and together they are the log', async () => {
    const client = await open(SIMULATOR);
    await until(client, 'session.created');
    const seqs: number[] = [];
    let after = 0;
    const read = async (): Promise<void> => {
      for (let more = true; more;) {
        const page: { result: Event[]; result_info: { cursor: string | null; last_seq: number } } = await (
          await asAdmin(`${pathOf(client)}/events?limit=3&after=${after}`)
        ).json();
        seqs.push(...page.result.map(({ seq }) => seq));
        more = page.result_info.cursor !== null;
        after = page.result_info.last_seq;
      }
    };
    for (let turn = 0; turn < 3; turn += 1) await Promise.all([spokenTurn(client), read()]);
    await asAdmin(`${pathOf(client)}/end`, { method: 'POST' });
    await client.closed;
    await read();
    expect(seqs).toEqual((await linesOf(`${pathOf(client)}/events.ndjson`)).map(({ seq }) => seq));
    expect(seqs.length).toBeGreaterThan(30);
  });
});

describe('P3 a session in every form', () => {
  it('P3 suffix and Accept give the same; what is not there is 406 with what is', async () => {
    const path = pathOf(await ended());
    const forms = [
      ['events', 'json', 'application/json'],
      ['events', 'ndjson', 'application/x-ndjson'],
      ['events', 'sse', 'text/event-stream'],
      ['transcript', 'json', 'application/json'],
      ['transcript', 'vtt', 'text/vtt'],
      ['transcript', 'srt', 'application/x-subrip'],
      ['transcript', 'md', 'text/markdown'],
      ['turns', 'json', 'application/json'],
      ['usage', 'json', 'application/json'],
      ['participants', 'json', 'application/json'],
      ['digest', 'json', 'application/json'],
    ] as const;
    for (const [name, suffix, type] of forms) {
      const bySuffix = await asAdmin(`${path}/${name}.${suffix}`);
      const byAccept = await asAdmin(`${path}/${name}`, { headers: { accept: `text/html;q=0.9, ${type}` } });
      expect([name, bySuffix.status, bySuffix.headers.get('content-type')]).toEqual([
        name,
        200,
        `${type}; charset=utf-8`,
      ]);
      const text = await bySuffix.text();
      expect(await byAccept.text()).toBe(text);
      const etag = bySuffix.headers.get('etag') ?? '';
      const known = await asAdmin(`${path}/${name}.${suffix}`, { headers: { 'if-none-match': etag } });
      expect([known.status, await known.text()]).toEqual([304, '']);
      const head = await asAdmin(`${path}/${name}.${suffix}`, { method: 'HEAD' });
      expect([head.status, head.headers.get('etag'), await head.text()]).toEqual([200, etag, '']);
    }
    for (const wrong of [`${path}/events.wav`, `${path}/transcript.pdf`]) {
      const response = await asAdmin(wrong);
      expect(response.status).toBe(406);
      expect(await response.text()).toMatch(/application\/json \(\.json\), /);
    }
    expect((await asAdmin(`${path}/events`, { headers: { accept: 'image/png' } })).status).toBe(406);
  });

  it('P3 HEAD says what GET does, of errors too', async () => {
    const silent = await open(SIMULATOR);
    await until(silent, 'session.created');
    await asAdmin(`${pathOf(silent)}/end`, { method: 'POST' });
    for (const path of [pathOf(await ended()), pathOf(silent), '/v1/acct/gw/sessions/none'])
      for (const name of [
        '',
        '/audio.wav',
        '/peaks',
        '/events',
        '/turns',
        '/digest',
        '/export.har',
        '/export.zip',
        '/replay',
      ]) {
        const [get, head] = [await asAdmin(path + name), await asAdmin(path + name, { method: 'HEAD' })];
        await get.body?.cancel();
        const told = ({ status, headers }: Response) => [
          name,
          status,
          ...['content-type', 'etag', 'cache-control', 'content-disposition'].map((each) =>
            headers.get(each),
          ),
        ];
        expect(told(head)).toEqual(told(get));
        expect(await head.text()).toBe('');
      }
  });

  it('P3 whoever has it already, by any way of saying so, is sent nothing; caches are told what it was chosen by', async () => {
    const path = pathOf(await ended());
    for (const name of [
      '',
      '/events',
      '/events.ndjson',
      '/turns',
      '/digest',
      '/transcript.vtt',
      '/audio.wav',
      '/peaks',
      '/export.har',
    ]) {
      const response = await asAdmin(path + name);
      const etag = response.headers.get('etag') ?? 'none';
      await response.body?.cancel();
      for (const known of ['*', `W/${etag}`, `"x", W/"y",${etag}`]) {
        const again = await asAdmin(path + name, { headers: { 'if-none-match': known } });
        expect([name, known, again.status]).toEqual([name, known, 304]);
      }
    }
    for (const name of ['/events', '/turns', '/transcript'])
      expect((await asAdmin(path + name, { method: 'HEAD' })).headers.get('vary')).toBe('accept');
    const before = (await asAdmin(path)).headers.get('etag');
    await asAdmin(path, { method: 'PATCH', body: '{"score":7}' });
    expect((await asAdmin(path)).headers.get('etag')).not.toBe(before);
  });

  it('P3 the HAR of an ended session is the same bytes each time under one tag; of a live one, and an archive, nothing is kept', async () => {
    const live = await open(SIMULATOR);
    await until(live, 'session.created');
    expect((await asAdmin(`${pathOf(live)}/export.har`)).headers.has('etag')).toBe(false);
    await asAdmin(`${pathOf(live)}/end`, { method: 'POST' });
    await live.closed;
    const path = pathOf(await ended());
    const read = async () => {
      const response = await asAdmin(`${path}/export.har`);
      return [response.headers.get('etag'), await response.text()];
    };
    const [etag, text] = await read();
    await asAdmin(path, { method: 'PATCH', body: '{"score":7}' });
    expect(await read()).toEqual([etag, text]);
    expect(etag).toMatch(/^"[^",]+"$/);
    const known = await asAdmin(`${path}/export.har`, { headers: { 'if-none-match': etag ?? '' } });
    expect([known.status, await known.text()]).toEqual([304, '']);
    const archive = await asAdmin(`${path}/export.zip`, { headers: { 'if-none-match': '*' } });
    expect([archive.status, archive.headers.has('etag')]).toEqual([200, false]);
    await archive.body?.cancel();
  });

  it('P3 sound is folded, payloads come as they are wanted', async () => {
    const path = pathOf(await ended());
    const lines = await linesOf(`${path}/events.ndjson`);
    const folded = await linesOf(`${path}/events.ndjson?fold=audio`);
    const [spoken] = folded.filter(({ kind }) => kind === 'audio');
    expect(spoken?.streams).toMatchObject([{ direction: 'up', frames: 5, ms: 500 }]);
    expect(folded.length).toBeLessThan(lines.length - 4);
    const parsed = await linesOf(`${path}/events.ndjson?payload=parsed&limit=1`);
    expect(parsed).toMatchObject([{ seq: 1, parsed: { type: 'session.created' } }]);
    const base64 = await linesOf(`${path}/events.ndjson?payload=base64&limit=1`);
    expect(base64).toMatchObject([{ seq: 1, base64: btoa(lines[0]?.text ?? '') }]);
  });

  it('P3 turns, usage and participants have what the session has, and the timing of each stage', async () => {
    const path = pathOf(await ended());
    const session = await resultOf<{ turns: object[]; usage: object; cost: object; clients: object[] }>(
      asAdmin(path),
    );
    const turns = await resultOf<{ derived: boolean; stages: Record<string, number | null> }[]>(
      asAdmin(`${path}/turns`),
    );
    expect(turns).toMatchObject(session.turns);
    expect(turns).toHaveLength(1);
    expect(turns[0]).toMatchObject({
      derived: true,
      stages: {
        accepted_ms: expect.any(Number),
        thinking_ms: expect.any(Number),
        output_ms: expect.any(Number),
      },
    });
    const usage = await resultOf<{ reports: object[]; cost: object }>(asAdmin(`${path}/usage`));
    expect(usage).toMatchObject({ ...session.usage, cost: session.cost });
    expect(usage.reports).toMatchObject([
      { purpose: 'response', source: 'provider', counted: { unit: 'tokens' } },
    ]);
    expect(await resultOf(asAdmin(`${path}/participants`))).toEqual(session.clients);
  });

  it('P3 a long session is told whole, not as far as one answer of its recorder goes; every part says the same', async () => {
    const client = await ended();
    const path = pathOf(client);
    const name = sessionObjectName({ account: 'acct', gateway: 'gw', id: idOf(client) });
    const first = (await resultOf<{ turns: object[] }>(asAdmin(path))).turns.length;
    await runInDurableObject(env.RECORDER.getByName(name), (_object, { storage: { sql } }) => {
      const [last] = [...sql.exec('SELECT MAX(id) AS id FROM record')];
      let id = Number(last?.['id']);
      const add = (kind: string, body: object) =>
        sql.exec(
          'INSERT INTO record (id, seq, at, kind, body) VALUES (?, 1, 1, ?, ?)',
          (id += 1),
          kind,
          JSON.stringify(body),
        );
      for (let n = 0; n < LIMITS.recordsBacklog; n += 1)
        add('turn', { response_id: `r${n}`, first_output_ms: 9_000 });
      add('client.updated', { client: 'c1', role: 'observer' });
      add('gap', { reason: 'records_lost' });
      add('usage', { counted: { unit: 'items', amount: 3 } });
    });
    const session = await resultOf<{ turns: object[]; latency: object; gaps: object[]; clients: object[] }>(
      asAdmin(path),
    );
    expect(session.turns).toHaveLength(first + LIMITS.recordsBacklog);
    expect(session.latency).toMatchObject({ turns: first + LIMITS.recordsBacklog, p50_ms: 9_000 });
    expect(session.gaps).toHaveLength(1);
    expect(session.clients).toMatchObject([{ id: 'c1', role: 'observer', left_at: expect.any(String) }]);
    expect(await resultOf(asAdmin(`${path}/participants`))).toEqual(session.clients);
    const { reports } = await resultOf<{ reports: object[] }>(asAdmin(`${path}/usage`));
    expect(reports.at(-1)).toMatchObject({ counted: { unit: 'items', amount: 3 } });
  });

  it('P3 the transcript says what the provider said', async () => {
    const path = pathOf(await ended());
    const said = (
      await linesOf(`${path}/events.ndjson?type=response.output_audio_transcript.done&payload=parsed`)
    ).map(
      (event) => (event as Event & { parsed: { transcript: string } }).parsed.transcript, // the simulator's own shape
    );
    expect(said).toHaveLength(1);
    const { entries } = await resultOf<{ entries: { speaker: string; text: string }[] }>(
      asAdmin(`${path}/transcript.json`),
    );
    expect(entries.filter(({ speaker }) => speaker === 'model').map(({ text }) => text)).toEqual(said);
    const vtt = await (await asAdmin(`${path}/transcript.vtt`)).text();
    const { errors, cues } = new WebVTTParser({ '&amp;': '&', '&lt;': '<', '&gt;': '>' }).parse(vtt);
    expect([errors, cues.length]).toEqual([[], entries.length]);
  });
});
