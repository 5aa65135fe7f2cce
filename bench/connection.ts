/** One session of the load: a WebSocket to a peer that numbers what it sends and checks every echo. */
import WebSocket from 'ws';
import type { Frames } from './frames.ts';

const OPEN_MS = 15_000;

export interface Target {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export class Connection {
  sent = 0;
  received = 0;
  /** Frames that are no echo of what was sent, or not in their turn. */
  wrong = 0;
  /** Called with the number of each frame that came back. */
  onEcho: (sequence: number) => void = () => undefined;
  #socket: WebSocket;
  #frames: Frames;

  private constructor(socket: WebSocket, frames: Frames) {
    this.#socket = socket;
    this.#frames = frames;
    socket.on('message', (data, isBinary) => this.#take(data, isBinary));
  }

  /** Resolves once the peer has accepted the handshake. */
  static open({ url, headers }: Target, frames: Frames): Promise<Connection> {
    const socket = new WebSocket(url, {
      headers,
      perMessageDeflate: false,
      // Each echo is compared with what was sent, so a second check would only slow the generator down.
      skipUTF8Validation: true,
      handshakeTimeout: OPEN_MS,
      maxPayload: 64 << 20,
    });
    const connection = new Connection(socket, frames);
    return new Promise((resolve, reject) => {
      socket.once('open', () => resolve(connection));
      // Later ones are told by the frames that are missing then.
      socket.on('error', (error) => reject(error));
    });
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  get outstanding(): number {
    return this.sent - this.received;
  }

  /** Sends the next frame and returns its number. */
  send(): number {
    const sequence = this.sent++;
    if (this.isOpen) this.#socket.send(this.#frames.numbered(sequence), { binary: false });
    return sequence;
  }

  /** Asks for a proper close; `drop` ends what does not get there, since peers differ in when they hang up. */
  close(): void {
    this.#socket.close(1000);
  }

  drop(): void {
    this.#socket.terminate();
  }

  #take(data: WebSocket.RawData, isBinary: boolean): void {
    // Buffers are what ws delivers unless its binaryType is changed.
    const sequence = isBinary ? -1 : this.#frames.sequenceOf(data as Buffer);
    if (sequence < 0 || sequence >= this.sent) {
      this.wrong++;
      return;
    }
    if (sequence !== this.received) this.wrong++;
    this.received++;
    this.onEcho(sequence);
  }
}
