/** A session read while it goes on, under load, from the server that `npm start` runs. */
import { get } from 'node:http';
import WebSocket from 'ws';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { eventsOf, type LoggedFrame, untilEnded } from '../support/rest.ts';

const GATEWAY = 'acct/reading';
const FRAMES = 5_000;
const FRAMES_AT_ONCE = 50;

let parley: ParleyProcess;
beforeAll(async () => {
  parley = await startParley();
});
afterAll(() => parley.stop());

const read = (path: string) =>
  fetch(parley.http + path, { headers: { authorization: `Bearer ${parley.token}` } });

it('F-36 pages and a stream that follow a session under load are, joined, the final log', async () => {
  const socket = new WebSocket(
    `${parley.ws}/v1/${GATEWAY}/simulator?model=gpt-realtime&parley-session=followed`,
    {
      headers: { 'cf-aig-authorization': `Bearer ${parley.token}` },
    },
  );
  await new Promise((resolve) => socket.once('message', resolve));
  const path = `/v1/${GATEWAY}/sessions/followed`;
  const stream = read(`${path}/events.sse`).then((answer) => answer.text());
  const pages: LoggedFrame[] = [];
  let after = 0;
  const poll = async (): Promise<void> => {
    const answer = await read(`${path}/events?limit=400&after=${after}`);
    // the envelope of docs/openapi.json
    const { result, result_info: info } = (await answer.json()) as {
      readonly result: LoggedFrame[];
      readonly result_info: { readonly cursor: string | null; readonly last_seq: number };
    };
    pages.push(...result);
    after = info.last_seq;
    if (info.cursor !== null) await poll();
  };
  const audio = Buffer.alloc(960).toString('base64');
  for (let sent = 0; sent < FRAMES;) {
    for (let count = 0; count < FRAMES_AT_ONCE; count += 1, sent += 1)
      socket.send(JSON.stringify({ type: 'input_audio_buffer.append', event_id: `${sent}`, audio }));
    await poll();
  }
  socket.send('{"type":"input_audio_buffer.clear"}');
  await new Promise<void>((resolve) => {
    socket.on('message', (data: Buffer) => {
      if (data.toString().includes('input_audio_buffer.cleared')) resolve();
    });
  });
  await fetch(`${parley.http}${path}/end`, {
    method: 'POST',
    headers: { authorization: `Bearer ${parley.token}` },
  });
  await untilEnded(parley, GATEWAY, 'followed');
  await poll();
  const log = await eventsOf(parley, GATEWAY, 'followed');
  expect(log.length).toBeGreaterThan(FRAMES);
  expect(log.map(({ seq }) => seq)).toEqual(log.map((_, index) => index + 1));
  expect(pages).toEqual(log);
  const blocks = (await stream).split('\n\n').filter((block) => block.startsWith('id: '));
  expect(blocks.map((block) => JSON.parse(block.slice(block.indexOf('data: ') + 6)) as object)).toEqual(log);
});

/** Of answers to whom the session was deleted in between: with which head they came, and whether they are whole. */
function outcomeOf(path: string): Promise<string> {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${parley.token}` };
    get(parley.http + path, { headers, agent: false }, (answer) => {
      answer.resume();
      answer.on('error', () => undefined);
      answer.on('close', () => resolve(`${answer.statusCode} ${answer.complete ? 'whole' : 'broken off'}`));
    }).on('error', (error) => resolve(`no head: ${error.message}`));
  });
}

const FORMS = [
  '',
  '/events',
  '/events?fold=audio&after=100',
  '/events.ndjson',
  '/events.ndjson?type=none',
  '/events.sse',
  '/audio.wav',
  '/peaks',
  '/export.har',
  '/export.zip',
  '/transcript',
  '/turns',
  '/usage',
  '/participants',
  '/replay?speed=1000',
];

it('F-38 whoever reads a session that is deleted has all of it, or is told, or sees that it breaks off', async () => {
  const audio = Buffer.alloc(3000, 7).toString('base64');
  const seen = new Set<string>();
  for (let round = 0; round < 5; round += 1) {
    const id = `deleted-${round}`;
    const socket = new WebSocket(
      `${parley.ws}/v1/${GATEWAY}/simulator?model=gpt-realtime&parley-session=${id}&parley-grace=0`,
      { headers: { 'cf-aig-authorization': `Bearer ${parley.token}` } },
    );
    await new Promise((resolve) => socket.once('message', resolve));
    for (let sent = 0; sent < 300; sent += 1)
      socket.send(JSON.stringify({ type: 'input_audio_buffer.append', audio }));
    socket.close();
    await untilEnded(parley, GATEWAY, id);
    const path = `/v1/${GATEWAY}/sessions/${id}`;
    const reads = FORMS.map((form) => outcomeOf(path + form));
    // The first answer that is over: others are under way.
    if (round > 0) await Promise.race(reads);
    await fetch(parley.http + path, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${parley.token}` },
    });
    for (const outcome of await Promise.all(reads)) seen.add(outcome);
  }
  expect(
    [...seen].filter((outcome) => !['200 whole', '200 broken off', '404 whole'].includes(outcome)),
  ).toEqual([]);
});
