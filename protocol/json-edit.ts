/**
 * Edits JSON text in place: what is not replaced keeps its very characters, so numbers keep their digits, keys their
 * order, and a key that comes twice comes twice. However deep hostile JSON is, nothing here recurses.
 */

/** What an editor does, by scope: whatever the visitor must know of the way to a value. */
export interface JsonVisitor<S> {
  /** The scope of what stands under `key`, or under an index, of a container of scope `parent`. */
  enter(parent: S, key: string): S;
  /** True where a value is replaced as a whole. */
  hides(scope: S): boolean;
  /** JSON text in place of a value that is hidden; the same text changes nothing. */
  hidden(raw: string): string;
  /** In place of a string or a key, both decoded. */
  string(text: string): string;
  /** JSON text in place of a number, `true`, `false` or `null`. */
  literal(raw: string): string;
}

interface Container<S> {
  readonly scope: S;
  readonly isArray: boolean;
  index: number;
}

/** @param text valid JSON; the result is the same string when nothing was replaced */
export function editJson<S>(text: string, root: S, visitor: JsonVisitor<S>): string {
  return new Editor(text, visitor).run(root);
}

const SPACE = /[ \t\n\r]*/y;
const LITERAL = /[^ \t\n\r,\]}]*/y;
/** Brackets, and the beginnings of strings, in which brackets mean nothing. */
const STRUCTURE = /[{}[\]"]/g;

class Editor<S> {
  readonly #text: string;
  readonly #visitor: JsonVisitor<S>;
  readonly #stack: Container<S>[] = [];
  #at = 0;
  #out = '';
  /** Up to here the text is in `#out`. */
  #copied = 0;

  constructor(text: string, visitor: JsonVisitor<S>) {
    this.#text = text;
    this.#visitor = visitor;
  }

  run(root: S): string {
    this.#at = this.#after(SPACE);
    this.#value(root);
    for (let top = this.#stack.at(-1); top !== undefined; top = this.#stack.at(-1)) {
      this.#at = this.#after(SPACE);
      switch (this.#text[this.#at]) {
        case ',':
          this.#at += 1;
          break;
        case '}':
        case ']':
          this.#at += 1;
          this.#stack.pop();
          break;
        case undefined:
          throw new SyntaxError('this is not JSON');
        default:
          this.#member(top);
      }
    }
    return this.#copied === 0 ? this.#text : this.#out + this.#text.slice(this.#copied);
  }

  #member(container: Container<S>): void {
    if (container.isArray) {
      const index = String(container.index);
      container.index += 1;
      this.#value(this.#visitor.enter(container.scope, index));
      return;
    }
    const key = this.#string();
    // Past the colon and what is around it.
    this.#at = this.#after(SPACE) + 1;
    this.#at = this.#after(SPACE);
    this.#value(this.#visitor.enter(container.scope, key));
  }

  #value(scope: S): void {
    const first = this.#text[this.#at];
    if (this.#visitor.hides(scope)) {
      const end = this.#end();
      this.#put(end, this.#visitor.hidden(this.#text.slice(this.#at, end)));
    } else if (first === '{' || first === '[') {
      this.#at += 1;
      this.#stack.push({ scope, isArray: first === '[', index: 0 });
    } else if (first === '"') this.#string();
    else {
      const end = this.#after(LITERAL);
      this.#put(end, this.#visitor.literal(this.#text.slice(this.#at, end)));
    }
  }

  /** Passes the string that begins here. Returns it decoded, as it was. */
  #string(): string {
    const end = this.#stringEnd(this.#at);
    const raw = this.#text.slice(this.#at, end);
    // The compiler does not know that JSON text in quotes is a string.
    const text = raw.includes('\\') ? (JSON.parse(raw) as string) : raw.slice(1, -1);
    const instead = this.#visitor.string(text);
    this.#put(end, instead === text ? raw : JSON.stringify(instead));
    return text;
  }

  /** Passes what ends before `end`, with `instead` in its place. */
  #put(end: number, instead: string): void {
    const start = this.#at;
    this.#at = end;
    if (instead === this.#text.slice(start, end)) return;
    this.#out += this.#text.slice(this.#copied, start) + instead;
    this.#copied = end;
  }

  /** Where the value that begins here ends. */
  #end(): number {
    const first = this.#text[this.#at];
    if (first === '"') return this.#stringEnd(this.#at);
    if (first !== '{' && first !== '[') return this.#after(LITERAL);
    let depth = 0;
    STRUCTURE.lastIndex = this.#at;
    for (let found = STRUCTURE.exec(this.#text); found !== null; found = STRUCTURE.exec(this.#text)) {
      const [mark] = found;
      if (mark === '"') STRUCTURE.lastIndex = this.#stringEnd(found.index);
      else depth += mark === '{' || mark === '[' ? 1 : -1;
      if (depth === 0) return STRUCTURE.lastIndex;
    }
    throw new SyntaxError('this is not JSON');
  }

  /** Where the string that begins at `start` ends: after the first quote that is not escaped. */
  #stringEnd(start: number): number {
    for (
      let quote = this.#text.indexOf('"', start + 1);
      quote !== -1;
      quote = this.#text.indexOf('"', quote + 1)
    ) {
      let escapes = quote;
      while (this.#text[escapes - 1] === '\\') escapes -= 1;
      if ((quote - escapes) % 2 === 0) return quote + 1;
    }
    throw new SyntaxError('this is not JSON');
  }

  /** Where a sticky expression ends that begins here. */
  #after(sticky: RegExp): number {
    sticky.lastIndex = this.#at;
    sticky.test(this.#text);
    return sticky.lastIndex;
  }
}
