/**
 * Reads Cartesia's speech to text. By `finalize`: deltas of a segment, which ends when its last is final. By turns: the
 * whole text so far, until the turn ends. A segment or turn is a response. Audio is billed by the second, silence included.
 */
import { asCount, asObject, asText, type JsonObject, type JsonValue, parseJson } from '../protocol/json.ts';
import type { Observation } from '../protocol/observations.ts';
import type { Outgoing, Payload, Sender } from './adapter.ts';
import { bytesPerMs } from './cartesia-audio.ts';
import { errorObservation } from './cartesia-error.ts';
import { type Greeted, withGreeting } from './kept-greeting.ts';

type Turn = {
  readonly id: string;
  readonly text: string;
};

export type ListeningState = Greeted & {
  readonly endpoint: 'stt' | 'turns';
  readonly dials: number;
  readonly model: string | null;
  /** Bytes of audio for each ms; null when the format is not one that is known. */
  readonly rate: number | null;
  /** Bytes of audio that no usage was observed of yet. */
  readonly uncounted: number;
  readonly counted: number;
  readonly turn: Turn | null;
  readonly turns: number;
  readonly isFinalizing: boolean;
  readonly isClosing: boolean;
  /** What clients set of turn taking. */
  readonly config: JsonObject | null;
  /** A new socket greets again, which is no news to clients. */
  readonly awaitsGreeting: boolean;
};

interface ListeningReading {
  readonly state: ListeningState;
  readonly observations: readonly Observation[];
  readonly route?: 'nowhere';
}

const TEXT_CHARACTERS = 16_000;
const CONFIG_CHARACTERS = 4_000;

export function beginListening(
  endpoint: 'stt' | 'turns',
  query: readonly (readonly [string, string])[],
): ListeningState {
  const asked = new Map(query);
  return {
    endpoint,
    dials: 0,
    model: asked.get('model') ?? null,
    rate: bytesPerMs(asked.get('encoding'), Number(asked.get('sample_rate'))),
    uncounted: 0,
    counted: 0,
    turn: null,
    turns: 0,
    isFinalizing: false,
    isClosing: false,
    config: null,
    awaitsGreeting: false,
  };
}

export function readListening(state: ListeningState, from: Sender, payload: Payload): ListeningReading {
  if (from.side === 'client')
    return typeof payload === 'string' ? readCommand(state, payload) : readAudio(state, payload.byteLength);
  const event = typeof payload === 'string' ? asObject(parseJson(payload)) : undefined;
  if (event === undefined || typeof payload !== 'string') return { state, observations: [] };
  if (!state.awaitsGreeting) return readAnswer(withGreeting(state, event, payload, ['connected']), event);
  const greeted = { ...state, awaitsGreeting: false };
  if (event['type'] === 'connected') return { state: greeted, observations: [], route: 'nowhere' };
  return readAnswer(greeted, event);
}

function readAudio(state: ListeningState, bytes: number): ListeningReading {
  const { rate, uncounted } = state;
  return {
    state: { ...state, uncounted: uncounted + bytes },
    observations: [{ kind: 'audio', speaker: 'user', bytes, ms: rate === null ? null : bytes / rate }],
  };
}

/** By `finalize` commands are bare words, not JSON; by turns they are JSON. */
function readCommand(state: ListeningState, text: string): ListeningReading {
  if (state.endpoint === 'stt') {
    switch (text) {
      case 'finalize':
        return { state: { ...state, isFinalizing: true }, observations: [{ kind: 'asked' }] };
      case 'close':
      case 'done':
        return { state: { ...state, isClosing: true }, observations: [] };
      default:
        return { state, observations: [] };
    }
  }
  const event = asObject(parseJson(text));
  switch (asText(event?.['type'])) {
    case 'config': {
      const config = { ...state.config, ...asObject(event?.['turn']) };
      const isTooLong = JSON.stringify(config).length > CONFIG_CHARACTERS;
      return { state: isTooLong ? state : { ...state, config }, observations: [] };
    }
    case 'close':
      return { state: { ...state, isClosing: true }, observations: [] };
    default:
      return { state, observations: [] };
  }
}

function readAnswer(state: ListeningState, event: JsonObject): ListeningReading {
  switch (asText(event['type'])) {
    case 'transcript':
      return readDelta(state, event);
    case 'flush_done':
      return finish({ ...state, isFinalizing: false }, 'completed', event['duration']);
    case 'done':
      return finish({ ...state, isFinalizing: false, isClosing: false }, 'completed', event['duration']);
    case 'turn.start': {
      const before = finish(state, 'incomplete', undefined);
      const begun = begin(before.state, event);
      return { state: begun.state, observations: [...before.observations, ...begun.observations] };
    }
    case 'turn.update':
    case 'turn.eager_end':
      return heard(state, event, () => asText(event['transcript']) ?? '');
    case 'turn.end': {
      const last = heard(state, event, (text) => asText(event['transcript']) ?? text);
      const ended = finish(last.state, 'completed', undefined);
      return { state: ended.state, observations: [...last.observations, ...ended.observations] };
    }
    case 'error':
      return {
        state: state.isFinalizing ? { ...state, isFinalizing: false } : state,
        observations: [errorObservation(event)],
      };
    default:
      return { state, observations: [] };
  }
}

function readDelta(state: ListeningState, event: JsonObject): ListeningReading {
  const delta = asText(event['text']) ?? '';
  const last = delta === '' ? { state, observations: [] } : heard(state, event, (text) => text + delta);
  if (event['is_final'] !== true) return last;
  const ended = finish(last.state, 'completed', event['duration']);
  return { state: ended.state, observations: [...last.observations, ...ended.observations] };
}

function begin(state: ListeningState, event: JsonObject): ListeningReading & { readonly turn: Turn } {
  const id = `${(asText(event['request_id']) ?? '').slice(0, 128)}/${state.turns}`;
  const turn: Turn = { id, text: '' };
  return {
    state: { ...state, turns: state.turns + 1, turn },
    turn,
    observations: [{ kind: 'response.started', responseId: id }],
  };
}

/** Text of the turn in progress, or of a new one. */
function heard(state: ListeningState, event: JsonObject, change: (text: string) => string): ListeningReading {
  const begun = state.turn === null ? begin(state, event) : null;
  const turn = begun?.turn ?? state.turn;
  if (turn === null) return { state, observations: [] };
  const text = change(turn.text).slice(0, TEXT_CHARACTERS);
  const output: readonly Observation[] =
    turn.text === '' && text !== '' ? [{ kind: 'response.output', responseId: turn.id, of: 'text' }] : [];
  return {
    state: { ...(begun?.state ?? state), turn: { ...turn, text } },
    observations: [...(begun?.observations ?? []), ...output],
  };
}

/** The end of what was being transcribed, if anything was; and the bill of the audio up to here. */
function finish(
  state: ListeningState,
  outcome: 'completed' | 'incomplete',
  duration: JsonValue | undefined,
): ListeningReading {
  const counted = count(state, asCount(duration));
  const { turn } = state;
  if (turn === null) return counted;
  const observations: Observation[] = [...counted.observations];
  if (turn.text !== '')
    observations.push({ kind: 'transcript', speaker: 'user', itemId: turn.id, text: turn.text });
  observations.push({ kind: 'response.ended', responseId: turn.id, outcome });
  return { state: { ...counted.state, turn: null }, observations };
}

/** Audio by its bytes. Where their format is not known, what the provider says of a segment: it leaves silence out. */
function count(state: ListeningState, duration: number | undefined): ListeningReading {
  const { rate, uncounted, model } = state;
  const seconds = rate === null ? duration : uncounted / rate / 1000;
  if (seconds === undefined || seconds === 0) return { state, observations: [] };
  return {
    state: { ...state, uncounted: 0, counted: state.counted + 1 },
    observations: [
      {
        kind: 'usage',
        dedupeKey: `audio/${state.counted}`,
        purpose: 'response',
        model,
        usage: { unit: 'seconds', seconds },
        source: rate === null ? 'provider' : 'measured',
        raw: { audio_bytes: uncounted, duration: duration ?? null },
      },
    ],
  };
}

export function owesText(state: ListeningState): boolean {
  return state.isFinalizing || state.isClosing;
}

/** What the end of the session leaves: audio since the last text, and a turn in progress. */
export function endListening(state: ListeningState): readonly Observation[] {
  return finish(state, 'incomplete', undefined).observations;
}

/**
 * A new socket knows nothing, and needs only its query. Audio that was not transcribed yet is lost with the old one, and
 * times start at 0 again. What clients wait for is asked for again, or told.
 */
export function restoreListening(state: ListeningState): {
  readonly state: ListeningState;
  readonly send: Outgoing;
} {
  const dials = state.dials + 1;
  if (state.dials === 0) return { state: { ...state, dials }, send: { upstream: [], clients: [] } };
  // The end of the socket before has told its audio, and the turn that was open.
  const told = { uncounted: 0, counted: state.counted + 1, turn: null };
  if (state.endpoint === 'stt') {
    const command = state.isClosing ? ['close'] : state.isFinalizing ? ['finalize'] : [];
    return { state: { ...state, ...told, dials }, send: { upstream: command, clients: [] } };
  }
  const { turn, config } = state;
  const upstream: JsonValue[] = config === null ? [] : [{ type: 'config', turn: config }];
  if (state.isClosing) upstream.push({ type: 'close' });
  const clients: JsonValue[] =
    turn === null
      ? []
      : [{ type: 'turn.end', transcript: turn.text, request_id: turn.id.replace(/\/\d+$/, '') }];
  return {
    state: { ...state, ...told, dials, awaitsGreeting: true },
    send: {
      upstream: upstream.map((frame) => JSON.stringify(frame)),
      clients: clients.map((frame) => JSON.stringify(frame)),
    },
  };
}
