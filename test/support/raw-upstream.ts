/**
 * A provider on a bare TCP socket: answers the handshake by a script and puts any bytes on the wire, so that it can do
 * what a WebSocket library would not.
 */
import { createHash } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';

export type Answer =
  | { readonly kind: 'accept' }
  | {
      readonly kind: 'refuse';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  | { readonly kind: 'hang' }
  | { readonly kind: 'drop' };

export interface RawConnection {
  readonly socket: Socket;
  readonly path: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Code and reason of the Close frame that the broker sent; code 1006 when the socket went without one. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
}

export class RawUpstream {
  readonly #server: Server;
  readonly #connections: RawConnection[] = [];
  readonly #waiting: ((connection: RawConnection) => void)[] = [];
  /** How the very next handshakes are answered, one after the other. */
  readonly firstAnswers: Answer[] = [];
  /** How those after them are. */
  answer: Answer = { kind: 'accept' };
  /** Bytes sent in one packet with the 101. */
  greeting: Buffer = Buffer.alloc(0);

  private constructor(server: Server) {
    this.#server = server;
  }

  static async listen(): Promise<RawUpstream> {
    const server = createServer();
    const upstream = new RawUpstream(server);
    server.on('connection', (socket) => upstream.#serve(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return upstream;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('not listening');
    return `http://127.0.0.1:${address.port}/v1`;
  }

  /** The next accepted connection. */
  next(): Promise<RawConnection> {
    const connection = this.#connections.shift();
    return connection === undefined
      ? new Promise((resolve) => this.#waiting.push(resolve))
      : Promise.resolve(connection);
  }

  close(): void {
    this.#server.close();
  }

  #serve(socket: Socket): void {
    socket.on('error', () => undefined); // a reset is one of the things that are tested
    let head = Buffer.alloc(0);
    const read = (chunk: Buffer): void => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end === -1) return;
      socket.off('data', read);
      this.#handshake(socket, head.subarray(0, end).toString('latin1'));
    };
    socket.on('data', read);
  }

  #handshake(socket: Socket, head: string): void {
    const [request = '', ...lines] = head.split('\r\n');
    const headers = Object.fromEntries(
      lines.map((line) => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 1).trim(),
      ]),
    );
    const answer = this.firstAnswers.shift() ?? this.answer;
    if (answer.kind === 'hang') return;
    if (answer.kind === 'drop') {
      socket.resetAndDestroy();
      return;
    }
    if (answer.kind === 'refuse') {
      const body = answer.body ?? '';
      const extra = Object.entries(answer.headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.end(
        `HTTP/1.1 ${answer.status} Refused\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n${extra.join('')}\r\n${body}`,
      );
      return;
    }
    const accept = createHash('sha1')
      .update(`${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');
    const answerHead = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
    const connection = { socket, headers, path: request.split(' ')[1] ?? '', closed: closeFrame(socket) };
    socket.write(Buffer.concat([Buffer.from(answerHead, 'latin1'), this.greeting]));
    const waiter = this.#waiting.shift();
    if (waiter === undefined) this.#connections.push(connection);
    else waiter(connection);
  }
}

/** One server frame: not masked, not fragmented. */
export function frame(opcode: number, payload: Buffer | string, firstByte = 0x80): Buffer {
  const data = Buffer.from(payload);
  const head =
    data.length < 126
      ? Buffer.from([firstByte | opcode, data.length])
      : Buffer.from([firstByte | opcode, 126, data.length >> 8, data.length & 0xff]);
  return Buffer.concat([head, data]);
}

export function closing(code: number | null, reason: Buffer | string = ''): Buffer {
  if (code === null) return frame(8, '');
  return frame(8, Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]));
}

/** Reads masked frames until a Close comes. Control frames and short frames are all that these tests make it read. */
function closeFrame(socket: Socket): Promise<{ code: number; reason: string }> {
  return new Promise((resolve) => {
    let data = Buffer.alloc(0);
    socket.on('close', () => resolve({ code: 1006, reason: '' }));
    socket.on('data', (chunk) => {
      data = Buffer.concat([data, chunk]);
      for (;;) {
        const [first = 0, second = 0] = data;
        const short = second & 0x7f;
        const head = short === 126 ? 8 : short === 127 ? 14 : 6;
        if (data.length < head) return;
        const length =
          short === 126 ? data.readUInt16BE(2) : short === 127 ? Number(data.readBigUInt64BE(2)) : short;
        if (data.length < head + length) return;
        const mask = data.subarray(head - 4, head);
        const payload = Buffer.from(data.subarray(head, head + length)).map(
          (byte, index) => byte ^ (mask[index % 4] ?? 0),
        );
        data = data.subarray(head + length);
        if ((first & 0x0f) !== 8) continue;
        resolve(
          payload.length < 2
            ? { code: 1005, reason: '' }
            : {
                code: Buffer.from(payload).readUInt16BE(0),
                reason: Buffer.from(payload.subarray(2)).toString(),
              },
        );
        return;
      }
    });
  });
}
