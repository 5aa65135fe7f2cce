import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ParleyWebSocket } from '../../../client/parley-websocket.ts';

/** A connection that a test plays the other end of. */
class FakeSocket extends EventTarget {
  static readonly all: FakeSocket[] = [];
  readonly url: string;
  readonly protocols: readonly string[];
  readonly sent: unknown[] = [];
  readyState = 0;
  protocol = '';
  binaryType = 'blob';
  bufferedAmount = 0;

  constructor(url: URL, protocols: readonly string[]) {
    super();
    this.url = url.toString();
    this.protocols = protocols;
    FakeSocket.all.push(this);
  }
  open(received = 0, protocol = ''): void {
    this.readyState = 1;
    this.protocol = protocol;
    this.dispatchEvent(new Event('open'));
    this.say({ type: 'parley.session.joined', session: 's', received, epoch: 1 });
  }
  say(message: object): void {
    this.dispatchEvent(new MessageEvent('message', { data: JSON.stringify(message) }));
  }
  send(data: unknown): void {
    this.sent.push(data);
  }
  close(): void {
    // One that hangs answers nothing.
    this.readyState = 2;
  }
  lose(code = 1006, reason = ''): void {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event('close'), { code, reason }));
  }
}

const URL_TEXT = 'ws://parley.test/v1/a/g/openai?model=m';

async function opened(url: ConstructorParameters<typeof ParleyWebSocket>[0] = URL_TEXT, graceMs = 60_000) {
  const socket = new ParleyWebSocket(url, ['realtime'], {
    // All of it that is used.
    WebSocket: FakeSocket as unknown as typeof WebSocket,
    graceMs,
  });
  const messages: unknown[] = [];
  const closes: { code: number; reason: string }[] = [];
  socket.addEventListener('message', (event) => messages.push((event as MessageEvent).data));
  socket.addEventListener('close', (event) => closes.push(event as CloseEvent));
  await vi.advanceTimersByTimeAsync(0);
  return { socket, messages, closes, connection: () => last() };
}

function last(): FakeSocket {
  const socket = FakeSocket.all.at(-1);
  if (socket === undefined) throw new Error('nothing was dialled');
  return socket;
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0);
  FakeSocket.all.length = 0;
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('P5 the WebSocket that comes back', () => {
  it('P2 looks like the standard one: handlers, the target of events, one that throws harms no other', async () => {
    const { socket, messages, connection } = await opened();
    const targets: unknown[] = [];
    const note = ({ target }: Event) => targets.push(target);
    Object.assign(socket, { onopen: note, onmessage: note });
    connection().open(0, 'realtime');
    connection().say({ type: 'x' });
    expect([targets, messages, socket.protocol]).toEqual([[socket, socket], ['{"type":"x"}'], 'realtime']);
    Object.assign(socket, { onmessage: null });
    connection().say({ type: 'y' });
    expect([targets.length, messages.length]).toEqual([2, 2]);
  });

  it('P2 tells no subprotocol that its application did not offer', async () => {
    const { socket, connection } = await opened();
    connection().open(0, 'parley.v1');
    expect(socket.protocol).toBe('');
  });

  it('P5 takes the names of session and client from the URL, also from one that is asked for each time', async () => {
    const named = `${URL_TEXT}&parley-session=mine&parley-client=me`;
    for (const url of [named, () => named, () => Promise.resolve(named)]) {
      const { connection } = await opened(url);
      connection().open(4);
      connection().lose();
      await vi.advanceTimersByTimeAsync(0);
      const { searchParams } = new URL(connection().url);
      expect(Object.fromEntries(searchParams)).toMatchObject({
        'parley-session': 'mine',
        'parley-client': 'me',
        'parley-after': '4',
      });
    }
  });

  it('P1 what is sent without a connection goes as it was then, before what is sent on hearing of the new one', async () => {
    const { socket, connection } = await opened();
    connection().open();
    connection().lose();
    const bytes = new Uint8Array([1]);
    socket.send(bytes);
    bytes[0] = 9;
    socket.send('two');
    await vi.advanceTimersByTimeAsync(0);
    socket.addEventListener('parley', () => socket.send('three'), { once: true });
    connection().open();
    expect(connection().sent).toEqual([new Uint8Array([1]), 'two', 'three']);
  });

  it('P5 an attempt that is never answered is given up, and its time is the grace time', async () => {
    const { connection, closes } = await opened(URL_TEXT, 25_000);
    connection().open();
    connection().lose();
    await vi.advanceTimersByTimeAsync(0);
    const hanging = connection();
    await vi.advanceTimersByTimeAsync(9_999);
    expect(connection()).toBe(hanging);
    await vi.advanceTimersByTimeAsync(2);
    expect(connection()).not.toBe(hanging);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(closes.map(({ code }) => code)).toEqual([1006]);
    // A late answer of one that was given up is nobody's.
    hanging.lose(1000);
    expect(closes).toHaveLength(1);
  });

  it('P5 a network that goes silent without a word is noticed, and one that answers is left alone', async () => {
    const { connection } = await opened();
    connection().open();
    const first = connection();
    await vi.advanceTimersByTimeAsync(25_000);
    expect(first.sent).toEqual(['{"type":"parley.ping"}']);
    first.say({ type: 'parley.pong' });
    await vi.advanceTimersByTimeAsync(24_000);
    expect(connection()).toBe(first);
    await vi.advanceTimersByTimeAsync(11_000);
    expect(connection()).not.toBe(first);
  });

  it('P5 while the server cannot serve it is asked again; a session that is over ends with why it was lost', async () => {
    const { connection, closes } = await opened();
    connection().open();
    connection().lose(1012, 'restarting');
    await vi.advanceTimersByTimeAsync(0);
    connection().lose(4507, 'storage_unavailable: …');
    await vi.advanceTimersByTimeAsync(0);
    connection().lose(4409, 'session_ended: …');
    await vi.advanceTimersByTimeAsync(0);
    expect(closes).toMatchObject([{ code: 1012, reason: 'restarting' }]);
  });
});
