/**
 * Deepgram's wire, whoever serves it. Sources: `@deepgram/sdk` 5.13.0, Deepgram's AsyncAPI specification of July 2026 and
 * its documentation, as of 2026-11. What is not known of the service is in docs/providers/deepgram.md.
 */
import { asObject, type JsonObject, parseJson } from '../protocol/json.ts';
import type { AudioObservation } from '../protocol/observations.ts';
import type { Payload, ProviderAdapter, Reading, Sender, Target } from './adapter.ts';
import { deepgramActs } from './deepgram-acts.ts';
import {
  continueAgentRestore,
  readAgentAudio,
  readAgentClient,
  readAgentServer,
  restoreAgent,
  unreportedAgent,
} from './deepgram-agent.ts';
import {
  CLOSE_STREAM,
  type Read,
  readError,
  readFluxServer,
  readListenClient,
  readListenServer,
  unreportedFlux,
  unreportedListen,
} from './deepgram-listen.ts';
import {
  billSpeak,
  readSpeakAudio,
  readSpeakClient,
  readSpeakServer,
  readSpeechAudio,
  readSpeechClient,
  readSpeechServer,
  unreportedSpeech,
} from './deepgram-speak.ts';
import { deepgramSound } from './deepgram-sound.ts';
import { beginState, type DeepgramState, type Wire } from './deepgram-state.ts';
import { greetingOf, withGreeting } from './kept-greeting.ts';

/** Silence ends a listening socket after 10 s; every 3 to 5 s is Deepgram's advice. It must be a text frame. */
const KEEP_ALIVE = { ms: 4_000, payload: '{"type":"KeepAlive"}' };
/** Those that know the message. */
const KEPT_ALIVE: readonly Wire[] = ['listen', 'agent'];
/** Nobody sent audio: a new socket would end alike. */
const NO_AUDIO = 'NET-0001';
/** How long a socket may be open (developers.deepgram.com, as of 2026); the others have no known end. */
const LONGEST_MS: Readonly<Record<string, number>> = { speak: 60 * 60_000, agent: 120 * 60_000 };

const RESUMABLE: readonly number[] = [1001, 1006, 1011, 1012, 1013];

type Own = Pick<
  ProviderAdapter<DeepgramState>,
  'id' | 'aliases' | 'settings' | 'carriers' | 'forwardHeaders' | 'modelOf' | 'accepts' | 'dial'
> & { readonly wireOf: (target: Target) => Wire };

export function deepgramDialect({ wireOf, ...own }: Own): ProviderAdapter<DeepgramState> {
  return {
    ...own,
    stateVersion: 2,
    streamedText: [
      { type: 'Results', path: 'channel.**.transcript' },
      { type: 'Results', path: 'channel.**.text' },
      { path: '**.word' },
      { path: '**.punctuated_word' },
      { path: '**.snippet' },
      { path: '**.entities.*.value' },
      { path: '**.entities.*.raw_value' },
      { path: 'transcript' },
      { type: 'Speak', path: 'text' },
    ],
    signalHeaders: [],
    refusalHeaders: ['dg-error', 'dg-request-id'],
    // The SDK comes back up to 30 times after any close but this one.
    refusalClose: 1000,
    errorFrame: ({ code, message }) => JSON.stringify({ type: 'Error', code, description: message }),
    begin: (request) => beginState(wireOf(request), request, own.modelOf(request)),
    acts: (request) => deepgramActs(wireOf(request)),
    greeting: greetingOf,
    // Agents alone have settings, and take them once.
    once: { matches: isSettings, answer: '{"type":"SettingsApplied"}' },
    read,
    skim,
    intercepts: (state) => state.wire === 'agent' && state.restoring,
    restore,
    unattended: { every: (request) => (KEPT_ALIVE.includes(wireOf(request)) ? KEEP_ALIVE : null) },
    owes,
    settled,
    farewell,
    atEnd: (state, life) => {
      switch (state.wire) {
        case 'listen':
          return unreportedListen(state, life);
        case 'flux':
          return unreportedFlux(state, life);
        case 'speak':
          return billSpeak(state);
        case 'speech':
          return unreportedSpeech(state);
        case 'agent':
          return unreportedAgent(state, life);
      }
    },
    succession: { longestMs: ({ wire }) => LONGEST_MS[wire] ?? null },
    sound: deepgramSound(wireOf),
    resumable: (code, reason) => RESUMABLE.includes(code) && !reason.includes(NO_AUDIO),
  };
}

/** Of Flux and of agents; the other sockets begin without a word. */
const GREETINGS = ['Connected', 'Welcome'];

function isSettings(payload: Payload): boolean {
  if (typeof payload !== 'string' || !payload.includes('Settings')) return false;
  return asObject(parseJson(payload))?.['type'] === 'Settings';
}

function owes(state: DeepgramState): boolean {
  switch (state.wire) {
    case 'listen':
    case 'flux':
      return state.closing;
    case 'speak':
      return state.ended < state.flushed;
    case 'speech':
      return state.flushing;
    case 'agent':
      return state.open;
  }
}

/** A new socket has none of the audio, or of the text that was not flushed: it would begin in the middle of it. */
function settled(state: DeepgramState): boolean {
  switch (state.wire) {
    case 'listen':
      return state.speaking.length === 0;
    case 'flux':
      return !state.isTurnOpen;
    case 'speak':
      return state.begun === state.flushed;
    case 'speech':
      return !state.asked && state.open === null;
    case 'agent':
      return !state.hearing;
  }
}

/** Speech to text says what it has heard, and v1 what it costs, before it closes. */
function farewell(state: DeepgramState): Payload | null {
  switch (state.wire) {
    case 'listen':
      return state.closing || state.billed ? null : CLOSE_STREAM;
    case 'flux':
      return state.closing ? null : CLOSE_STREAM;
    case 'speak':
    case 'speech':
    case 'agent':
      return null;
  }
}

function restore(state: DeepgramState): ReturnType<ProviderAdapter<DeepgramState>['restore']> {
  const nothing = { upstream: [], clients: [] };
  const isFirst = state.socket === 0;
  const socket = state.socket + 1;
  switch (state.wire) {
    case 'listen': {
      const heard = { heardSeconds: 0, speaking: [], closing: false, billed: false };
      return { state: { ...state, ...heard, socket }, send: nothing, complete: true };
    }
    case 'flux':
      return {
        state: { ...state, socket, billedSeconds: 0, isTurnOpen: false, closing: false },
        send: nothing,
        complete: true,
      };
    case 'speak':
      return {
        // Text that was not flushed was told at the end of the socket before.
        state: { ...state, socket, characters: 0, flushed: state.begun, ended: state.begun },
        send: nothing,
        complete: true,
      };
    case 'speech': {
      const quiet = { characters: 0, asked: false, flushing: false, open: null, sounding: false };
      return { state: { ...state, ...quiet, socket }, send: nothing, complete: true };
    }
    case 'agent':
      return isFirst
        ? { state: { ...state, socket }, send: nothing, complete: true }
        : restoreAgent({ ...state, socket });
  }
}

function read(state: DeepgramState, from: Sender, payload: Payload): Reading<DeepgramState> {
  if (typeof payload !== 'string') {
    const first = from.side === 'upstream' ? firstAudio(state) : { state, observations: [] };
    return {
      state: first.state,
      observations: [...audioOf(state, from, payload), ...first.observations],
      route: 'across',
    };
  }
  const message = asObject(parseJson(payload));
  if (message === undefined) return { state, observations: [], route: 'across' };
  if (from.side === 'client') return { ...readClient(state, message), route: 'across' };
  const step = state.wire === 'agent' ? continueAgentRestore(state, message) : null;
  if (step !== null) return { ...step, observations: [] };
  const reading = readServer(withGreeting(state, message, payload, GREETINGS), message);
  return {
    state: reading.state,
    observations: [...reading.observations, ...readError(message)],
    route: 'across',
  };
}

function readClient(state: DeepgramState, message: JsonObject): Read<DeepgramState> {
  switch (state.wire) {
    case 'listen':
    case 'flux':
      return readListenClient(state, message);
    case 'speak':
      return readSpeakClient(state, message);
    case 'speech':
      return readSpeechClient(state, message);
    case 'agent':
      return readAgentClient(state, message);
  }
}

function readServer(state: DeepgramState, message: JsonObject): Read<DeepgramState> {
  switch (state.wire) {
    case 'listen':
      return readListenServer(state, message);
    case 'flux':
      return readFluxServer(state, message);
    case 'speak':
      return readSpeakServer(state, message);
    case 'speech':
      return readSpeechServer(state, message);
    case 'agent':
      return readAgentServer(state, message);
  }
}

/** What it means that audio came down: only the first of a speech says more than its length. */
function firstAudio(state: DeepgramState): Read<DeepgramState> {
  switch (state.wire) {
    case 'listen':
    case 'flux':
      return { state, observations: [] };
    case 'speak':
      return readSpeakAudio(state);
    case 'speech':
      return readSpeechAudio(state);
    case 'agent':
      return readAgentAudio(state);
  }
}

/** Binary frames are audio, in the directions in which there is any. An empty one ends a stream. */
function audioOf(state: DeepgramState, from: Sender, payload: ArrayBuffer): readonly AudioObservation[] {
  const bytes = payload.byteLength;
  const perMs = bytesPerMs(state, from);
  if (bytes === 0 || perMs === undefined) return [];
  const speaker = from.side === 'client' ? 'user' : 'model';
  return [{ kind: 'audio', speaker, bytes, ms: perMs === null ? null : bytes / perMs }];
}

/** Null: audio of a length that the bytes do not tell. Undefined: no audio goes that way. */
function bytesPerMs(state: DeepgramState, from: Sender): number | null | undefined {
  const isUp = from.side === 'client';
  switch (state.wire) {
    case 'listen':
    case 'flux':
      return isUp ? state.bytesPerMs : undefined;
    case 'speak':
    case 'speech':
      return isUp ? undefined : state.bytesPerMs;
    case 'agent':
      return isUp ? state.inBytesPerMs : state.outBytesPerMs;
  }
}

function skim(
  state: DeepgramState,
  from: Sender,
  payload: Payload,
): ReturnType<NonNullable<ProviderAdapter['skim']>> {
  if (typeof payload === 'string') return null;
  if (from.side === 'upstream' && firstAudio(state).state !== state) return null;
  return audioOf(state, from, payload);
}
