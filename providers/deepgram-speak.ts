/** Reads Deepgram's text to speech: v1, whose characters are counted here, and v2, which reports them for each speech. */
import { asCount, asText, type JsonObject, type JsonValue, member } from '../protocol/json.ts';
import type { Observation, UsageObservation } from '../protocol/observations.ts';
import type { Read } from './deepgram-listen.ts';
import type { SpeakState, SpeechState } from './deepgram-state.ts';

/** Speeches that can be under way at once, as far as they are told apart. */
const MOST_OPEN = 64;
const ID_CHARACTERS = 128;

/** Characters are counted as code points: an emoji is one. */
function charactersIn(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

const speechName = (number: number): string => `speech_${number}`;

export function readSpeakClient(state: SpeakState, message: JsonObject): Read<SpeakState> {
  switch (message['type']) {
    case 'Speak': {
      const characters = charactersIn(asText(message['text']) ?? '');
      if (characters === 0) return { state, observations: [] };
      const counted = { ...state, characters: state.characters + characters };
      if (state.begun > state.flushed) return { state: counted, observations: [] };
      const begun = state.begun + 1;
      return {
        state: { ...counted, begun },
        observations: [{ kind: 'asked' }, { kind: 'response.started', responseId: speechName(begun) }],
      };
    }
    case 'Flush': {
      const bill = billSpeak(state);
      if (state.begun === state.flushed && bill.length === 0) return { state, observations: [] };
      return { state: { ...state, characters: 0, flushed: state.begun }, observations: bill };
    }
    default:
      return { state, observations: [] };
  }
}

export function readSpeakServer(state: SpeakState, message: JsonObject): Read<SpeakState> {
  switch (message['type']) {
    case 'Flushed': {
      if (state.ended >= state.flushed) return { state, observations: [] };
      const ended = state.ended + 1;
      return {
        state: { ...state, ended },
        observations: [{ kind: 'response.ended', responseId: speechName(ended), outcome: 'completed' }],
      };
    }
    case 'Cleared': {
      if (state.ended === state.begun) return { state, observations: [] };
      const cleared = Math.min(MOST_OPEN, state.begun - state.ended);
      return {
        state: { ...state, flushed: state.begun, ended: state.begun },
        observations: Array.from({ length: cleared }, (_, index) => ({
          kind: 'response.ended',
          responseId: speechName(state.begun - cleared + index + 1),
          outcome: 'interrupted',
        })),
      };
    }
    default:
      return { state, observations: [] };
  }
}

/** The first audio of a speech. */
export function readSpeakAudio(state: SpeakState): Read<SpeakState> {
  const speech = state.ended + 1;
  if (state.begun === state.ended || state.sounding === speech) return { state, observations: [] };
  return {
    state: { ...state, sounding: speech },
    observations: [{ kind: 'response.output', responseId: speechName(speech), of: 'audio' }],
  };
}

/** Text that was cleared before it was spoken is counted too: whether it is billed is not known. */
export function billSpeak(state: SpeakState): readonly UsageObservation[] {
  if (state.characters === 0) return [];
  return [
    {
      kind: 'usage',
      dedupeKey: `text_${state.socket}_${state.begun}`,
      purpose: 'response',
      model: state.model,
      usage: { unit: 'characters', characters: state.characters },
      source: 'measured',
      raw: { characters: state.characters },
    },
  ];
}

export function readSpeechClient(state: SpeechState, message: JsonObject): Read<SpeechState> {
  switch (message['type']) {
    case 'Speak': {
      const characters = state.characters + charactersIn(asText(message['text']) ?? '');
      if (characters === state.characters) return { state, observations: [] };
      return {
        state: { ...state, characters, asked: true },
        observations: state.asked ? [] : [{ kind: 'asked' }],
      };
    }
    case 'Flush':
      return { state: state.asked ? { ...state, flushing: true } : state, observations: [] };
    default:
      return { state, observations: [] };
  }
}

export function readSpeechServer(state: SpeechState, message: JsonObject): Read<SpeechState> {
  switch (message['type']) {
    case 'SpeechStarted': {
      const open = speechIdOf(message);
      if (open === null) return { state, observations: [] };
      return {
        state: { ...state, open, sounding: false },
        observations: [{ kind: 'response.started', responseId: open }],
      };
    }
    case 'Flushed':
      return endSpeech(state, speechIdOf(message), 'completed');
    case 'SpeechMetadata':
      return billSpeech(state, message, 'completed');
    case 'SpeechInterrupted':
      return billSpeech(state, member(message, 'metadata'), 'interrupted');
    case 'SessionMetadata':
      // The sum of what each speech was billed already.
      return { state: { ...state, characters: 0, flushing: false }, observations: [] };
    case 'Warning':
      // Flushed without a text that sounds: nothing more comes.
      return message['code'] === 'NO_ACTIVE_SPEECH' && state.flushing
        ? { state: { ...state, asked: false, flushing: false }, observations: [] }
        : { state, observations: [] };
    default:
      return { state, observations: [] };
  }
}

/** The first audio of a speech. */
export function readSpeechAudio(state: SpeechState): Read<SpeechState> {
  if (state.open === null || state.sounding) return { state, observations: [] };
  return {
    state: { ...state, sounding: true },
    observations: [{ kind: 'response.output', responseId: state.open, of: 'audio' }],
  };
}

/** Text of speeches that were never reported. */
export function unreportedSpeech(state: SpeechState): readonly UsageObservation[] {
  if (state.characters === 0) return [];
  return [
    {
      ...characterUsage(state, `socket_${state.socket}`, state.characters),
      source: 'measured',
      raw: { characters: state.characters },
    },
  ];
}

function billSpeech(
  state: SpeechState,
  report: JsonValue | undefined,
  outcome: 'completed' | 'interrupted',
): Read<SpeechState> {
  const id = speechIdOf(report);
  const billable = asCount(member(report, 'billable_character_count'));
  if (report === undefined || id === null || billable === undefined) return endSpeech(state, id, outcome);
  const sent = asCount(member(report, 'input_character_count')) ?? billable;
  const counted = { ...state, characters: Math.max(0, state.characters - sent) };
  const ended = endSpeech(counted, id, outcome);
  const usage = { ...characterUsage(state, id, billable), source: 'provider', raw: report } as const;
  return { state: ended.state, observations: [...ended.observations, usage] };
}

/** A speech ends with the first frame that says so. */
function endSpeech(
  state: SpeechState,
  id: string | null,
  outcome: 'completed' | 'interrupted',
): Read<SpeechState> {
  const observations: readonly Observation[] =
    id !== null && id === state.open ? [{ kind: 'response.ended', responseId: id, outcome }] : [];
  if (observations.length === 0) return { state, observations };
  return { state: { ...state, asked: false, flushing: false, open: null, sounding: false }, observations };
}

function characterUsage({ model }: SpeechState, dedupeKey: string, characters: number) {
  return {
    kind: 'usage',
    dedupeKey,
    purpose: 'response',
    model,
    usage: { unit: 'characters', characters },
  } as const;
}

function speechIdOf(message: JsonValue | undefined): string | null {
  return asText(member(message, 'speech_id'))?.slice(0, ID_CHARACTERS) ?? null;
}
