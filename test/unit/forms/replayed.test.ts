/** Random sessions with every provider's simulator, played again, in a clock that the test moves. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Payload } from '../../../protocol/connect.ts';
import { replayOptions } from '../../../protocol/replay.ts';
import type { ProviderAdapter } from '../../../providers/adapter.ts';
import { asDialled } from '../../../replay/as-dialled.ts';
import { audioTest } from '../../../replay/audio-test.ts';
import { type RecordedFrame, recordedFrames } from '../../../storage/recorded-frames.ts';
import type { SessionStore } from '../../../storage/session-store.ts';
import { ended, expectSame, forSessions, type Frame, recorded, type Recorded } from './recorded.ts';
import { logAccess } from './at-once.ts';
import { load, Reader } from './reader.ts';
import { ServerSent } from './server-sent.ts';
import { WIRES } from './wires.ts';

vi.mock('../../../durable-objects/give-way.ts', () => import('./at-once.ts'));

const SPEEDS = [1, 2.5, 10, 1000];
/** For which a lockstep client lets the recording wait. */
const PAUSE_MS = 5_000;

const { openReplaySocket } = await load<{
  openReplaySocket: (
    frames: AsyncGenerator<RecordedFrame>,
    range: { readonly speed: number; readonly from: null; readonly to: null },
    settings: object,
    release: () => void,
  ) => ReplayedSocket;
}>('durable-objects/replay-socket.ts');

/** The server's end of a socket pair, as far as a replay uses it; what it is given lands in `frames`. */
class ReplayedSocket {
  binaryType = '';
  readonly bufferedAmount = 0;
  readonly frames: { readonly payload: Payload; readonly at: number }[] = [];
  closedWith: { readonly code: number; readonly reason: string } | null = null;
  onFrame: () => void = () => undefined;
  readonly #listeners = new Map<string, (event: object) => void>();

  addEventListener(type: string, listener: (event: object) => void): void {
    this.#listeners.set(type, listener);
  }
  accept(): void {
    // Nothing comes before a listener is there.
  }
  send(payload: Payload): void {
    this.frames.push({ payload, at: Date.now() });
    this.onFrame();
  }
  close(code: number, reason: string): void {
    this.closedWith ??= { code, reason };
  }
  /** The client sends something. */
  hear(data: Payload): void {
    this.#listeners.get('message')?.({ data });
  }
}

class SocketPair {
  readonly 0: ReplayedSocket;
  readonly 1: ReplayedSocket;

  constructor() {
    const socket = new ReplayedSocket();
    this[0] = socket;
    this[1] = socket;
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  vi.stubGlobal('WebSocketPair', SocketPair);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Moves the clock from one thing that is due to the next, until it is done. */
async function played<T>(work: Promise<T>): Promise<T> {
  const progress = { isDone: false };
  const done = work.finally(() => {
    progress.isDone = true;
  });
  // Awaited below, once the clock has done its part.
  done.catch(() => undefined);
  while (!progress.isDone) await vi.advanceTimersToNextTimerAsync();
  return done;
}

function opened(
  store: SessionStore,
  adapter: ProviderAdapter,
  options: Readonly<Record<string, string>>,
): { readonly socket: ReplayedSocket; readonly over: Promise<void> } {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const opening = store.view()?.opening;
  const query = replayOptions(new URLSearchParams(options));
  const settings = { options: query, control: false, adapter, opening, record: new Reader(store).record };
  const range = { speed: query.speed, from: null, to: null };
  return { socket: openReplaySocket(recordedFrames(store, 0, logAccess()), range, settings, resolve), over };
}

const payloadOf = ({ opcode, bytes }: Frame): Payload =>
  opcode === 'text' ? bytes.toString() : new Uint8Array(bytes).buffer;
const comparable = (payload: Payload): readonly [string, string] =>
  typeof payload === 'string' ? ['text', payload] : ['binary', Buffer.from(payload).toString('base64')];

/** Frames in the times in which they are due: from the first that is told. */
function expectTimes(times: readonly number[], frames: readonly Frame[], speed: number): void {
  const zero = times.at(0) ?? 0;
  const from = frames.at(0)?.at ?? 0;
  const late = times.map((at, index) => at - zero - ((frames[index]?.at ?? 0) - from) / speed);
  // Timers are whole ms; each frame's time is counted from the first one, so that none adds to another.
  expect(Math.min(0, ...late)).toBeGreaterThan(-1);
  expect(Math.max(0, ...late)).toBeLessThanOrEqual(1);
}

/** A client that sends what the recorded one sent, each frame a while after it has seen what that one had seen. */
function follow(socket: ReplayedSocket, { frames, wire }: Recorded): { readonly early: number[] } {
  const { path, query } = wire.request;
  const isAudio = audioTest(wire.adapter, asDialled({ path, query }));
  const theirs = frames.filter(({ direction, client }) => direction === 'up' && client !== null);
  const seenBefore = theirs.map(
    ({ seq }) => frames.filter((frame) => frame.direction === 'down' && frame.seq < seq).length,
  );
  const early: number[] = [];
  let next = 0;
  let isPausing = false;
  const goOn = (): void => {
    const [frame, seen] = [theirs[next], seenBefore[next]];
    if (frame === undefined || seen === undefined || isPausing || socket.frames.length < seen) return;
    isPausing = true;
    setTimeout(() => {
      const payload = payloadOf(frame);
      // Of sound that goes on nobody waits for each piece.
      if (!isAudio(payload) && socket.frames.length > seen) early.push(frame.seq);
      next += 1;
      isPausing = false;
      socket.hear(payload);
      goOn();
    }, PAUSE_MS);
  };
  socket.onFrame = goOn;
  goOn();
  return { early };
}

async function expectEvents(session: Recorded, store: SessionStore, speed: number): Promise<void> {
  const reader = new Reader(store);
  const times: number[] = [];
  const told = reader
    .replay({ speed: String(speed) })
    .then((response) => new ServerSent(response, () => times.push(Date.now())).whole());
  const stream = await played(told);
  expectSame(stream.events, await reader.ndjson());
  expect(stream.end).toMatchObject({ status: 'ended', close_code: 4321 });
  expectTimes(times, session.frames, speed);
}

function expectWhole({ frames, closedWith }: ReplayedSocket, down: readonly Frame[]): void {
  expectSame(
    frames.map(({ payload }) => comparable(payload)),
    down.map((frame) => comparable(payloadOf(frame))),
  );
  expect(closedWith).toEqual({ code: 4321, reason: 'as recorded' });
}

describe.each(WIRES)('P3 $name, played again', (wire) => {
  it('P3 as events and as the provider’s socket, each frame in its time at any speed, and in lockstep, where it stands still until its client has done what the recorded one had', () =>
    forSessions(async (given, n) => {
      const session = recorded(wire, given);
      const store = await ended(session);
      const down = session.frames.filter(({ direction }) => direction === 'down');
      const speed = SPEEDS[n % SPEEDS.length] ?? 1;
      await expectEvents(session, store, speed);
      const paced = opened(store, wire.adapter, { speed: String(speed) });
      await played(paced.over);
      expectWhole(paced.socket, down);
      expectTimes(
        paced.socket.frames.map(({ at }) => at),
        down,
        speed,
      );
      const lockstep = opened(store, wire.adapter, {
        mode: 'lockstep',
        strict: 'true',
        wait: '600',
        speed: '1000',
      });
      const { early } = follow(lockstep.socket, session);
      await played(lockstep.over);
      expectWhole(lockstep.socket, down);
      expect(early).toEqual([]);
    }));
});
