/** Simulated AssemblyAI Universal-Streaming v3: growing turns, chunks of 50 to 1000 ms, a bill by session time. */
import type { JsonObject } from '../protocol/json.ts';
import { AgendaSession, unknownFault } from './agenda-session.ts';
import { scriptedLine, wordsWithin } from './deepgram-listen.ts';
import { type Dials, readDials } from './faults.ts';
import { Ear, type RawFormat, rawMs } from './raw-audio.ts';
import { hashText } from './seeded.ts';
import type { Handshake, Simulator } from './simulator.ts';
import type { VoiceTurn } from './voice-activity.ts';

const SESSION_MS = 3 * 60 * 60_000;
const BEGIN_MS = 20;
const SHORTEST_CHUNK_MS = 50;
const LONGEST_CHUNK_MS = 1000;
const DEFAULT_RATE = 16_000;
/** `max_turn_silence` without a word of the client. */
const END_OF_TURN_MS = 500;
const TURN_EVERY_MS = 250;

const REFUSALS = [
  ['connect_401', 401, 'Unauthorized'],
  ['connect_403', 403, 'Forbidden'],
  ['connect_429', 429, 'Too many requests'],
  ['connect_503', 503, 'Service unavailable'],
] as const;

export const assemblyaiSimulator: Simulator = (request, now) => {
  const { searchParams: query } = new URL(request.url);
  const reading = readDials(query);
  if (!reading.ok) return refuse(400, reading.message);
  const { dials } = reading;
  if (dials.faults.connect_hang) return { kind: 'hang' };
  const unknown = unknownFault(dials);
  if (unknown !== null) return refuse(400, `No fault '${unknown}' here.`);
  const refused = REFUSALS.find(([name]) => dials.faults[name]);
  if (refused !== undefined) return refuse(refused[1], refused[2]);
  const key = request.headers['authorization'] ?? query.get('token') ?? '';
  const seed = query.get('seed') ?? hashText(`${request.url} ${now}`).toString(36);
  return { kind: 'accept', subprotocol: null, session: new AssemblySession(seed, dials, query, key) };
};

function refuse(status: number, error: string): Handshake {
  const headers = { 'content-type': 'application/json', ...(status === 429 ? { 'retry-after': '2' } : {}) };
  return { kind: 'refuse', status, headers, body: JSON.stringify({ error }) };
}

function formatOf(query: URLSearchParams): RawFormat | null {
  const rate = Number(query.get('sample_rate') ?? DEFAULT_RATE);
  switch (query.get('encoding') ?? 'pcm_s16le') {
    case 'pcm_s16le':
      return { encoding: 'linear16', rate, channels: 1 };
    case 'pcm_mulaw':
      return { encoding: 'mulaw', rate, channels: 1 };
    default:
      return null;
  }
}

class AssemblySession extends AgendaSession {
  readonly #query: URLSearchParams;
  readonly #key: string;
  readonly #format: RawFormat | null;
  readonly #ear: Ear;
  #openedAt = 0;
  #order = 0;
  #line: string | null = null;
  #fromMs = 0;
  #turnAtMs = 0;

  constructor(seed: string, dials: Dials, query: URLSearchParams, key: string) {
    super(seed, dials);
    this.#query = query;
    this.#key = key;
    this.#format = formatOf(query);
    this.#ear = new Ear(this.#format, Number(query.get('max_turn_silence')) || END_OF_TURN_MS);
  }

  protected opened(): void {
    this.#openedAt = this.now;
    // A bad key is told in-band, after the upgrade.
    if (this.#key.includes('bad') || /^bearer /i.test(this.#key)) {
      this.#fail(1008, 'Unauthorized connection: invalid API key');
      return;
    }
    const rate = this.#format?.rate ?? DEFAULT_RATE;
    if (!Number.isInteger(rate) || rate < 8_000) {
      this.#fail(3006, 'Invalid sample_rate');
      return;
    }
    this.agenda.add(this.now + BEGIN_MS, () =>
      this.send({
        type: 'Begin',
        id: this.uuid(),
        expires_at: Math.floor((this.#openedAt + SESSION_MS) / 1000),
      }),
    );
    this.agenda.add(this.now + SESSION_MS, () => this.expired());
  }

  protected heardAudio(bytes: Uint8Array): void {
    const ms = this.#format === null ? null : rawMs(bytes.length, this.#format);
    if (ms !== null && (ms < SHORTEST_CHUNK_MS || ms > LONGEST_CHUNK_MS)) {
      const told = `Input duration violation: ${ms} ms. Expected between 50 and 1000 ms`;
      this.#fail(3007, told);
      return;
    }
    this.#ear.hear(bytes, (turn) => this.#turn(turn));
    if (this.#line === null || this.#ear.heardMs < this.#turnAtMs) return;
    this.#turnAtMs = this.#ear.heardMs + TURN_EVERY_MS;
    this.#sendTurn(false, false);
  }

  protected heardMessage(message: JsonObject | null): void {
    switch (message?.['type']) {
      case 'ForceEndpoint':
        this.#endTurn();
        this.#ear.cut();
        return;
      case 'UpdateConfiguration':
      case 'KeepAlive':
        return;
      case 'Terminate':
        this.#endTurn();
        this.#terminate();
        return;
      default:
        this.#fail(3006, 'Invalid message type or JSON');
    }
  }

  protected expired(): void {
    this.#fail(3008, 'Session expired: maximum session duration exceeded');
  }

  /** Billed by the time for which the socket is open. */
  protected override settle(openMs: number): void {
    this.ledger.charge({ seconds: openMs / 1000 });
  }

  protected override failed(): void {
    this.#fail(3005, 'An error occurred');
  }

  #fail(code: number, error: string): void {
    this.send({ type: 'Error', error_code: code, error });
    this.close(code, error);
  }

  #turn(turn: VoiceTurn): void {
    if (turn.kind === 'stopped') {
      this.#endTurn();
      return;
    }
    this.#line = scriptedLine(this.seed, this.#order);
    this.#fromMs = turn.atMs;
    this.#turnAtMs = turn.atMs;
    this.send({ type: 'SpeechStarted', timestamp: Math.round(turn.atMs) });
  }

  #endTurn(): void {
    if (this.#line === null) return;
    this.#sendTurn(true, false);
    if (this.#query.get('format_turns') === 'true') this.#sendTurn(true, true);
    this.#line = null;
    this.#order += 1;
  }

  #sendTurn(ends: boolean, formatted: boolean): void {
    const spoken = wordsWithin(this.#line ?? '', this.#ear.heardMs - this.#fromMs);
    const words = formatted ? spoken : spoken.map((word) => word.toLowerCase().replace(/[^a-z']/g, ''));
    const step = (this.#ear.heardMs - this.#fromMs) / words.length;
    this.sendOutput({
      type: 'Turn',
      turn_order: this.#order,
      turn_is_formatted: formatted,
      end_of_turn: ends,
      transcript: words.join(' '),
      end_of_turn_confidence: ends ? 0.9 : 0.1,
      words: words.map((text, index) => ({
        text,
        start: Math.round(this.#fromMs + index * step),
        end: Math.round(this.#fromMs + (index + 1) * step),
        confidence: 0.97,
        word_is_final: ends || index < words.length - 1,
      })),
    });
  }

  #terminate(): void {
    this.send({
      type: 'Termination',
      audio_duration_seconds: Math.round(this.#ear.heardMs) / 1000,
      session_duration_seconds: (this.now - this.#openedAt) / 1000,
    });
    this.close(1000, '');
  }
}
