/** Reads Deepgram's speech to text: v1 (`Results`, billed by `Metadata` at the end), and Flux (turns, no bill on the wire). */
import { asArray, asCount, asText, type JsonObject, type JsonValue, member } from '../protocol/json.ts';
import type { Observation, UsageObservation } from '../protocol/observations.ts';
import type { SocketLife } from './adapter.ts';
import type { FluxState, ListenState } from './deepgram-state.ts';

export interface Read<S> {
  readonly state: S;
  readonly observations: readonly Observation[];
}

export const CLOSE_STREAM = '{"type":"CloseStream"}';

export function readListenClient<S extends ListenState | FluxState>(state: S, message: JsonObject): Read<S> {
  const closes = message['type'] === 'CloseStream' && !state.closing;
  return { state: closes ? { ...state, closing: true } : state, observations: [] };
}

export function readListenServer(state: ListenState, message: JsonObject): Read<ListenState> {
  switch (message['type']) {
    case 'Results':
      return readResults(state, message);
    case 'Metadata': {
      const duration = asCount(message['duration']);
      if (duration === undefined) return { state, observations: [] };
      const channels = asCount(message['channels']) ?? 1;
      const usage = seconds(state, 'provider', `metadata_${state.socket}`, duration * channels, message);
      return { state: { ...state, closing: false, billed: true }, observations: [usage] };
    }
    default:
      return { state, observations: [] };
  }
}

function readResults(state: ListenState, message: JsonObject): Read<ListenState> {
  const start = asCount(message['start']) ?? 0;
  const end = start + (asCount(message['duration']) ?? 0);
  const channel = asCount(asArray(message['channel_index'])?.[0]) ?? 0;
  const [best] = asArray(member(message['channel'], 'alternatives')) ?? [];
  const text = asText(member(best, 'transcript')) ?? '';
  const isFinal = message['is_final'] === true;
  return {
    state: speakingOn(
      channel,
      !isFinal && text !== '',
      end > state.heardSeconds ? { ...state, heardSeconds: end } : state,
    ),
    observations:
      isFinal && text !== ''
        ? [
            {
              kind: 'transcript',
              speaker: 'user',
              itemId: `${state.socket}_${channel}_${start}`,
              text,
              part: { of: `${state.socket}_${channel}`, isLast: isUtteranceOver(message) },
            },
          ]
        : [],
  };
}

function speakingOn(channel: number, isSpeaking: boolean, state: ListenState): ListenState {
  if (state.speaking.includes(channel) === isSpeaking) return state;
  const others = state.speaking.filter((each) => each !== channel);
  return { ...state, speaking: isSpeaking ? [...others, channel] : others };
}

/** What is final so far may be the first half of what the user is saying. */
function isUtteranceOver(message: JsonObject): boolean {
  return message['speech_final'] === true || message['from_finalize'] === true;
}

export function readFluxServer(state: FluxState, message: JsonObject): Read<FluxState> {
  const index = asCount(message['turn_index']);
  if (message['type'] !== 'TurnInfo' || index === undefined) return { state, observations: [] };
  const responseId = `turn_${state.socket}_${index}`;
  const text = asText(message['transcript']) ?? '';
  const output: readonly Observation[] =
    text === '' ? [] : [{ kind: 'response.output', responseId, of: 'text' }];
  switch (message['event']) {
    case 'StartOfTurn':
      return {
        state: { ...state, isTurnOpen: true },
        observations: [{ kind: 'response.started', responseId }, ...output],
      };
    case 'Update':
      return { state, observations: output };
    case 'EndOfTurn': {
      const start = asCount(message['audio_window_start']) ?? 0;
      const heard = Math.max(0, (asCount(message['audio_window_end']) ?? start) - start);
      const raw = { audio_window_start: start, audio_window_end: start + heard };
      return {
        state: { ...state, isTurnOpen: false, billedSeconds: state.billedSeconds + heard },
        observations: [
          ...output,
          ...(text === ''
            ? []
            : [{ kind: 'transcript', speaker: 'user', itemId: responseId, text } as const]),
          { kind: 'response.ended', responseId, outcome: 'completed' },
          seconds(state, 'measured', responseId, heard, raw),
        ],
      };
    }
    default:
      return { state, observations: [] };
  }
}

/** Without the final `Metadata`: the audio that went up, else the end of the last result; channels count as in the bill. */
export function unreportedListen(state: ListenState, life: SocketLife): readonly UsageObservation[] {
  if (state.billed) return [];
  const heard = life.audioInMs === null ? state.heardSeconds : life.audioInMs / 1000;
  return rest(state, heard * state.channels, life);
}

/** What was heard outside of turns that ended. */
export function unreportedFlux(state: FluxState, life: SocketLife): readonly UsageObservation[] {
  return life.audioInMs === null ? [] : rest(state, life.audioInMs / 1000 - state.billedSeconds, life);
}

function rest(state: ListenState | FluxState, amount: number, life: SocketLife): readonly UsageObservation[] {
  const key = `socket_${state.socket}`;
  return amount > 0 ? [seconds(state, 'measured', key, amount, { ...life, seconds: amount })] : [];
}

function seconds(
  { model }: ListenState | FluxState,
  source: UsageObservation['source'],
  dedupeKey: string,
  amount: number,
  raw: JsonValue,
): UsageObservation {
  const usage = { unit: 'seconds', seconds: amount } as const;
  return { kind: 'usage', dedupeKey, purpose: 'response', model, usage, source, raw };
}

/** An in-band error, on whichever socket: v1 says `variant` and `message`, the newer ones `code` and `description`. */
export function readError(message: JsonObject): readonly Observation[] {
  if (message['type'] !== 'Error') return [];
  return [
    {
      kind: 'error',
      code: asText(message['code']) ?? asText(message['variant']) ?? 'error',
      message: asText(message['description']) ?? asText(message['message']) ?? '',
    },
  ];
}
