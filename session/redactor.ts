/**
 * Takes out of a frame what a deployment does not want stored. It makes another payload for the log; the frame itself has
 * gone out by then, and is never touched.
 */
import type { Payload } from '../protocol/connect.ts';
import { asText, type JsonValue, member, parseJson } from '../protocol/json.ts';
import type { FieldRule, Redaction } from '../protocol/redaction.ts';
import { FieldRules, type Ways } from './field-rules.ts';
import { editJson, type JsonVisitor } from '../protocol/json-edit.ts';
import { PatternSearch } from './redaction-patterns.ts';

interface Scope {
  readonly fields: Ways;
  readonly pieces: Ways;
}

/** Nothing of ours is deeper, and what a provider nests deeper is not looked through. */
const RECORD_DEPTH = 16;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;

export class Redactor {
  readonly #rules: Redaction;
  readonly #fields: FieldRules;
  readonly #pieces: FieldRules;
  readonly #patterns: PatternSearch;
  /** In place of a value in JSON. */
  readonly #instead: string;

  /** @param pieces fields whose text goes on in the next frame: a pattern could not see what is cut in two */
  constructor(rules: Redaction, pieces: readonly FieldRule[]) {
    this.#rules = rules;
    this.#fields = new FieldRules(rules.fields);
    this.#pieces = new FieldRules(rules.patterns.length === 0 ? [] : pieces);
    this.#patterns = new PatternSearch(rules.patterns, rules.replacement);
    this.#instead = JSON.stringify(rules.replacement);
  }

  get hasFields(): boolean {
    return !this.#fields.isEmpty;
  }

  get hasPatterns(): boolean {
    return !this.#patterns.isEmpty;
  }

  get replacement(): string {
    return this.#rules.replacement;
  }

  /** What the log holds in place of a frame; null: its length only. Undefined: the frame as it is. */
  stored(payload: Payload): Payload | null | undefined {
    return this.#edited(payload, this.#pieces, this.#patterns);
  }

  /** The frame without the fields that rules name, and else as it is. */
  withoutFields(payload: Payload): Payload {
    return this.#edited(payload, NO_FIELDS, NO_PATTERNS) ?? payload;
  }

  /** Text, or a value with text in it, without what patterns find. */
  withoutMatches<T extends JsonValue>(value: T): T {
    // Strings become strings, lists lists of the same, and objects keep their keys.
    return this.#searched(value, 0) as T;
  }

  #searched(value: JsonValue, depth: number): JsonValue {
    if (typeof value === 'string') return this.#patterns.text(value);
    if (typeof value !== 'object' || value === null) return value;
    if (depth >= RECORD_DEPTH) return this.#rules.replacement;
    if (Array.isArray(value)) return value.map((each: JsonValue) => this.#searched(each, depth + 1));
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [key, this.#searched(each, depth + 1)]),
    );
  }

  #edited(payload: Payload, pieces: FieldRules, patterns: PatternSearch): Payload | null | undefined {
    if (typeof payload === 'string') {
      const edited = this.#json(payload, pieces, patterns) ?? patterns.text(payload);
      return edited === payload ? undefined : edited;
    }
    const text = maybeJson(payload);
    const edited = text === null ? null : this.#json(text, pieces, patterns);
    if (edited === null) return this.#rules.binary === 'drop' ? null : undefined;
    return edited === text ? undefined : bytesOf(edited);
  }

  /** Null: it is no JSON. */
  #json(text: string, pieces: FieldRules, patterns: PatternSearch): string | null {
    const value = parseJson(text);
    if (value === undefined) return null;
    const type = asText(member(value, 'type')) ?? null;
    const fields = this.#fields;
    const visitor: JsonVisitor<Scope> = {
      enter: (parent, key) => ({
        fields: fields.enter(parent.fields, key),
        pieces: pieces.enter(parent.pieces, key),
      }),
      hides: (scope) => fields.isField(scope.fields) || pieces.isField(scope.pieces),
      hidden: (raw) => (raw === '""' || raw === 'null' ? raw : this.#instead),
      string: (each) => patterns.text(each),
      literal: (raw) => {
        const found = patterns.number(raw);
        return found === raw ? raw : JSON.stringify(found);
      },
    };
    return editJson(text, { fields: fields.begin(type), pieces: pieces.begin(type) }, visitor);
  }
}

const NO_FIELDS = new FieldRules([]);
const NO_PATTERNS = new PatternSearch([], '');

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of a binary frame that may be JSON, as some providers send it; else null. */
function maybeJson(payload: ArrayBuffer): string | null {
  const bytes = new Uint8Array(payload);
  const first = bytes.find((byte) => byte > 0x20);
  if (first !== OPEN_BRACE && first !== OPEN_BRACKET) return null;
  try {
    return decoder.decode(bytes);
  } catch {
    // Not UTF-8, so not JSON: audio may begin with any byte.
    return null;
  }
}

function bytesOf(text: string): ArrayBuffer {
  const bytes = new TextEncoder().encode(text);
  // A fresh encoding has a buffer of its own; the compiler knows it only as bytes.
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
}
