/** A client of a soak: counts what it receives, comes back after every loss, and numbers what it sends. */
import { WebSocket } from 'ws';
import type { ParleyProcess } from '../../test/support/parley-process.ts';
import { frameText, readFrame, Sequence } from './checker.ts';

const RETRY_MS = 50;
/** What waits in this process is no load on the server. */
export const BUFFERED_MOST = 65_536;

export class SoakClient {
  readonly id: string;
  readonly received: Sequence;
  readonly #parley: () => ParleyProcess;
  readonly #lost: () => void;
  #socket: WebSocket | null = null;
  #count = 0;
  #epoch = 0;
  #sent = 0;
  #over = false;
  comebacks = 0;
  /** Refusals to go on, each of which declares a gap. */
  refusals = 0;
  /** Of these, those whose session was over: killed before anything of it was on disk. */
  ended = 0;
  #session: string;

  /** @param lost what it had sent just before may not have arrived */
  constructor(id: string, parley: () => ParleyProcess, lost: () => void) {
    this.id = id;
    this.#session = id;
    this.#parley = parley;
    this.#lost = lost;
    this.received = new Sequence(`${id} down`);
  }

  /** Resolves when it is in. */
  connect(): Promise<void> {
    const { ws, token } = this.#parley();
    const url = new URL(
      `${ws}/v1/soak/gw/openai?model=gpt-realtime&soak=${this.id}&parley-session=${this.#session}`,
    );
    url.searchParams.set('parley-client', 'one');
    if (this.#epoch > 0) {
      url.searchParams.set('parley-after', String(this.#count));
      url.searchParams.set('parley-epoch', String(this.#epoch));
    }
    const socket = new WebSocket(url, {
      headers: { 'cf-aig-authorization': token },
      perMessageDeflate: false,
    });
    this.#socket = socket;
    return new Promise((resolve) => {
      socket.on('upgrade', ({ headers }) => {
        this.#count = Number(headers['parley-received']);
        this.#epoch = Number(headers['parley-epoch']);
      });
      socket.on('open', () => {
        this.#lost();
        resolve();
      });
      socket.on('message', (data: Buffer) => this.#message(data.toString()));
      socket.on('unexpected-response', (_request, response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('end', () => {
          if (response.statusCode === 409) this.#refused(body);
          socket.terminate();
        });
      });
      socket.on('error', () => undefined); // a close follows
      socket.on('close', () => {
        if (this.#over || socket !== this.#socket) return;
        this.comebacks += 1;
        setTimeout(() => void this.connect().then(resolve), RETRY_MS);
      });
    });
  }

  /** Its session cannot go on, or not from where it was: either is a declared gap. */
  #refused(body: string): void {
    this.refusals += 1;
    this.received.declareLoss();
    this.#epoch = 0;
    if (!body.includes('session_ended')) return;
    this.ended += 1;
    this.#session = `${this.id}-${this.ended}`;
  }

  #message(text: string): void {
    this.#count += 1;
    const n = readFrame('down', text);
    if (n !== null) this.received.take(n);
  }

  send(frames: number, padding: string): void {
    if ((this.#socket?.bufferedAmount ?? 0) > BUFFERED_MOST) return;
    for (let n = 0; n < frames && this.#socket?.readyState === WebSocket.OPEN; n += 1)
      this.#socket.send(frameText('up', (this.#sent += 1), padding));
  }

  /** Its session's name of now. */
  get session(): string {
    return this.#session;
  }

  get sent(): number {
    return this.#sent;
  }

  /** The server is about to go without a word: what it relayed last may not be in its log. */
  serverKilled(): void {
    this.received.declareKill();
  }

  /** The network is gone. */
  cut(): void {
    this.#socket?.terminate();
  }

  /** Reads nothing for a while. */
  pause(ms: number): void {
    const socket = this.#socket;
    socket?.pause();
    setTimeout(() => socket?.resume(), ms);
  }

  finish(): void {
    this.#over = true;
    this.#socket?.close(1000);
  }
}
