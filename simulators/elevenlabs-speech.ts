/** Simulated text-to-speech sockets, with one context (`stream-input`) and with several (`multi-stream-input`). */
import { asArray, asObject, asText, type JsonObject } from '../protocol/json.ts';
import type { Task } from './agenda.ts';
import type { Format } from './elevenlabs-audio.ts';
import { SpeechContext } from './elevenlabs-context.ts';
import type { Line, Product } from './elevenlabs-line.ts';

export interface SpeechSetup {
  readonly line: Line;
  readonly voiceId: string;
  readonly model: string;
  readonly format: Format;
  readonly inactivityMs: number;
  readonly autoMode: boolean;
}

const DEFAULT_SCHEDULE = [120, 160, 250, 290];
const SCHEDULE_RANGE = { least: 50, most: 500 };
const SPEED_RANGE = { least: 0.7, most: 1.2 };
const MOST_CONTEXTS = 5;
const POLICY = 1008;
/** Close reasons hold 123 bytes. */
const LONGEST_REASON = 120;

/** What both sockets share: errors, keys in messages, and the timer. */
abstract class SpeechProduct implements Product {
  protected readonly setup: SpeechSetup;
  protected readonly line: Line;
  #timer: Task | null = null;

  constructor(setup: SpeechSetup) {
    this.setup = setup;
    this.line = setup.line;
  }

  open(): void {
    this.touch();
  }

  receiveGarbage(): void {
    this.fail(
      'invalid_input_message',
      'Received an invalid message: it is not a JSON object in a text frame.',
    );
  }

  receive(event: JsonObject): void {
    const key = event['xi-api-key'] ?? event['xi_api_key'] ?? event['authorization'];
    if (asText(key)?.includes('bad') === true) {
      this.fail('invalid_api_key', 'Invalid API key.');
      return;
    }
    if (event['text'] !== undefined && typeof event['text'] !== 'string') {
      this.fail('invalid_input_message', 'text must be a string.');
      return;
    }
    this.touch();
    this.handle(event);
  }

  protected abstract handle(event: JsonObject): void;

  /** An error, and the close that comes with it. */
  protected fail(error: string, message: string): void {
    this.line.send({ message, error, code: POLICY });
    this.line.close(POLICY, message.slice(0, LONGEST_REASON));
  }

  protected touch(): void {
    this.line.agenda.remove(this.#timer);
    this.#timer = this.line.after(this.setup.inactivityMs, () => {
      const seconds = this.setup.inactivityMs / 1000;
      const message = `Have not received a new text input within the timeout of ${seconds} seconds. Streaming input terminated. Please make sure to send additional text input within the timeout.`;
      this.fail('input_timeout_exceeded', message);
    });
  }

  /** Takes no more text, and waits for no more. */
  protected rest(): void {
    this.line.agenda.remove(this.#timer);
  }

  /** A context by its opening message; null when that is wrong, and was refused. */
  protected opened(opening: JsonObject, names: JsonObject, finished: () => void): SpeechContext | null {
    const problem = openingProblem(this.setup, opening);
    if (problem !== null) {
      this.fail(problem.error, problem.message);
      return null;
    }
    const { line, voiceId, format, autoMode } = this.setup;
    const speed = asObject(opening['voice_settings'])?.['speed'];
    return new SpeechContext({
      line,
      voiceId,
      format,
      autoMode,
      pace: typeof speed === 'number' ? speed : 1,
      schedule: scheduleOf(opening) ?? DEFAULT_SCHEDULE,
      frame: ({ audio, alignment }) => ({
        audio,
        isFinal: names['contextId'] === undefined ? null : false,
        normalizedAlignment: alignment,
        alignment,
        ...names,
      }),
      finalFrame: { audio: null, isFinal: true, normalizedAlignment: null, alignment: null, ...names },
      finished,
    });
  }
}

function openingProblem(
  { voiceId, model, line }: SpeechSetup,
  opening: JsonObject,
): { readonly error: string; readonly message: string } | null {
  if (voiceId.includes('missing')) {
    return {
      error: 'voice_id_does_not_exist',
      message: `A voice with voice_id ${voiceId} does not exist.`,
    };
  }
  if (model === 'eleven_v3')
    return { error: 'unsupported_model', message: 'The model eleven_v3 is not served here.' };
  if (line.dials.faults.rate_limited)
    return { error: 'too_many_concurrent_requests', message: 'Too many concurrent requests.' };
  const { least, most } = SCHEDULE_RANGE;
  if (scheduleOf(opening)?.every((value) => value >= least && value <= most) === false) {
    const message = `chunk_length_schedule values must be from ${least} to ${most}.`;
    return { error: 'invalid_input_message', message };
  }
  const speed = asObject(opening['voice_settings'])?.['speed'] ?? 1;
  if (typeof speed !== 'number' || speed < SPEED_RANGE.least || speed > SPEED_RANGE.most) {
    const message = `speed must be from ${SPEED_RANGE.least} to ${SPEED_RANGE.most}.`;
    return { error: 'invalid_input_message', message };
  }
  return null;
}

function scheduleOf(opening: JsonObject): readonly number[] | null {
  const schedule = asArray(asObject(opening['generation_config'])?.['chunk_length_schedule']);
  return schedule?.map((value) => (typeof value === 'number' ? value : Number.NaN)) ?? null;
}

export class StreamSpeech extends SpeechProduct {
  #context: SpeechContext | null = null;
  #isOver = false;

  protected handle(event: JsonObject): void {
    const text = asText(event['text']);
    if (text === undefined || this.#isOver) {
      this.fail('invalid_input_message', 'A message must have a text, and none may follow the empty one.');
      return;
    }
    if (this.#context === null) {
      if (text === ' ') this.#context = this.opened(event, {}, () => this.line.close(1000, ''));
      else this.fail('invalid_input_message', 'The first message must have a single space as its text.');
      return;
    }
    if (text === '') {
      this.#isOver = true;
      this.rest();
      this.#context.end();
      return;
    }
    this.#context.add(
      text === ' ' ? '' : text,
      event['try_trigger_generation'] === true,
      event['flush'] === true,
    );
  }
}

export class MultiSpeech extends SpeechProduct {
  readonly #contexts = new Map<string, { readonly context: SpeechContext; timer: Task | null }>();
  #isClosing = false;

  protected handle(event: JsonObject): void {
    if (this.#isClosing) return;
    if (event['close_socket'] === true) {
      this.#isClosing = true;
      this.rest();
      for (const { context } of this.#contexts.values()) context.end();
      this.#closeWhenEmpty();
      return;
    }
    const id = asText(event['context_id']) ?? 'default';
    const text = asText(event['text']) ?? '';
    const open = this.#contexts.get(id);
    if (open === undefined) {
      // The end of a context may cross the message that closes it.
      if (event['close_context'] !== true) this.#open(id, text, event);
      return;
    }
    this.#keep(id, open);
    if (text !== '' || event['flush'] === true)
      open.context.add(text === ' ' ? '' : text, false, event['flush'] === true);
    if (event['close_context'] === true) open.context.end();
  }

  #open(id: string, text: string, event: JsonObject): void {
    if (text === '') {
      this.fail('invalid_input_message', `The context ${id} does not exist: open it with a text.`);
      return;
    }
    if (this.#contexts.size >= MOST_CONTEXTS) {
      const message = `Maximum simultaneous contexts exceeded: ${MOST_CONTEXTS} may be open on one connection.`;
      this.fail('max_active_conversations', message);
      return;
    }
    const context = this.opened(event, { contextId: id }, () => this.#finished(id));
    if (context === null) return;
    const open = { context, timer: null };
    this.#contexts.set(id, open);
    this.#keep(id, open);
    if (text !== ' ') context.add(text, false, event['flush'] === true);
  }

  /** A context that gets nothing for as long as a socket may is closed; the others go on. */
  #keep(id: string, open: { readonly context: SpeechContext; timer: Task | null }): void {
    this.line.agenda.remove(open.timer);
    open.timer = this.line.after(this.setup.inactivityMs, () => this.#contexts.get(id)?.context.end());
  }

  #finished(id: string): void {
    this.line.agenda.remove(this.#contexts.get(id)?.timer ?? null);
    this.#contexts.delete(id);
    this.#closeWhenEmpty();
  }

  #closeWhenEmpty(): void {
    if (this.#isClosing && this.#contexts.size === 0) this.line.close(1000, '');
  }
}
