/** A client on the `ws` library, as most servers-side users have. */
import WebSocket from 'ws';
import type { ParleyProcess } from './parley-process.ts';

type Broker = Pick<ParleyProcess, 'ws' | 'token'>;

export interface Client {
  readonly socket: WebSocket;
  /** The session's id, from the 101. */
  readonly id: string;
  /** Of the 101; lower-case names. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
}

export interface Refused {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface ConnectOptions {
  readonly gateway?: string;
  readonly provider?: string;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly protocols?: readonly string[];
  /** Called before anything can arrive. */
  readonly ready?: (socket: WebSocket) => void;
}

export async function connect(parley: Broker, options: ConnectOptions = {}): Promise<Client | Refused> {
  const {
    gateway = 'acct/gw',
    provider = 'openai',
    query = 'model=gpt-realtime',
    headers = {},
    protocols = [],
  } = options;
  const socket = new WebSocket(`${parley.ws}/v1/${gateway}/${provider}?${query}`, [...protocols], {
    headers: { 'cf-aig-authorization': `Bearer ${parley.token}`, ...headers },
    perMessageDeflate: false,
    maxPayload: 64 << 20,
  });
  options.ready?.(socket);
  let id = '';
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  let answered: Client['headers'] = {};
  socket.on('upgrade', (response) => {
    answered = response.headers;
    id = String(response.headers['parley-session-id']);
  });
  return new Promise((resolve, reject) => {
    socket.on('open', () => resolve({ socket, id, headers: answered, closed }));
    socket.on('error', reject);
    socket.on('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
  });
}

export async function connected(parley: Broker, options: ConnectOptions = {}): Promise<Client> {
  const client = await connect(parley, options);
  if ('status' in client) throw new Error(`refused: ${client.status} ${client.body}`);
  return client;
}

export async function refused(parley: Broker, options: ConnectOptions = {}): Promise<Refused> {
  const client = await connect(parley, options);
  if (!('status' in client)) throw new Error('it was not refused');
  return client;
}
