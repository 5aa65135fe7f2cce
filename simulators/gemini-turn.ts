/** One turn of the model as Google streams it: a script that yields the ms to wait before it goes on. */
import type { JsonObject, JsonValue } from '../protocol/json.ts';
import { answerText, answerToTool, chooseTools, wordDeltas } from './answers.ts';
import { bytesPerMs, concatBytes, encodeSamples, PCM_RATE } from './audio-format.ts';
import { encodeBase64 } from './base64.ts';
import type { Dials } from './faults.ts';
import { audioTokens, spoken, textTokens, written, type Context, type Produced } from './gemini-context.ts';
import type { Setup } from './gemini-setup.ts';
import type { GeminiWire } from './gemini-wire.ts';
import type { Amounts } from './ledger.ts';
import { seeded } from './seeded.ts';
import { speak, voiceNamed } from './speech.ts';

/** What a turn needs of its session. */
export interface TurnHost {
  readonly wire: GeminiWire;
  readonly context: Context;
  readonly setup: Setup;
  readonly seed: string;
  readonly dials: Dials;
  readonly onVertex: boolean;
  /** Drawn anew for each generation. */
  latencyMs(): number;
  /** Faults that follow a turn's first output; returns the ms to stall. */
  afterFirstOutput(): number;
  /** The turn is over. */
  finished(): void;
  charge(amounts: Partial<Amounts>): void;
}

/** A function response as the client sent it. */
export interface ToolOutput {
  readonly name: string;
  readonly response: JsonValue;
}

const CHUNK_MS = 100;
const TEXT_WORD_MS = 60;
const THOUGHT = 'Looking at what was asked.';
const MIME_TYPE = `audio/pcm;rate=${PCM_RATE}`;

export class GeminiTurn {
  done = false;
  /** Calls that await the client. */
  readonly calls = new Map<string, string>();
  readonly #host: TurnHost;
  readonly #outputs: ToolOutput[] = [];
  #said = '';
  #thoughts = 0;
  #callTokens = 0;
  #audioMs = 0;
  #begun = false;

  constructor(host: TurnHost) {
    this.#host = host;
  }

  /** Up to its end, or to calls that await the client. */
  *script(): Generator<number> {
    const { wire, setup, context, seed, dials } = this.#host;
    if (dials.faults.rate_limited) {
      const reason = 'You exceeded your current quota, please check your plan and billing details.';
      wire.close({ code: 1011, reason });
      return;
    }
    if (setup.resumption !== null) wire.message({ sessionResumptionUpdate: { resumable: false } });
    yield this.#host.latencyMs();
    if (setup.thinks) {
      this.#thoughts += textTokens(THOUGHT);
      this.#part({ text: THOUGHT, thought: true });
    }
    const words = context.lastWords();
    const random = seeded(seed, `tools ${context.turns}`);
    const calls = chooseTools({ tools: [...setup.tools], parallel_tool_calls: true }, words, random);
    if (calls.length > 0) {
      const functionCalls = calls.map(({ name, arguments: text }) => {
        const id = wire.id('function-call');
        this.calls.set(id, name);
        // Made by chooseTools, which writes an object.
        return { id, name, args: JSON.parse(text) as JsonObject };
      });
      this.#callTokens = textTokens(JSON.stringify(functionCalls));
      wire.message({ toolCall: { functionCalls }, usageMetadata: this.#usage() });
      this.#callTokens = 0;
      this.#thoughts = 0;
      return;
    }
    const echo = setup.model === 'sim-echo' && words !== '';
    yield* this.#answer(echo ? words : answerText(seed, context.turns, words, setup.instructions));
  }

  /** Takes one response; when it was the last, the rest of the turn, else null. */
  respond(id: string, response: JsonValue): Generator<number> | null {
    const name = this.calls.get(id) ?? '';
    this.calls.delete(id);
    this.#outputs.push({ name, response });
    this.#host.context.add(written('model', JSON.stringify({ name })));
    this.#host.context.add({ ...written('user', JSON.stringify(response)), text: '' });
    return this.calls.size === 0 ? this.#afterTools() : null;
  }

  *#afterTools(): Generator<number> {
    yield this.#host.latencyMs();
    const answers = this.#outputs.map(({ name, response }) => answerToTool(name, JSON.stringify(response)));
    yield* this.#answer(answers.join(' '));
  }

  /** Ends the turn where it stands: no generationComplete comes of it. */
  interrupt(): void {
    if (this.done) return;
    const { wire } = this.#host;
    if (this.calls.size > 0) wire.message({ toolCallCancellation: { ids: [...this.calls.keys()] } });
    wire.message({ serverContent: { interrupted: true } });
    this.#finish();
  }

  *#answer(text: string): Generator<number> {
    yield* this.#host.setup.modality === 'TEXT' ? this.#write(text) : this.#speak(text);
  }

  *#write(text: string): Generator<number> {
    for (const delta of wordDeltas(text)) {
      this.#said += delta;
      this.#part({ text: delta });
      yield* this.#afterFirst();
      yield TEXT_WORD_MS / this.#host.dials.speed;
    }
    this.#host.wire.message({ serverContent: { generationComplete: true } });
    this.#finish();
  }

  *#speak(text: string): Generator<number> {
    const { wire, setup, dials } = this.#host;
    let waiting: Uint8Array = new Uint8Array(0);
    let sentMs = 0;
    const chunk = CHUNK_MS * bytesPerMs('audio/pcm');
    for (const word of speak(text, voiceNamed(setup.voice, 1))) {
      this.#said += word.text;
      waiting = concatBytes([waiting, encodeSamples(word.samples, 'audio/pcm')]);
      for (; waiting.length >= chunk; waiting = waiting.subarray(chunk)) {
        this.#sound(waiting.subarray(0, chunk));
        yield* this.#afterFirst();
        yield CHUNK_MS / dials.speed;
        sentMs += CHUNK_MS / dials.speed;
      }
      if (setup.transcribesOutput)
        wire.message({ serverContent: { outputTranscription: { text: word.text } } });
    }
    if (waiting.length > 0) this.#sound(waiting);
    wire.message({ serverContent: { generationComplete: true } });
    // The turn ends when its audio has been played, as far as the service can tell.
    yield Math.max(0, this.#audioMs - sentMs);
    this.#finish();
  }

  #sound(bytes: Uint8Array): void {
    this.#audioMs += bytes.length / bytesPerMs('audio/pcm');
    this.#part({ inlineData: { mimeType: MIME_TYPE, data: encodeBase64(bytes) } });
  }

  #part(part: JsonObject): void {
    this.#host.wire.message({ serverContent: { modelTurn: { role: 'model', parts: [part] } } });
  }

  *#afterFirst(): Generator<number> {
    if (this.#begun) return;
    this.#begun = true;
    const stall = this.#host.afterFirstOutput();
    if (stall > 0) yield stall;
  }

  #finish(): void {
    this.done = true;
    const { wire, context, setup } = this.#host;
    wire.message({ serverContent: { turnComplete: true }, usageMetadata: this.#usage() });
    context.add(
      setup.modality === 'TEXT' ? written('model', this.#said) : spoken('model', this.#said, this.#audioMs),
    );
    context.turns += 1;
    this.#host.finished();
  }

  #usage(): JsonObject {
    const { context, setup, onVertex } = this.#host;
    this.#charge();
    return context.usage(setup, this.#produced(), onVertex);
  }

  #charge(): void {
    const { context, setup } = this.#host;
    this.#host.charge(context.charge(setup, this.#produced()));
  }

  /** The socket is over: the generation in progress is charged as far as it has come. One that awaits its tools was charged when it called. */
  abandon(): void {
    if (this.calls.size === 0 && (this.#said !== '' || this.#thoughts > 0)) this.#charge();
  }

  #produced(): Produced {
    const thoughts = this.#thoughts;
    if (this.#callTokens > 0) return { tokens: this.#callTokens, modality: 'TEXT', thoughts };
    return this.#host.setup.modality === 'TEXT'
      ? { tokens: textTokens(this.#said), modality: 'TEXT', thoughts }
      : { tokens: audioTokens(this.#audioMs), modality: 'AUDIO', thoughts };
  }
}
