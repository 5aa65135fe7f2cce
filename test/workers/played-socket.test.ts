import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PlayedSocket } from '../../durable-objects/played-socket.ts';
import { LIMITS } from '../../session/limits.ts';

/** A socket whose reader takes what it is told to. */
class FakeSocket {
  binaryType = '';
  bufferedAmount = 0;
  readonly sent: unknown[] = [];
  closedWith: { code: number; reason: string } | null = null;
  readonly #listeners = new Map<string, (event: unknown) => void>();

  addEventListener(type: string, listener: (event: unknown) => void): void {
    this.#listeners.set(type, listener);
  }

  accept(): void {
    // Nothing to do here.
  }

  send(payload: unknown): void {
    this.sent.push(payload);
  }

  close(code: number, reason: string): void {
    this.closedWith = { code, reason };
  }

  emit(type: string, event: unknown): void {
    this.#listeners.get(type)?.(event);
  }
}

function played(heard: (payload: unknown) => void = () => undefined) {
  const fake = new FakeSocket();
  // The part of a WebSocket that is used here.
  return { fake, socket: new PlayedSocket(fake as unknown as WebSocket, heard) };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('P10 a slow reader of a replay', () => {
  it('P10 is waited for, byte by byte, and gets everything', async () => {
    const { fake, socket } = played();
    fake.bufferedAmount = LIMITS.holdFromBytes + 100;
    const sent = socket.play('frame');
    for (let left = 100; left > 0; left -= 1) {
      await vi.advanceTimersByTimeAsync(LIMITS.stalledMs - LIMITS.holdMostMs);
      expect(fake.sent).toEqual([]);
      fake.bufferedAmount -= 1;
    }
    await vi.advanceTimersByTimeAsync(LIMITS.holdMostMs);
    await sent;
    expect(fake.sent).toEqual(['frame']);
    expect(socket.isOver).toBe(false);
  });

  it('P10 is cut with 4413 when it takes nothing for as long as the limit', async () => {
    const { fake, socket } = played();
    fake.bufferedAmount = LIMITS.holdFromBytes + 1;
    const sent = socket.play('frame');
    await vi.advanceTimersByTimeAsync(LIMITS.stalledMs - LIMITS.holdMostMs);
    expect(fake.closedWith).toBeNull();
    await vi.advanceTimersByTimeAsync(LIMITS.holdMostMs * 2);
    await sent;
    expect(fake.closedWith).toMatchObject({ code: 4413 });
    expect(fake.sent).toEqual([]);
  });

  it('P10 holds nothing up at the very limit', async () => {
    const { fake, socket } = played();
    fake.bufferedAmount = LIMITS.holdFromBytes;
    await socket.play('frame');
    expect(fake.sent).toEqual(['frame']);
  });
});

describe('P3 a replay’s socket', () => {
  it('P3 waits to the time, or until it is over, and sends nothing then', async () => {
    const { fake, socket } = played();
    let isDone = false;
    const waited = socket.until(Date.now() + 60_000).then(() => (isDone = true));
    await vi.advanceTimersByTimeAsync(59_999);
    expect(isDone).toBe(false);
    fake.emit('close', { code: 1005, reason: '' });
    await waited;
    await socket.play('late');
    socket.send('later');
    expect([socket.isOver, fake.sent]).toEqual([true, []]);
  });

  it('P3 hands on what comes, and wakes who waits for it', async () => {
    const heard: unknown[] = [];
    const { fake, socket } = played((payload) => heard.push(payload));
    const stirred = socket.stirred(60_000);
    fake.emit('message', { data: 'hi' });
    await stirred;
    expect(heard).toEqual(['hi']);
  });
});
