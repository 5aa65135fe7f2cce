/** The provider's side: one dial, and the one socket that comes of it. */
import { CLOSE, type CloseFrame } from '../protocol/close-codes.ts';
import type { Payload } from '../protocol/connect.ts';
import type { UpstreamRequest } from '../providers/adapter.ts';
import { unsentBytes } from './unsent-bytes.ts';

export interface Refused {
  readonly kind: 'refused';
  readonly status: number;
  /** Those that may be passed on. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export type Dialled =
  | { readonly kind: 'open'; readonly socket: UpstreamSocket; readonly subprotocol: string | null }
  | Refused
  | { readonly kind: 'unreachable'; readonly detail: string }
  | { readonly kind: 'timeout' };

/** Headers of a refusal that help the client and tell nothing of us. */
const PASSED_HEADERS = ['content-type', 'retry-after', 'x-request-id', 'request-id'];

export interface UpstreamEvents {
  frame(payload: Payload): void;
  closed(code: number, reason: string): void;
  /** The platform gave up on the socket: no close event follows. */
  failed(detail: string): void;
}

type Fetch = (request: Request) => Promise<Response>;

export interface DialTerms {
  readonly timeoutMs: number;
  readonly maxBodyBytes: number;
  /** Of a refusal, beside those that help with any provider. */
  readonly refusalHeaders: readonly string[];
  /**
   * Whether the platform gives up a dial that takes too long. A socket that comes of a `fetch` with a signal is wrapped for
   * as long as it lives, and each of its frames takes longer: a round trip 6 µs, of 75 to 110 (measured 2026-11-25, workerd
   * 1.20261117.1). Without, a socket that comes too late is closed when it comes.
   */
  readonly cancels: boolean;
}

/** Dials by `fetch`: only so can headers be sent (measured 2026-10-23: ws(s) URLs throw there, so they are http(s)). */
export async function dial(target: UpstreamRequest, fetcher: Fetch, terms: DialTerms): Promise<Dialled> {
  const abort = terms.cancels ? new AbortController() : null;
  const late = Promise.withResolvers<{ readonly kind: 'timeout' }>();
  const timer = setTimeout(() => {
    late.resolve({ kind: 'timeout' });
    abort?.abort();
  }, terms.timeoutMs);
  const answered = ask(target, fetcher, terms, abort?.signal);
  // The race holds even where the platform is slow to act on the signal.
  const dialled = await Promise.race([answered, late.promise]);
  clearTimeout(timer);
  if (dialled.kind === 'timeout')
    void answered.then((answer) => {
      if (answer.kind === 'open') answer.socket.close({ code: CLOSE.normal, reason: '' });
    });
  return dialled;
}

/** Never rejects. */
async function ask(
  target: UpstreamRequest,
  fetcher: Fetch,
  { maxBodyBytes, refusalHeaders }: DialTerms,
  signal: AbortSignal | undefined,
): Promise<Dialled> {
  try {
    const headers = new Headers({ ...target.headers, Upgrade: 'websocket' });
    if (target.subprotocols.length > 0) headers.set('Sec-WebSocket-Protocol', target.subprotocols.join(', '));
    // A redirect would carry the credentials to wherever it points.
    const init: RequestInit = { headers, redirect: 'manual', ...(signal !== undefined && { signal }) };
    const response = await fetcher(new Request(target.url, init));
    const socket = response.webSocket;
    if (socket !== null) {
      return {
        kind: 'open',
        socket: new UpstreamSocket(socket),
        subprotocol: response.headers.get('sec-websocket-protocol'),
      };
    }
    return {
      kind: 'refused',
      status: response.status,
      headers: passedHeaders(response.headers, refusalHeaders),
      body: await readUpTo(response.body, maxBodyBytes),
    };
  } catch (error) {
    return { kind: 'unreachable', detail: String(error) };
  }
}

/** Those headers of a provider's answer that may be passed on, and `more` of its own. */
export function passedHeaders(headers: Headers, more: readonly string[] = []): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const name of [...PASSED_HEADERS, ...more]) {
    const value = headers.get(name);
    if (value !== null) passed[name] = value;
  }
  return passed;
}

/** The first `max` bytes of a body; the rest is let go. */
export async function readUpTo(body: ReadableStream<Uint8Array> | null, max: number): Promise<Uint8Array> {
  const kept = new Uint8Array(max);
  let used = 0;
  if (body === null) return kept.subarray(0, 0);
  const reader = body.getReader();
  while (used < max) {
    const { done, value } = await reader.read();
    if (done) break;
    const part = value.subarray(0, max - used);
    kept.set(part, used);
    used += part.length;
  }
  await reader.cancel().catch(() => undefined); // The provider may have hung up already; what we wanted we have.
  return kept.slice(0, used);
}

export class UpstreamSocket {
  readonly #socket: WebSocket;
  #over = false;
  #started = false;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    // From compatibility date 2026-03-17 on, binary frames are Blobs by default: asynchronous, so they would overtake.
    socket.binaryType = 'arraybuffer';
  }

  /** Begins to deliver frames. Listeners and accept() in one turn: frames that came with the 101 are not lost. */
  start(events: UpstreamEvents): void {
    if (this.#started) return;
    this.#started = true;
    this.#socket.addEventListener('message', (event) => {
      // Pinned to arraybuffer above, so a frame is a string or an ArrayBuffer and never a Blob.
      if (!this.#over) events.frame(event.data as Payload);
    });
    this.#socket.addEventListener('close', (event) => {
      if (this.#finish()) events.closed(event.code, event.reason);
      this.#answer(event.code, event.reason);
    });
    this.#socket.addEventListener('error', (event) => {
      // After a proper close workerd also fires `error` (measured 2026-10-23); `#finish` makes it count once.
      if (this.#finish()) events.failed(event.message);
    });
    this.#socket.accept();
  }

  /** False when the socket is not open any more: nothing was sent. */
  send(payload: Payload): boolean {
    if (this.#over) return false;
    try {
      this.#socket.send(payload);
      return true;
    } catch {
      // Its connection failed a moment ago: the event that says so is on its way.
      return false;
    }
  }

  /** Unsent bytes; 0 where the runtime does not tell. */
  get unsent(): number {
    return unsentBytes(this.#socket) ?? 0;
  }

  /** Idempotent; after it no event is delivered. */
  close(frame: CloseFrame): void {
    if (!this.#started) this.#socket.accept();
    this.#started = true;
    if (!this.#finish()) return;
    try {
      this.#socket.close(frame.code, frame.reason);
    } catch {
      // The provider closed in the same moment.
    }
  }

  #finish(): boolean {
    if (this.#over) return false;
    this.#over = true;
    return true;
  }

  #answer(code: number, reason: string): void {
    try {
      this.#socket.close(code, reason);
    } catch {
      // A reserved code, or the runtime answered already: either way the handshake is over.
    }
  }
}
