/** Reads Gemini Live messages: what each changes, and what is to be recorded of it. */
import { asArray, asObject, asText, type JsonObject, type JsonValue, member } from '../protocol/json.ts';
import type { Observation, Speaker } from '../protocol/observations.ts';
import {
  awaitsHistory,
  contentsOf,
  type GeminiState,
  isSpoken,
  type Turn,
  withCall,
  withContext,
  withHandle,
  withHistory,
  withoutCalls,
  withSetup,
  withWords,
} from './gemini-state.ts';
import { figures, growth, snapshotUsage } from './gemini-usage.ts';
import { durationMs, field, INPUT_RATE, OUTPUT_RATE, soundOf } from './gemini-wire.ts';

export interface MessageReading {
  readonly state: GeminiState;
  readonly observations: readonly Observation[];
  readonly expiresInMs?: number;
}

/** A message has one key, but Google's newer models put several contents into one message, so none excludes another. */
class Reader {
  state: GeminiState;
  readonly observations: Observation[] = [];

  constructor(state: GeminiState) {
    this.state = state;
  }

  done(): MessageReading {
    return { state: this.state, observations: this.observations };
  }

  sound(speaker: Speaker, blob: JsonValue | undefined, defaultRate: number | null): void {
    const data = asText(field(blob, 'data'));
    const mimeType = asText(field(blob, 'mimeType')) ?? 'audio/pcm';
    if (data === undefined || !mimeType.startsWith('audio/')) return;
    this.observations.push({ kind: 'audio', speaker, ...soundOf(mimeType, data, defaultRate) });
  }

  /** The turn in progress, begun now if there is none. */
  turn(): Turn {
    if (this.state.turn !== null) return this.state.turn;
    const turns = this.state.turns + 1;
    const turn = { id: `turn_${turns}`, hasOutput: false, interrupted: false, heardBefore: 0 };
    this.state = { ...this.state, turns, turn, asked: false, counted: null };
    this.observations.push({ kind: 'response.started', responseId: turn.id });
    return turn;
  }

  output(of: 'audio' | 'text'): void {
    const turn = this.turn();
    if (turn.hasOutput) return;
    const heardBefore = this.state.heard.length;
    this.state = { ...this.state, turn: { ...turn, hasOutput: true, heardBefore } };
    this.observations.push({ kind: 'response.output', responseId: turn.id, of });
  }

  /** Records the first `length` characters of a transcript, which leave the state for the history. */
  transcript(of: 'heard' | 'said', length: number): void {
    const [text, rest] = [this.state[of].slice(0, length), this.state[of].slice(length)];
    if (text === '') return;
    const speaker = of === 'heard' ? 'user' : 'model';
    const itemId = `turn_${this.state.turn === null ? this.state.turns + 1 : this.state.turns}`;
    this.observations.push({ kind: 'transcript', speaker, itemId, text });
    this.state = withHistory({ ...this.state, [of]: rest }, [{ role: speaker, text }]);
  }

  usage(metadata: JsonValue | undefined): void {
    const usage = snapshotUsage(metadata, isSpoken(this.state));
    if (usage === null || metadata === undefined) return;
    const grown = growth(this.state.counted, usage);
    if (grown === null) return;
    const snapshots = this.state.snapshots + 1;
    this.state = { ...this.state, snapshots, counted: figures(usage) };
    this.observations.push({
      kind: 'usage',
      dedupeKey: `snapshot_${snapshots}`,
      purpose: 'response',
      model: this.state.model,
      usage: { unit: 'tokens', tokens: grown },
      source: 'provider',
      raw: metadata,
    });
  }
}

export function readClientMessage(state: GeminiState, message: JsonObject): MessageReading {
  const reader = new Reader(state);
  const setup = asObject(field(message, 'setup'));
  if (setup !== undefined) {
    reader.state = withSetup(reader.state, setup);
    const { model } = reader.state;
    if (model !== null) reader.observations.push({ kind: 'model', model });
  }
  const update = asObject(field(message, 'contextUpdate'));
  if (update !== undefined) reader.state = withContext(reader.state, update);
  readClientContent(reader, field(message, 'clientContent'));
  readRealtimeInput(reader, field(message, 'realtimeInput'));
  readToolResponse(reader, field(message, 'toolResponse'));
  return reader.done();
}

function readClientContent(reader: Reader, content: JsonValue | undefined): void {
  if (asObject(content) === undefined) return;
  const answers = field(content, 'turnComplete') === true && !awaitsHistory(reader.state);
  reader.state = withHistory(reader.state, contentsOf(field(content, 'turns')));
  if (!answers) return;
  if (!reader.state.asked) reader.state = { ...reader.state, asked: true };
  reader.observations.push({ kind: 'asked' });
}

function readRealtimeInput(reader: Reader, input: JsonValue | undefined): void {
  if (asObject(input) === undefined) return;
  reader.sound('user', field(input, 'audio'), INPUT_RATE);
  // Of this older form Google uses the first chunk only.
  reader.sound('user', asArray(field(input, 'mediaChunks'))?.[0], INPUT_RATE);
  const text = asText(field(input, 'text'));
  if (text !== undefined) reader.state = withHistory(reader.state, [{ role: 'user', text }]);
  const ends = field(input, 'activityEnd') !== undefined || field(input, 'audioStreamEnd') === true;
  // Not `asked` in the state: a proactive model may well leave it unanswered.
  if (text !== undefined || ends) reader.observations.push({ kind: 'asked' });
}

function readToolResponse(reader: Reader, response: JsonValue | undefined): void {
  const responses = asArray(field(response, 'functionResponses'));
  if (responses === undefined) return;
  const finished = responses.filter((each) => field(each, 'willContinue') !== true);
  const before = reader.state;
  reader.state = withoutCalls(
    before,
    finished.map((each) => asText(field(each, 'id')) ?? asText(field(each, 'name'))),
  );
  if (reader.state === before) return;
  const answers = finished.some((each) => field(each, 'scheduling') !== 'SILENT');
  // What comes next is another generation, with its own usage.
  reader.state = {
    ...reader.state,
    counted: null,
    asked: reader.state.asked || (answers && reader.state.turn === null),
  };
  if (answers) reader.observations.push({ kind: 'asked' });
}

export function readServerMessage(state: GeminiState, message: JsonObject): MessageReading {
  const reader = new Reader(state);
  if (message['setupComplete'] !== undefined && !state.isSetUp) reader.state = { ...state, isSetUp: true };
  const content = message['serverContent'];
  if (asObject(content) !== undefined) readServerContent(reader, content);
  readToolCall(reader, message);
  if (isEndOfSpeech(message)) reader.observations.push({ kind: 'asked' });
  reader.usage(message['usageMetadata']);
  // Last: what else rides on this message belongs to the turn that it ends.
  if (member(content, 'turnComplete') === true) endTurn(reader, member(content, 'turnCompleteReason'));
  const update = message['sessionResumptionUpdate'];
  const handle = asText(member(update, 'newHandle')) ?? '';
  // During a generation or a call a session cannot be resumed; the handle before it stays good.
  if (member(update, 'resumable') === true && handle !== '') reader.state = withHandle(reader.state, handle);
  const expiresInMs = durationMs(asText(member(message['goAway'], 'timeLeft')));
  return expiresInMs === undefined ? reader.done() : { ...reader.done(), expiresInMs };
}

function readServerContent(reader: Reader, content: JsonValue | undefined): void {
  const heard = member(content, 'inputTranscription');
  reader.state = withWords(reader.state, 'heard', asText(member(heard, 'text')) ?? '');
  if (member(heard, 'finished') === true) reader.transcript('heard', reader.state.heard.length);
  for (const part of asArray(member(member(content, 'modelTurn'), 'parts')) ?? []) readPart(reader, part);
  const said = asText(member(member(content, 'outputTranscription'), 'text')) ?? '';
  if (said !== '') {
    reader.turn();
    reader.state = withWords(reader.state, 'said', said);
  }
  // Music, which has no turns.
  for (const chunk of asArray(member(content, 'audioChunks')) ?? []) reader.sound('model', chunk, null);
  if (member(content, 'waitingForInput') === true && reader.state.asked) {
    reader.state = { ...reader.state, asked: false };
  }
  if (member(content, 'interrupted') === true) interrupt(reader);
}

function readPart(reader: Reader, part: JsonValue): void {
  const blob = member(part, 'inlineData');
  if (asText(member(blob, 'data')) !== undefined) {
    reader.output('audio');
    reader.sound('model', blob, OUTPUT_RATE);
  }
  const text = asText(member(part, 'text')) ?? '';
  if (text === '') return;
  reader.turn();
  // Thoughts are not said.
  if (member(part, 'thought') === true) return;
  reader.output('text');
  reader.state = withWords(reader.state, 'said', text);
}

function readToolCall(reader: Reader, message: JsonObject): void {
  for (const call of asArray(member(message['toolCall'], 'functionCalls')) ?? []) {
    const name = asText(member(call, 'name')) ?? '';
    const callId = asText(member(call, 'id')) ?? name;
    reader.turn();
    const before = reader.state;
    reader.state = withCall(before, callId);
    // A call whose arguments come in pieces is one call.
    if (reader.state !== before) reader.observations.push({ kind: 'tool.called', callId, name });
  }
  const cancelled = asArray(member(message['toolCallCancellation'], 'ids'));
  if (cancelled !== undefined) reader.state = withoutCalls(reader.state, cancelled.map(asText));
}

function isEndOfSpeech(message: JsonObject): boolean {
  return (
    member(message['voiceActivity'], 'voiceActivityType') === 'ACTIVITY_END' ||
    member(message['voiceActivityDetectionSignal'], 'vadSignalType') === 'VAD_SIGNAL_TYPE_EOS'
  );
}

function interrupt(reader: Reader): void {
  // What was asked since goes on being owed: the turn that is cut before its first output is not the answer to it.
  if (reader.state.turn === null && reader.state.asked) {
    reader.turn();
    reader.state = { ...reader.state, asked: true };
  }
  const { turn } = reader.state;
  if (turn === null || turn.interrupted) return;
  reader.transcript('heard', turn.heardBefore);
  reader.state = { ...reader.state, turn: { ...turn, interrupted: true } };
}

/**
 * A turn that the session ends in the middle of: of it Google never said what it cost. What was said of it is told; what was
 * heard is not, since a restored session has it still.
 */
export function endTurnEarly(state: GeminiState): readonly Observation[] {
  const { turn } = state;
  if (turn === null) return [];
  const reader = new Reader(state);
  reader.transcript('said', state.said.length);
  return [...reader.observations, { kind: 'response.ended', responseId: turn.id, outcome: 'incomplete' }];
}

/** Reasons that are no failure. */
const PLAIN_REASONS = new Set([undefined, 'TURN_COMPLETE_REASON_UNSPECIFIED', 'NEED_MORE_INPUT']);

function endTurn(reader: Reader, reason: JsonValue | undefined): void {
  const { turn } = reader.state;
  if (turn?.interrupted !== true) reader.transcript('heard', reader.state.heard.length);
  reader.transcript('said', reader.state.said.length);
  const code = asText(reason);
  const failed = !PLAIN_REASONS.has(code);
  if (turn !== null) {
    const outcome = turn.interrupted ? 'interrupted' : failed ? 'failed' : 'completed';
    reader.observations.push({ kind: 'response.ended', responseId: turn.id, outcome });
  }
  if (failed && code !== undefined) {
    const message = 'The model ended its turn for this reason.';
    reader.observations.push({ kind: 'error', code: code.slice(0, 100), message });
  }
  const { asked, counted } = reader.state;
  if (turn === null && !asked && counted === null) return;
  // What was asked during a turn is answered by the next one; a turn without output was the answer.
  reader.state = { ...reader.state, turn: null, counted: null, asked: asked && turn !== null };
}
