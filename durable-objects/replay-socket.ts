/** A replay as a WebSocket: to the client it is the provider, as recorded. What the client sends goes nowhere. */
import { CLOSE, type CloseFrame, isSendableCode, sendableClose } from '../protocol/close-codes.ts';
import type { Payload } from '../protocol/connect.ts';
import { isControlFrame } from '../protocol/control.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { Ending, Opening } from '../protocol/recording.ts';
import type { ReplayQuery, ReplayUnexpected } from '../protocol/replay.ts';
import type { ProviderAdapter } from '../providers/adapter.ts';
import { asDialled } from '../replay/as-dialled.ts';
import { audioTest } from '../replay/audio-test.ts';
import { frameName } from '../replay/frame-name.ts';
import { Partner } from '../replay/partner.ts';
import { play, type Range, type Stage } from '../replay/play.ts';
import { closeFor } from '../session/causes.ts';
import { LIMITS } from '../session/limits.ts';
import { logLine } from './log-line.ts';
import { PlayedSocket } from './played-socket.ts';
import type { RecordedFrame } from '../storage/recorded-frames.ts';
import { whenErased } from './erasure-watch.ts';
import type { Reading } from './reading.ts';

const MS_PER_SECOND = 1000;

interface ReplaySettings {
  readonly options: ReplayQuery;
  /** Tells a client that asked for the control channel what it sent out of turn. */
  readonly control: boolean;
  readonly adapter: ProviderAdapter | undefined;
  readonly record: Pick<Reading, 'store' | 'changes'>;
  readonly opening: Opening;
}

/** The client's end of the socket; `release` is called once when the replay is over. */
export function openReplaySocket(
  events: AsyncIterable<RecordedFrame>,
  range: Range,
  settings: ReplaySettings,
  release: () => void,
): WebSocket {
  const pair = new WebSocketPair();
  const stage = new SocketStage(pair[1], settings);
  void run(events, range, settings, stage).finally(release);
  void whenErased(
    settings.record,
    () => stage.isOver,
    () => stage.close(closeFor('deleted')),
  );
  return pair[0];
}

async function run(
  events: AsyncIterable<RecordedFrame>,
  range: Range,
  settings: ReplaySettings,
  stage: SocketStage,
): Promise<void> {
  const { store } = settings.record;
  try {
    const pace = await play(events, range, stage);
    if (pace === null) return;
    const ending = store.view()?.ending ?? null;
    if (ending?.closedBy === 'upstream' && range.to === null)
      await stage.until(pace.due(ending.at, stage.now()));
    stage.close(ending === null || range.to !== null ? SO_FAR : lastWord(ending));
  } catch (error) {
    // The log went away under it, unless that is our own mistake.
    if (!store.exists()) return stage.close(closeFor('deleted'));
    logLine('error', 'replay_failed', { session: settings.opening.address.id, detail: String(error) });
    stage.close(closeFor('internal', { request: settings.opening.address.id }));
  }
}

const SO_FAR: CloseFrame = { code: CLOSE.normal, reason: 'the replay is over; the session went on' };

/** As it was recorded; a client that just closed, or said a code that no server may send, ended it well. */
function lastWord({ closedBy, code, closeReason }: Ending): CloseFrame {
  if (closedBy === 'client' && !isSendableCode(code)) return { code: CLOSE.normal, reason: closeReason };
  return sendableClose(code, closeReason, 'upstream');
}

class SocketStage implements Stage<RecordedFrame> {
  readonly #socket: PlayedSocket;
  readonly #settings: ReplaySettings;
  readonly #isAudio: (payload: Payload) => boolean;
  readonly #partner = new Partner(LIMITS.replayAhead);

  constructor(socket: WebSocket, settings: ReplaySettings) {
    this.#settings = settings;
    const { path = '', model } = settings.opening;
    const query = model === null ? [] : [['model', model] as const];
    this.#isAudio = audioTest(settings.adapter, asDialled({ path, query }));
    this.#socket = new PlayedSocket(socket, (payload) => this.#heard(payload));
  }

  get isOver(): boolean {
    return this.#socket.isOver;
  }

  now(): number {
    return Date.now();
  }

  until(at: number): Promise<void> {
    return this.#socket.until(at);
  }

  partOf({ direction, client, payload }: RecordedFrame): 'play' | 'meet' | 'skip' {
    if (payload === null) return 'skip';
    if (direction === 'down') return 'play';
    const { mode, client: wanted } = this.#settings.options;
    // Without a client it is a frame of Parley's own.
    const isTheirs = client !== 0 && (wanted === undefined || wanted === `c${client}`);
    if (mode === 'paced' || !isTheirs) return 'skip';
    return this.#partner.awaits(this.#name(payload)) ? 'meet' : 'skip';
  }

  async play({ payload }: RecordedFrame): Promise<void> {
    if (payload !== null) await this.#socket.play(payload);
  }

  async meet({ seq, payload }: RecordedFrame): Promise<void> {
    if (payload === null) return;
    const name = this.#name(payload);
    const { wait, strict } = this.#settings.options;
    const deadline = Date.now() + wait * MS_PER_SECOND;
    for (;;) {
      const { isMet, unexpected } = this.#partner.meet(name);
      const [got] = unexpected;
      if (got !== undefined && strict)
        this.#fail('replay_unexpected', { awaited: name, seq: String(seq), got });
      for (const each of unexpected)
        this.#tell({ type: 'parley.replay.unexpected', seq, awaited: name, got: each });
      if (isMet || this.isOver) return;
      const left = deadline - Date.now();
      if (left <= 0) this.#fail('replay_waited', { awaited: name, seq: String(seq), seconds: String(wait) });
      else await this.#socket.stirred(left);
    }
  }

  close(frame: CloseFrame): void {
    this.#socket.close(frame);
  }

  #name(payload: Payload): string {
    return frameName(payload, this.#isAudio);
  }

  #heard(payload: Payload): void {
    const { mode } = this.#settings.options;
    if (mode === 'paced' || (typeof payload === 'string' && isControlFrame(payload))) return;
    this.#partner.sent(this.#name(payload));
  }

  #tell(message: ReplayUnexpected): void {
    if (this.#settings.control) this.#socket.send(JSON.stringify(message));
  }

  #fail(code: ErrorCode, values: Readonly<Record<string, string>>): void {
    this.close(closeFor(code, values));
  }
}
