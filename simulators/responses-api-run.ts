/**
 * One response of the Responses API as it streams, on a socket of its own or inside a GPT-Live session: a script that yields
 * the ms to wait before it goes on.
 */
import { asText, type JsonObject, member } from '../protocol/json.ts';
import { answerText, answerToTool, chooseTools, type ToolCall, wordDeltas } from './answers.ts';
import type { Amounts } from './ledger.ts';
import type { Item } from './openai-items.ts';
import { billOf, countInput, type Counted, textTokens } from './openai-usage.ts';
import type { ResponsesRequest } from './responses-api-request.ts';
import { type Seeded, seeded } from './seeded.ts';

/** What a response needs of its session. */
export interface ResponsesHost {
  readonly seed: string;
  readonly speed: number;
  readonly failing: boolean;
  id(prefix: string): string;
  /** ms since the epoch. */
  now(): number;
  /** Drawn anew for each response. */
  latencyMs(): number;
  /** @param isOutput false: of the response's life */
  emit(event: JsonObject, isOutput: boolean): void;
  /** Its last event was sent. @param bill null where the service tells none */
  ended(run: ResponsesRun, bill: ResponsesBill | null): void;
}

/** Tokens of all kinds together, as this API counts them. */
export interface ResponsesBill {
  readonly input: number;
  readonly cached: number;
  /** `reasoning` is a part of it. */
  readonly output: number;
  readonly reasoning: number;
}

type Status = 'completed' | 'incomplete' | 'failed';

const WORD_MS = 40;
const ARGUMENT_LETTERS = 12;
const LEAST_THOUGHT = 16;
const THOUGHTS = 128;

export class ResponsesRun {
  readonly id: string;
  readonly request: ResponsesRequest;
  readonly input: readonly Counted[];
  /** What it said, for the response that goes on from it. */
  readonly output: Item[] = [];
  done = false;
  readonly #host: ResponsesHost;
  readonly #random: Seeded;
  readonly #createdAt: number;
  #sequence = 0;
  #outputTokens = 0;
  #reasoning = 0;

  constructor(host: ResponsesHost, request: ResponsesRequest) {
    this.#host = host;
    this.request = request;
    this.id = host.id('resp');
    this.#random = seeded(host.seed, `response ${request.turn}`);
    this.#createdAt = Math.floor(host.now() / 1000);
    this.input = countInput(request.config, request.input);
  }

  /** The next of the numbers that the events of a response carry. */
  sequence(): number {
    return this.#sequence++;
  }

  /** What it costs as far as it has come. */
  bill(): ResponsesBill {
    const { input, cached } = billOf(this.input, this.request.earlierInput, { text: 0, audio: 0 });
    const all = (tokens: typeof input): number => tokens.text + tokens.audio + tokens.image;
    return {
      input: all(input),
      cached: all(cached),
      output: this.#outputTokens + this.#reasoning,
      reasoning: this.#reasoning,
    };
  }

  *script(): Generator<number> {
    const { config } = this.request;
    this.#life('response.created', 'in_progress', {});
    this.#life('response.in_progress', 'in_progress', {});
    yield this.#host.latencyMs();
    if (this.#host.failing) {
      const message = 'Rate limit reached for the tokens of this minute. Please try again in 20 s.';
      this.#end('failed', null, { error: { code: 'rate_limit_exceeded', message } });
      return;
    }
    // It only gets a context ready. What that costs is not documented: the simulator tells no bill, and charges none.
    if (config['generate'] === false) {
      this.#end('completed', null, {});
      return;
    }
    const effort = asText(member(config['reasoning'], 'effort'));
    if (effort !== undefined && effort !== 'none') yield* this.#think();
    const { calls, text } = this.#plan();
    for (const call of calls) if (!this.done) yield* this.#call(call);
    if (calls.length === 0) yield* this.#write(text);
    if (!this.done) this.#end('completed', this.bill(), {});
  }

  #end(status: Status, bill: ResponsesBill | null, more: JsonObject): void {
    this.done = true;
    this.#life(`response.${status}`, status, {
      ...more,
      completed_at: status === 'completed' ? Math.floor(this.#host.now() / 1000) : null,
      usage: bill === null ? null : usageOf(bill),
    });
    this.#host.ended(this, bill);
  }

  #life(type: string, status: string, more: JsonObject): void {
    this.#emit(type, { response: { ...this.#shown(status), ...more } }, false);
  }

  #emit(type: string, fields: JsonObject, isOutput = true): void {
    this.#host.emit({ type, sequence_number: this.sequence(), ...fields }, isOutput);
  }

  #shown(status: string): JsonObject {
    const { model, config } = this.request;
    return {
      id: this.id,
      object: 'response',
      created_at: this.#createdAt,
      status,
      background: false,
      error: null,
      incomplete_details: null,
      instructions: config['instructions'] ?? null,
      max_output_tokens: config['max_output_tokens'] ?? null,
      metadata: config['metadata'] ?? {},
      model,
      output: this.output.map((item) => item.wire),
      parallel_tool_calls: config['parallel_tool_calls'] ?? true,
      previous_response_id: config['previous_response_id'] ?? null,
      reasoning: config['reasoning'] ?? { effort: null, summary: null },
      store: config['store'] ?? true,
      temperature: config['temperature'] ?? 1,
      text: config['text'] ?? { format: { type: 'text' } },
      tool_choice: config['tool_choice'] ?? 'auto',
      tools: config['tools'] ?? [],
      top_p: config['top_p'] ?? 1,
      truncation: config['truncation'] ?? 'disabled',
      usage: null,
    };
  }

  #plan(): { readonly calls: readonly ToolCall[]; readonly text: string } {
    const { config, input, model, turn } = this.request;
    const lastOther = input.findLastIndex((item) => item.wire['type'] !== 'function_call_output');
    const outputs = input.slice(lastOther + 1);
    if (outputs.length > 0)
      return { calls: [], text: outputs.map((each) => this.#toolAnswer(each)).join(' ') };
    const user = input.findLast((item) => item.wire['role'] === 'user')?.words ?? '';
    const calls = chooseTools({ parallel_tool_calls: true, ...config }, user, this.#random);
    if (model === 'sim-echo' && user !== '') return { calls, text: user };
    return { calls, text: answerText(this.#host.seed, turn, user, asText(config['instructions']) ?? '') };
  }

  #toolAnswer(output: Item): string {
    const callId = output.wire['call_id'];
    const call = this.request.input.find(
      ({ wire }) => wire['type'] === 'function_call' && wire['call_id'] === callId,
    );
    return answerToTool(asText(call?.wire['name']) ?? 'the tool', output.words);
  }

  /** False: the response is at its limit, and over. */
  #hasRoom(): boolean {
    const most = this.request.config['max_output_tokens'];
    if (typeof most !== 'number' || this.#outputTokens + this.#reasoning < most) return true;
    this.#end('incomplete', this.bill(), { incomplete_details: { reason: 'max_output_tokens' } });
    return false;
  }

  #open(wire: JsonObject): Item {
    const item: Item = { id: asText(wire['id']) ?? '', wire, audio: null, words: '' };
    this.output.push(item);
    this.#emit('response.output_item.added', { output_index: this.#index, item: wire });
    return item;
  }

  #close(item: Item, more: JsonObject): void {
    item.wire = { ...item.wire, status: 'completed', ...more };
    this.#emit('response.output_item.done', { output_index: this.#index, item: item.wire });
  }

  get #index(): number {
    return this.output.length - 1;
  }

  *#think(): Generator<number> {
    const item = this.#open({ id: this.#host.id('rs'), type: 'reasoning', summary: [] });
    this.#reasoning = LEAST_THOUGHT + this.#random.below(THOUGHTS);
    yield (this.#reasoning * WORD_MS) / this.#host.speed;
    this.#close(item, {});
  }

  *#call({ name, arguments: text }: ToolCall): Generator<number> {
    if (!this.#hasRoom()) return;
    const ids = { id: this.#host.id('fc'), call_id: this.#host.id('call') };
    const item = this.#open({ ...ids, type: 'function_call', status: 'in_progress', name, arguments: '' });
    const place = { item_id: item.id, output_index: this.#index };
    for (let at = 0; at < text.length; at += ARGUMENT_LETTERS) {
      if (!this.#hasRoom()) return;
      const delta = text.slice(at, at + ARGUMENT_LETTERS);
      this.#outputTokens += textTokens(delta);
      this.#emit('response.function_call_arguments.delta', { ...place, delta });
      yield WORD_MS / this.#host.speed;
    }
    this.#emit('response.function_call_arguments.done', { ...place, name, arguments: text });
    this.#close(item, { arguments: text });
  }

  *#write(text: string): Generator<number> {
    if (!this.#hasRoom()) return;
    const id = this.#host.id('msg');
    const item = this.#open({
      id,
      type: 'message',
      status: 'in_progress',
      role: 'assistant',
      content: [],
    });
    const place = { item_id: id, output_index: this.#index, content_index: 0 };
    const part = (said: string): JsonObject => ({
      type: 'output_text',
      text: said,
      annotations: [],
      logprobs: [],
    });
    this.#emit('response.content_part.added', { ...place, part: part('') });
    for (const delta of wordDeltas(text)) {
      if (!this.#hasRoom()) return;
      this.#outputTokens += textTokens(item.words + delta) - textTokens(item.words);
      item.words += delta;
      this.#emit('response.output_text.delta', { ...place, delta, logprobs: [] });
      yield WORD_MS / this.#host.speed;
    }
    this.#emit('response.output_text.done', { ...place, text: item.words, logprobs: [] });
    this.#emit('response.content_part.done', { ...place, part: part(item.words) });
    this.#close(item, { content: [part(item.words)] });
  }
}

/** This API does not split its counts, and neither does a record of them: all stand as text. */
export function chargeOf({ input, cached, output, reasoning }: ResponsesBill): Partial<Amounts> {
  return { input_text: input, cached_text: cached, output_text: output, reasoning };
}

function usageOf({ input, cached, output, reasoning }: ResponsesBill): JsonObject {
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cached, cache_write_tokens: 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: input + output,
  };
}
