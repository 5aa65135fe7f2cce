/**
 * The context of a Gemini Live session: what was said by whom, what it costs to read again, and the handle in which it
 * travels to another socket.
 */
import { asArray, asText, member, parseJson, type JsonObject, type JsonValue } from '../protocol/json.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import type { Setup } from './gemini-setup.ts';
import type { Amounts } from './ledger.ts';
import { hashText } from './seeded.ts';

export type Modality = 'TEXT' | 'AUDIO' | 'IMAGE';

/** One Content, as far as it is remembered. */
export interface Said {
  readonly role: 'user' | 'model';
  readonly text: string;
  readonly tokens: number;
  readonly modality: Modality;
}

/** Of what one generation produced. */
export interface Produced {
  readonly tokens: number;
  readonly modality: Modality;
  readonly thoughts: number;
}

const AUDIO_TOKENS_PER_SECOND = 25;
const LETTERS_PER_TOKEN = 4;
const IMAGE_TOKENS = 258;
/** A handle is good for so long after it was given out. */
const HANDLE_MS = 2 * 3_600_000;
/** A handle holds the last words, and of those before them what they cost. */
const HANDLE_CONTENTS = 8;
const HANDLE_LETTERS = 200;

export const textTokens = (text: string): number => Math.ceil(text.length / LETTERS_PER_TOKEN);
export const audioTokens = (ms: number): number => Math.ceil((ms / 1000) * AUDIO_TOKENS_PER_SECOND);

export const written = (role: Said['role'], text: string): Said => ({
  role,
  text,
  tokens: textTokens(text),
  modality: 'TEXT',
});
export const spoken = (role: Said['role'], text: string, ms: number): Said => ({
  role,
  text,
  tokens: audioTokens(ms),
  modality: 'AUDIO',
});
export const shown = (): Said => ({ role: 'user', text: '', tokens: IMAGE_TOKENS, modality: 'IMAGE' });

export class Context {
  #contents: Said[] = [];
  /** Turns of the model so far. */
  turns = 0;

  get contents(): JsonValue {
    return this.#contents.map((said) => ({ ...said }));
  }

  add(content: Said): void {
    this.#contents.push(content);
  }

  get isEmpty(): boolean {
    return this.#contents.length === 0;
  }

  /** What the user said last. */
  lastWords(): string {
    return this.#contents.findLast(({ role, text }) => role === 'user' && text !== '')?.text ?? '';
  }

  #prompt(setup: Setup): Readonly<Record<Modality, number>> {
    const head = textTokens(setup.instructions) + textTokens(JSON.stringify(setup.tools)) + 1;
    const sums: Record<Modality, number> = { TEXT: head, AUDIO: 0, IMAGE: 0 };
    for (const { modality, tokens } of this.#contents) sums[modality] += tokens;
    return sums;
  }

  /** What a generation costs. Thoughts are charged as text of the output. */
  charge(setup: Setup, { tokens, modality, thoughts }: Produced): Partial<Amounts> {
    const prompt = this.#prompt(setup);
    return {
      input_text: prompt.TEXT,
      input_audio: prompt.AUDIO,
      input_image: prompt.IMAGE,
      output_text: thoughts + (modality === 'TEXT' ? tokens : 0),
      output_audio: modality === 'AUDIO' ? tokens : 0,
      reasoning: thoughts,
    };
  }

  /** One snapshot: the whole context is read for each generation, so the prompt grows from turn to turn. */
  usage(setup: Setup, produced: Produced, onVertex: boolean): JsonObject {
    const sums = this.#prompt(setup);
    const details = Object.entries(sums).flatMap(([modality, tokenCount]) =>
      tokenCount === 0 ? [] : [{ modality, tokenCount }],
    );
    const prompt = sums.TEXT + sums.AUDIO + sums.IMAGE;
    const response = onVertex ? 'candidates' : 'response';
    return {
      promptTokenCount: prompt,
      [`${response}TokenCount`]: produced.tokens,
      totalTokenCount: prompt + produced.tokens,
      promptTokensDetails: details,
      [`${response}TokensDetails`]: [{ modality: produced.modality, tokenCount: produced.tokens }],
      ...(produced.thoughts === 0 ? {} : { thoughtsTokenCount: produced.thoughts }),
      ...(onVertex ? { trafficType: 'ON_DEMAND' } : {}),
    };
  }

  /** A handle holds what it stands for, so that any socket of any process can take it up. */
  handle(session: string, model: string, now: number): string {
    const older = this.#contents.slice(0, -HANDLE_CONTENTS);
    const contents = [
      ...(['TEXT', 'AUDIO', 'IMAGE'] as const).map((modality) => sumOf(older, modality)),
      ...this.#contents.slice(-HANDLE_CONTENTS),
    ].map((said) => ({ ...said, text: said.text.slice(0, HANDLE_LETTERS) }));
    const text = JSON.stringify({ session, model, now, turns: this.turns, contents });
    const sealed = `${hashText(text).toString(36)}.${text}`;
    return encodeBase64(new TextEncoder().encode(sealed)).replaceAll('+', '-').replaceAll('/', '_');
  }

  /** Takes up the context of a handle. Returns its session, or null when the handle is unknown or too old. */
  resume(handle: string, model: string, now: number): string | null {
    const bytes = decodeBase64(handle.replaceAll('-', '+').replaceAll('_', '/'));
    const sealed = bytes === null ? '' : new TextDecoder().decode(bytes);
    const text = sealed.slice(sealed.indexOf('.') + 1);
    if (sealed !== `${hashText(text).toString(36)}.${text}`) return null;
    const value = parseJson(text);
    const given = member(value, 'now');
    if (member(value, 'model') !== model || typeof given !== 'number' || now - given > HANDLE_MS) return null;
    // Sealed by us, so it holds what `handle` put into it.
    this.#contents = [...((asArray(member(value, 'contents')) ?? []) as unknown as Said[])];
    this.turns = Number(member(value, 'turns'));
    return asText(member(value, 'session')) ?? null;
  }
}

function sumOf(contents: readonly Said[], modality: Modality): Said {
  const tokens = contents.reduce((sum, each) => sum + (each.modality === modality ? each.tokens : 0), 0);
  return { role: 'user', text: '', tokens, modality };
}
