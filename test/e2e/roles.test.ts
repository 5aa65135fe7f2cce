/** Roles and the control channel, over the server that `npm start` runs: what may not go up does not reach the provider. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { type Client, connected } from '../support/client.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { frame, RawUpstream } from '../support/raw-upstream.ts';
import { get } from '../support/rest.ts';

let parley: ParleyProcess;
let upstream: RawUpstream;

beforeAll(async () => {
  upstream = await RawUpstream.listen();
  parley = await startParley({ env: { OPENAI_BASE_URL: upstream.url, OPENAI_API_KEY: 'sk-stored' } });
});
afterAll(async () => {
  await parley.stop();
  upstream.close();
});

/** A client's text frames, each awaited by its type. */
class Heard {
  readonly #frames: string[] = [];
  #look = (): void => {};

  readonly ready = (socket: WebSocket): void => {
    socket.on('message', (data: Buffer) => {
      this.#frames.push(data.toString());
      this.#look();
    });
  };

  until(part: string): Promise<string> {
    return new Promise((resolve) => {
      this.#look = () => {
        const found = this.#frames.find((each) => each.includes(part));
        if (found !== undefined) resolve(found);
      };
      this.#look();
    });
  }
}

function join(heard: Heard, query = ''): Promise<Client> {
  const asked = `model=gpt-realtime&parley-session=shared&parley-control=1${query}`;
  return connected(parley, { query: asked, ready: heard.ready });
}

it('P7 S-15 of a controller, a speaker and an observer, each sends what its role allows, and the record says who was there', async () => {
  const [host, guest, listener] = [new Heard(), new Heard(), new Heard()];
  const pending = join(host);
  const provider = await upstream.next();
  const first = await pending;
  const second = await join(guest);
  const third = await join(listener, '&parley-role=observer');
  await host.until('"client":"c3"');
  third.socket.send('{"type":"input_audio_buffer.append","audio":"OBSERVER"}');
  await listener.until('role_forbids_sending');
  second.socket.send('{"type":"input_audio_buffer.append","audio":"SPEAKER"}');
  second.socket.send('{"type":"input_audio_buffer.append","type":"session.update","audio":"TWICE"}');
  await guest.until('role_forbids_sending');
  first.socket.send('{"type":"parley.role.set","client":"c2","role":"controller"}');
  await guest.until('parley.client.updated');
  second.socket.send('{"type":"session.update","session":{"instructions":"PROMOTED"}}');
  first.socket.send('{"type":"parley.mark","name":"done"}');
  // Its answer shows that what was sent before is through.
  provider.socket.write(frame(1, '{"type":"last"}'));
  await host.until('"last"');
  first.socket.send('{"type":"parley.session.end"}');
  expect((await second.closed).code).toBe(4410);
  await Promise.all([first.closed, third.closed]);
  const session = await get<{ clients: { id: string; role: string; left_at: string | null }[] }>(
    parley,
    '/v1/acct/gw/sessions/shared',
  );
  expect(session.clients.map(({ id, role }) => [id, role])).toEqual([
    ['c1', 'controller'],
    ['c2', 'controller'],
    ['c3', 'observer'],
  ]);
  expect(session.clients.every(({ left_at: left }) => left !== null)).toBe(true);
  const events = await get<{ kind: string; direction?: string; client?: string; text?: string }[]>(
    parley,
    '/v1/acct/gw/sessions/shared/events',
  );
  const up = events.filter(({ kind, direction }) => kind === 'frame' && direction === 'up');
  expect(up.map(({ client, text }) => [client, /[A-Z]{7,}/.exec(text ?? '')?.[0]])).toEqual([
    ['c2', 'SPEAKER'],
    ['c2', 'PROMOTED'],
  ]);
});
