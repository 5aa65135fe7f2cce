/** Calls the Worker as a client would, inside workerd. */
import { exports } from 'cloudflare:workers';

export const ADMIN = 'test-admin-token-0123456789abcdef';
const ORIGIN = 'https://parley.example';

export function call(path: string, init: RequestInit = {}): Promise<Response> {
  return exports.default.fetch(new Request(ORIGIN + path, init));
}

export function asAdmin(path: string, init: RequestInit = {}): Promise<Response> {
  return call(path, { ...init, headers: { authorization: `Bearer ${ADMIN}`, ...init.headers } });
}

export interface Envelope<T> {
  readonly success: boolean;
  readonly errors: readonly { readonly code: number; readonly name: string; readonly message: string }[];
  readonly result: T;
}

export async function resultOf<T>(response: Promise<Response>): Promise<T> {
  const envelope: Envelope<T> = await (await response).json();
  return envelope.result;
}

export async function errorOf(response: Response): Promise<string> {
  const envelope: Envelope<null> = await response.json();
  return envelope.errors[0]?.name ?? '';
}

export interface Client {
  readonly response: Response;
  readonly socket: WebSocket;
  next(): Promise<string>;
  closed: Promise<{ readonly code: number; readonly reason: string }>;
}

/** Opens a WebSocket; throws when it is refused. */
export async function open(path: string, headers: Record<string, string> = {}): Promise<Client> {
  const response = await call(path, {
    headers: { upgrade: 'websocket', 'cf-aig-authorization': `Bearer ${ADMIN}`, ...headers },
  });
  const socket = response.webSocket;
  if (socket === null) throw new Error(`refused: ${response.status} ${await response.text()}`);
  return { response, ...listen(socket) };
}

export function listen(socket: WebSocket): Omit<Client, 'response'> {
  const frames: string[] = [];
  const waiting: ((frame: string) => void)[] = [];
  socket.addEventListener('message', ({ data }) => {
    const waiter = waiting.shift();
    if (waiter === undefined) frames.push(String(data));
    else waiter(String(data));
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.addEventListener('close', ({ code, reason }) => resolve({ code, reason }));
  });
  socket.accept();
  const next = (): Promise<string> => {
    const frame = frames.shift();
    return frame === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(frame);
  };
  return { socket, next, closed };
}
