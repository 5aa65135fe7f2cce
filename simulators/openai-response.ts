/** One response as the service streams it: a script that yields the ms to wait before it goes on. */
import { asArray, asText, type JsonObject, type JsonValue } from '../protocol/json.ts';
import { answerText, answerToTool, chooseTools, wordDeltas, type ToolCall } from './answers.ts';
import { bytesPerMs, concatBytes, encodeSamples, transcode, type Encoding } from './audio-format.ts';
import { encodeBase64 } from './base64.ts';
import { encodingOf, outputOf } from './openai-config.ts';
import type { Conversation } from './openai-conversation.ts';
import { messageWire, type Item } from './openai-items.ts';
import {
  ASSISTANT_MS_PER_TOKEN,
  type Bill,
  billOf,
  countInput,
  type Counted,
  textTokens,
  usageOf,
} from './openai-usage.ts';
import type { OpenAiWire } from './openai-wire.ts';
import { seeded } from './seeded.ts';
import { speak, voiceNamed } from './speech.ts';

/** What a response needs of its session. */
export interface ResponseHost {
  readonly wire: OpenAiWire;
  readonly conversation: Conversation;
  readonly seed: string;
  readonly speed: number;
  /** Input of the response before, for the cache. */
  readonly earlierInput: readonly Counted[];
  /** Drawn anew for each response. */
  latencyMs(): number;
  readonly failing: boolean;
  /** Faults that follow a response's first delta; returns the ms to stall. */
  afterFirstDelta(): number;
  /** `response.done` was sent; with no bill where the response failed. */
  finished(response: ResponseRun, bill: Bill | null): void;
  /** So much sound went out. */
  sounded(ms: number): void;
}

export interface ResponseRequest {
  /** The session with the request's own settings over it. */
  readonly config: JsonObject;
  /** False: out of band, its items belong to no conversation. */
  readonly inConversation: boolean;
  readonly metadata: JsonValue;
  readonly input: readonly Item[];
  readonly turn: number;
}

export type ResponseStatus = 'completed' | 'cancelled' | 'incomplete' | 'failed';

const CHUNK_MS = 150;
const TEXT_WORD_MS = 60;
const ARGUMENT_LETTERS = 12;

interface OpenItem {
  readonly item: Item;
  readonly kind: 'text' | 'audio' | 'call';
  readonly previous: string | null;
  /** What the deltas said so far. */
  said: string;
  readonly audio: Uint8Array[];
}

export class ResponseRun {
  readonly id: string;
  readonly request: ResponseRequest;
  readonly input: readonly Counted[];
  done = false;
  /** ms of audio sent so far. */
  audioMs = 0;
  readonly #host: ResponseHost;
  readonly #encoding: Encoding;
  readonly #earlier: readonly Counted[];
  readonly #output: Item[] = [];
  #open: OpenItem | null = null;
  #textTokens = 0;
  #begun = false;

  constructor(host: ResponseHost, request: ResponseRequest) {
    this.#host = host;
    this.request = request;
    this.id = host.wire.id('resp');
    this.#encoding = encodingOf(outputOf(request.config));
    this.input = countInput(request.config, request.input);
    this.#earlier = host.earlierInput;
  }

  *script(): Generator<number> {
    const { wire, failing } = this.#host;
    wire.event('response.created', { response: this.#shown('in_progress', null, null) });
    yield this.#host.latencyMs();
    if (failing) {
      const message = 'Rate limit reached for the tokens of this minute. Please try again in 20 s.';
      const error = { type: 'tokens', code: 'rate_limit_exceeded', message };
      this.finish('failed', { type: 'failed', error });
      return;
    }
    const { calls, text } = this.#plan();
    for (const call of calls) {
      if (!this.done) yield* this.#call(call);
    }
    if (calls.length === 0) {
      yield* asArray(this.request.config['output_modalities'])?.[0] === 'text'
        ? this.#write(text)
        : this.#speak(text);
    }
    if (!this.done) this.finish('completed', null);
  }

  /** Ends the response from wherever it is: what is open gets its `.done` events first. */
  finish(status: ResponseStatus, details: JsonObject | null): void {
    if (this.done) return;
    this.done = true;
    this.#closeItem(status === 'completed' ? 'completed' : 'incomplete');
    const bill = status === 'failed' ? null : this.bill();
    const usage = bill === null ? null : usageOf(bill);
    this.#host.wire.event('response.done', { response: this.#shown(status, details, usage) });
    this.#host.finished(this, bill);
  }

  /** What it costs as far as it has come. */
  bill(): Bill {
    const audio = Math.ceil(this.audioMs / ASSISTANT_MS_PER_TOKEN);
    return billOf(this.input, this.#earlier, { text: this.#textTokens, audio });
  }

  #shown(status: string, details: JsonObject | null, usage: JsonObject | null): JsonObject {
    const { config, inConversation, metadata } = this.request;
    const { format, voice } = outputOf(config);
    return {
      object: 'realtime.response',
      id: this.id,
      status,
      status_details: details,
      output: this.#output.map((item) => item.wire),
      conversation_id: inConversation ? this.#host.conversation.id : null,
      output_modalities: config['output_modalities'] ?? ['audio'],
      max_output_tokens: config['max_output_tokens'] ?? 'inf',
      audio: { output: { format: format ?? null, voice: voice ?? null } },
      usage,
      metadata,
    };
  }

  #plan(): { readonly calls: readonly ToolCall[]; readonly text: string } {
    const { config, input, turn } = this.request;
    const lastOther = input.findLastIndex((item) => item.wire['type'] !== 'function_call_output');
    const outputs = input.slice(lastOther + 1);
    if (outputs.length > 0)
      return { calls: [], text: outputs.map((item) => this.#toolAnswer(item)).join(' ') };
    const user = input.findLast((item) => item.wire['role'] === 'user')?.words ?? '';
    const { seed } = this.#host;
    const calls = chooseTools(config, user, seeded(seed, `tools ${turn}`));
    if (asText(config['model']) === 'sim-echo' && user !== '') return { calls, text: user };
    return { calls, text: answerText(seed, turn, user, asText(config['instructions']) ?? '') };
  }

  #toolAnswer(output: Item): string {
    const callId = output.wire['call_id'];
    const calls = [...this.request.input, ...this.#host.conversation.items];
    const call = calls.find(({ wire }) => wire['type'] === 'function_call' && wire['call_id'] === callId);
    return answerToTool(asText(call?.wire['name']) ?? 'the tool', output.words);
  }

  #openItem(wire: JsonObject, id: string, kind: OpenItem['kind']): OpenItem {
    const item: Item = { id, wire, audio: null, words: '' };
    const { conversation } = this.#host;
    this.#output.push(item);
    this.#event('response.output_item.added', { item: wire });
    const previous = this.request.inConversation ? conversation.insert(item) : null;
    if (this.request.inConversation) {
      this.#host.wire.event('conversation.item.added', { previous_item_id: previous, item: wire });
    }
    const open: OpenItem = { item, kind, previous, said: '', audio: [] };
    this.#open = open;
    if (kind !== 'call') this.#part('response.content_part.added', open);
    return open;
  }

  /** With the ids that every event inside a response carries. */
  #event(type: string, fields: JsonObject): void {
    this.#host.wire.event(type, { response_id: this.id, output_index: this.#output.length - 1, ...fields });
  }

  #part(type: string, open: OpenItem): void {
    const part =
      open.kind === 'text' ? { type: 'text', text: open.said } : { type: 'audio', transcript: open.said };
    this.#event(type, { item_id: open.item.id, content_index: 0, part });
  }

  *#delta(type: string, fields: JsonObject): Generator<number> {
    this.#event(type, fields);
    if (this.#begun) return;
    this.#begun = true;
    const stall = this.#host.afterFirstDelta();
    if (stall > 0) yield stall;
  }

  #roomLeft(): boolean {
    const most = this.request.config['max_output_tokens'];
    const used = this.#textTokens + Math.ceil(this.audioMs / ASSISTANT_MS_PER_TOKEN);
    if (typeof most !== 'number' || used < most) return true;
    this.finish('incomplete', { type: 'incomplete', reason: 'max_output_tokens' });
    return false;
  }

  *#call(call: ToolCall): Generator<number> {
    const { wire } = this.#host;
    const id = wire.id('item');
    const callId = wire.id('call');
    const shown = {
      id,
      type: 'function_call',
      object: 'realtime.item',
      status: 'in_progress',
      name: call.name,
    };
    const open = this.#openItem({ ...shown, call_id: callId, arguments: '' }, id, 'call');
    for (let at = 0; at < call.arguments.length; at += ARGUMENT_LETTERS) {
      if (!this.#roomLeft()) return;
      const delta = call.arguments.slice(at, at + ARGUMENT_LETTERS);
      open.said += delta;
      this.#textTokens += textTokens(delta);
      const fields = { item_id: id, call_id: callId, delta, obfuscation: wire.obfuscation() };
      yield* this.#delta('response.function_call_arguments.delta', fields);
      yield TEXT_WORD_MS / this.#host.speed;
      if (this.done) return;
    }
    this.#closeItem('completed');
  }

  *#write(text: string): Generator<number> {
    const { wire, speed } = this.#host;
    const id = wire.id('item');
    const open = this.#openItem(messageWire(id, 'assistant', 'in_progress', []), id, 'text');
    for (const delta of wordDeltas(text)) {
      if (!this.#roomLeft()) return;
      this.#say(open, delta);
      const fields = { item_id: id, content_index: 0, delta, obfuscation: wire.obfuscation() };
      yield* this.#delta('response.output_text.delta', fields);
      yield TEXT_WORD_MS / speed;
      if (this.done) return;
    }
    this.#closeItem('completed');
  }

  #say(open: OpenItem, delta: string): void {
    this.#textTokens += textTokens(open.said + delta) - textTokens(open.said);
    open.said += delta;
  }

  *#speak(text: string): Generator<number> {
    const { wire } = this.#host;
    const id = wire.id('item');
    const open = this.#openItem(messageWire(id, 'assistant', 'in_progress', []), id, 'audio');
    let waiting: Uint8Array = new Uint8Array(0);
    const chunk = CHUNK_MS * bytesPerMs(this.#encoding);
    for (const piece of this.#pieces(text)) {
      if (!this.#roomLeft()) return;
      if (piece.text !== '') {
        this.#say(open, piece.text);
        const fields = { item_id: id, content_index: 0, delta: piece.text, obfuscation: wire.obfuscation() };
        yield* this.#delta('response.output_audio_transcript.delta', fields);
      }
      waiting = waiting.length === 0 ? piece.bytes : concatBytes([waiting, piece.bytes]);
      for (; waiting.length >= chunk; waiting = waiting.subarray(chunk)) {
        if (this.done || !this.#roomLeft()) return;
        yield* this.#sound(open, waiting.subarray(0, chunk));
      }
    }
    if (waiting.length > 0 && !this.done) yield* this.#sound(open, waiting);
    if (!this.done) this.#closeItem('completed');
  }

  /** One audio delta, and the time until the next is ready. */
  *#sound(open: OpenItem, bytes: Uint8Array): Generator<number> {
    const ms = bytes.length / bytesPerMs(this.#encoding);
    open.audio.push(bytes);
    this.audioMs += ms;
    this.#host.sounded(ms);
    const fields = { item_id: open.item.id, content_index: 0, delta: encodeBase64(bytes) };
    yield* this.#delta('response.output_audio.delta', fields);
    yield ms / this.#host.speed;
  }

  /** Words with their sound: a synthetic voice, or for `sim-echo` the user's own. */
  *#pieces(text: string): Generator<{ readonly text: string; readonly bytes: Uint8Array }> {
    const { config, input } = this.request;
    const own = input.findLast((item) => item.wire['role'] === 'user')?.audio;
    if (asText(config['model']) === 'sim-echo' && own !== undefined && own !== null) {
      const bytes = transcode(own.bytes, own.encoding, this.#encoding);
      const words = wordDeltas(text);
      const share = 2 * Math.ceil(bytes.length / words.length / 2);
      for (const [index, word] of words.entries()) {
        yield { text: word, bytes: bytes.subarray(index * share, (index + 1) * share) };
      }
      return;
    }
    const { voice, speed } = outputOf(config);
    const pace = typeof speed === 'number' ? speed : 1;
    for (const word of speak(text, voiceNamed(asText(voice) ?? JSON.stringify(voice), pace))) {
      yield { text: word.text, bytes: encodeSamples(word.samples, this.#encoding) };
    }
  }

  #closeItem(status: 'completed' | 'incomplete'): void {
    const open = this.#open;
    if (open === null) return;
    this.#open = null;
    const { item, said } = open;
    const ids = { item_id: item.id, content_index: 0 };
    item.words = said;
    switch (open.kind) {
      case 'call': {
        const { name = '', call_id: callId = '' } = item.wire;
        item.wire = { ...item.wire, status, arguments: said };
        const fields = { item_id: item.id, call_id: callId, name, arguments: said };
        this.#event('response.function_call_arguments.done', fields);
        break;
      }
      case 'text':
        item.wire = messageWire(item.id, 'assistant', status, [{ type: 'output_text', text: said }]);
        this.#event('response.output_text.done', { ...ids, text: said });
        this.#part('response.content_part.done', open);
        break;
      case 'audio': {
        const audio = { bytes: concatBytes(open.audio), encoding: this.#encoding };
        if (audio.bytes.length > 0) this.#keep(item, audio);
        item.wire = messageWire(item.id, 'assistant', status, [{ type: 'output_audio', transcript: said }]);
        this.#event('response.output_audio.done', ids);
        this.#event('response.output_audio_transcript.done', { ...ids, transcript: said });
        this.#part('response.content_part.done', open);
        break;
      }
    }
    if (this.request.inConversation) {
      this.#host.wire.event('conversation.item.done', { previous_item_id: open.previous, item: item.wire });
    }
    this.#event('response.output_item.done', { item: item.wire });
  }

  #keep(item: Item, audio: NonNullable<Item['audio']>): void {
    // The client may have deleted the item meanwhile.
    if (this.#host.conversation.find(item.id) === item) this.#host.conversation.setAudio(item, audio);
  }
}
