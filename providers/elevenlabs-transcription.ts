/** Reads realtime speech-to-text: audio goes up, the text of each segment comes down. */
import { asText, type JsonObject } from '../protocol/json.ts';
import type { Observation } from '../protocol/observations.ts';
import type { Outgoing } from './adapter.ts';
import { audioObservation } from './elevenlabs-audio.ts';
import { transcriptionError } from './elevenlabs-errors.ts';
import type { Greeted } from './kept-greeting.ts';

export type TranscriptionState = Greeted & {
  readonly wire: 'transcription';
  readonly model: string | null;
  readonly format: string;
  /** False where the credential is good for one socket. */
  readonly canRedial: boolean;
  readonly dials: number;
  /** A new socket is open and has not greeted yet. */
  readonly isRestoring: boolean;
  readonly segments: number;
  /** Words of the present segment have come. */
  readonly isOpen: boolean;
  /** Commits of the client that no transcript has answered. */
  readonly commits: number;
  /** The last committed text: a new socket is told of it, so that it goes on in the same sense. */
  readonly lastText: string;
  /** A segment is told by several events; this is the kind that came first, and the only one that is read. */
  readonly kind: string | null;
  /** Audio that no usage has told yet. */
  readonly audioMs: number;
  readonly reports: number;
};

export interface TranscriptionReading {
  readonly state: TranscriptionState;
  readonly observations: readonly Observation[];
  readonly route?: 'nowhere';
  readonly restored?: true;
  readonly send?: Outgoing;
}

const KINDS = [
  'committed_transcript',
  'final_transcript',
  'committed_transcript_with_timestamps',
  'final_transcript_with_timestamps',
];
const LONGEST_PREVIOUS = 1000;

export function beginTranscription(about: {
  readonly model: string | null;
  readonly format: string | null;
  readonly canRedial: boolean;
}): TranscriptionState {
  return {
    wire: 'transcription',
    model: about.model,
    format: about.format ?? 'pcm_16000',
    canRedial: about.canRedial,
    dials: 0,
    isRestoring: false,
    segments: 0,
    isOpen: false,
    commits: 0,
    lastText: '',
    kind: null,
    audioMs: 0,
    reports: 0,
  };
}

export function readTranscriptionClient(state: TranscriptionState, event: JsonObject): TranscriptionReading {
  if (event['message_type'] !== 'input_audio_chunk') return { state, observations: [] };
  const base64 = asText(event['audio_base_64']) ?? '';
  const observations: Observation[] = [];
  let next = state;
  if (base64 !== '') {
    const audio = audioObservation('user', base64, state.format);
    observations.push(audio);
    if (audio.ms !== null) next = { ...next, audioMs: next.audioMs + audio.ms };
  }
  if (event['commit'] === true) {
    observations.push({ kind: 'asked' });
    next = { ...next, commits: next.commits + 1 };
  }
  return { state: next, observations };
}

export function readTranscriptionServer(state: TranscriptionState, event: JsonObject): TranscriptionReading {
  const kind = asText(event['message_type']) ?? '';
  if (kind === 'session_started') return greeted(state);
  if (kind === 'partial_transcript') return words(state, asText(event['text']) ?? '');
  if (KINDS.includes(kind)) {
    return state.kind === null || state.kind === kind
      ? committed({ ...state, kind }, asText(event['text']) ?? '')
      : { state, observations: [] };
  }
  const error = transcriptionError(event);
  if (error === null) return { state, observations: [] };
  return { state: { ...state, commits: 0 }, observations: [error] };
}

/** A restored session greets again, which is no news to a client; then it is told what was said before. */
function greeted(state: TranscriptionState): TranscriptionReading {
  if (!state.isRestoring) return { state, observations: [] };
  const chunk = {
    message_type: 'input_audio_chunk',
    audio_base_64: '',
    commit: false,
    previous_text: state.lastText,
  };
  return {
    state: { ...state, isRestoring: false },
    observations: [],
    route: 'nowhere',
    restored: true,
    ...(state.lastText === '' ? {} : { send: { upstream: [JSON.stringify(chunk)], clients: [] } }),
  };
}

function words(state: TranscriptionState, text: string): TranscriptionReading {
  return text === '' || state.isOpen ? { state, observations: [] } : opened(state);
}

function opened(state: TranscriptionState): TranscriptionReading {
  const segments = state.segments + 1;
  const responseId = `segment_${segments}`;
  return {
    state: { ...state, segments, isOpen: true },
    observations: [
      { kind: 'response.started', responseId },
      { kind: 'response.output', responseId, of: 'text' },
    ],
  };
}

function committed(state: TranscriptionState, text: string): TranscriptionReading {
  const commits = Math.max(0, state.commits - 1);
  const isSilence = text === '' && !state.isOpen;
  if (isSilence) return reported({ ...state, commits }, []);
  const begun = state.isOpen ? { state, observations: [] } : opened(state);
  const id = `segment_${begun.state.segments}`;
  const lastText = text === '' ? state.lastText : text.slice(-LONGEST_PREVIOUS);
  return reported({ ...begun.state, commits, lastText, isOpen: false }, [
    ...begun.observations,
    { kind: 'transcript', speaker: 'user', itemId: id, text },
    { kind: 'response.ended', responseId: id, outcome: 'completed' },
  ]);
}

/** What was sent is billed, whether it was speech or not. Told a segment at a time: a row for each chunk is too many. */
function reported(
  state: TranscriptionState,
  observations: readonly Observation[],
): { readonly state: TranscriptionState; readonly observations: readonly Observation[] } {
  const { audioMs } = state;
  if (audioMs === 0) return { state, observations };
  return {
    state: { ...state, audioMs: 0, reports: state.reports + 1 },
    observations: [
      ...observations,
      {
        kind: 'usage',
        dedupeKey: `audio_${state.reports + 1}`,
        purpose: 'response',
        model: state.model,
        usage: { unit: 'seconds', seconds: audioMs / 1000 },
        source: 'measured',
        raw: { audio_ms: audioMs },
      },
    ],
  };
}

export function finishTranscription(state: TranscriptionState): readonly Observation[] {
  const open: Observation[] = state.isOpen
    ? [{ kind: 'response.ended', responseId: `segment_${state.segments}`, outcome: 'incomplete' }]
    : [];
  return reported(state, open).observations;
}

/** The words of an open segment are lost with their socket: its audio is not kept. */
export function restoreTranscription(state: TranscriptionState): TranscriptionState {
  const dials = state.dials + 1;
  if (state.dials === 0) return { ...state, dials };
  // The end of the socket before has told its audio, and the segment that was open.
  const told = { audioMs: 0, reports: state.reports + 1, isOpen: false };
  return { ...state, ...told, dials, commits: 0, isRestoring: true };
}
