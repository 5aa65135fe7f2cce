/** The provider of a soak: enough of OpenAI's wire to be restored, numbered frames both ways, and closes as they are asked for. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { frameText, readFrame, Sequence } from './checker.ts';
import { BUFFERED_MOST } from './client.ts';

interface Talk {
  socket: WebSocket | null;
  sent: number;
  readonly received: Sequence;
}

export class SoakUpstream {
  readonly #server = createServer();
  readonly #talks = new Map<string, Talk>();
  readonly problems: string[] = [];
  /** Where the provider's base URL is to point. */
  url = '';
  dials = 0;

  async listen(): Promise<void> {
    new WebSocketServer({ server: this.#server }).on('connection', (socket, request) => {
      const id = new URL(request.url ?? '', 'http://x').searchParams.get('soak') ?? '';
      this.#open(id, socket);
    });
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    // An http server that listens on a port has an address of this kind.
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  #open(id: string, socket: WebSocket): void {
    this.dials += 1;
    const talk = this.talk(id);
    if (talk.socket?.readyState === WebSocket.OPEN) this.problems.push(`${id}: two upstreams at once`);
    talk.socket = socket;
    // What was under way to the one before is lost with it.
    talk.received.declareLoss();
    const say = (event: object): void => socket.send(JSON.stringify(event));
    say({ type: 'session.created', session: { id: `sess_${id}` } });
    socket.on('error', () => undefined); // a cut is what it is here for
    socket.on('message', (data: Buffer) => {
      const text = data.toString();
      const n = readFrame('up', text);
      if (n !== null) talk.received.take(n);
      else if (text.includes('"session.update"'))
        say({ type: 'session.updated', session: { id: `sess_${id}` } });
    });
  }

  talk(id: string): Talk {
    const known = this.#talks.get(id);
    if (known !== undefined) return known;
    const talk: Talk = { socket: null, sent: 0, received: new Sequence(`${id} up`) };
    this.#talks.set(id, talk);
    return talk;
  }

  /** Sends so many frames, where there is a socket to send them on. */
  say(id: string, frames: number, padding: string): void {
    const talk = this.talk(id);
    if ((talk.socket?.bufferedAmount ?? 0) > BUFFERED_MOST) return;
    for (let n = 0; n < frames && talk.socket?.readyState === WebSocket.OPEN; n += 1)
      talk.socket.send(frameText('down', (talk.sent += 1), padding));
  }

  /** Closes behind the last frame, so that none is lost: with a code, or by the end of the connection. */
  close(id: string, code: number | null): void {
    const talk = this.talk(id);
    const { socket } = talk;
    // Nothing can be said on it any more, whatever its class believes.
    talk.socket = null;
    if (code === null) (socket as unknown as { _socket?: { end(): void } })?._socket?.end(); // ws has no gentler end
    else socket?.close(code, 'soak');
  }

  get received(): readonly Sequence[] {
    return [...this.#talks.values()].map(({ received }) => received);
  }

  get sent(): number {
    return [...this.#talks.values()].reduce((sum, { sent }) => sum + sent, 0);
  }

  stop(): void {
    for (const { socket } of this.#talks.values()) socket?.terminate();
    this.#server.close();
  }
}
