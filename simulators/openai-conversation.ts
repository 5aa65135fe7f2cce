/** The ordered items of one conversation, and the client events that change them. */
import { asText, type JsonObject, type JsonValue } from '../protocol/json.ts';
import { bytesPerMs } from './audio-format.ts';
import { audioMs, type Item } from './openai-items.ts';
import { invalidValue, repeated } from './openai-rules.ts';
import type { Problem } from './openai-wire.ts';

/** Far past any real conversation. */
const MOST_ITEMS = 10_000;
const MOST_LETTERS = 32 * 1024 * 1024;
/** Of audio kept for `retrieve`; beyond it the oldest items lose theirs. */
const MOST_AUDIO_BYTES = 64 * 1024 * 1024;

export class Conversation {
  readonly id: string;
  #items: Item[] = [];
  #ids = new Set<string>();
  #audioBytes = 0;
  /** Ever taken in; what was deleted still counts. */
  #letters = 0;

  constructor(id: string) {
    this.id = id;
  }

  get items(): readonly Item[] {
    return this.#items;
  }

  find(id: JsonValue | undefined): Item | undefined {
    return typeof id === 'string' && this.#ids.has(id)
      ? this.#items.find((item) => item.id === id)
      : undefined;
  }

  last(): Item | undefined {
    return this.#items.at(-1);
  }

  /** Why the item may not go after `previous`, or null. */
  refusal(item: Item, previous: JsonValue | undefined): Problem | null {
    if (this.#ids.has(item.id)) {
      return {
        code: 'item_create_invalid_item_id',
        message: `Error adding item: an item with id '${item.id}' already exists.`,
        param: 'item.id',
      };
    }
    const letters = this.#letters + JSON.stringify(item.wire).length;
    if (this.#items.length >= MOST_ITEMS || letters > MOST_LETTERS) {
      return invalidValue('item', 'The conversation is too long for another item.');
    }
    if (
      previous !== undefined &&
      previous !== null &&
      previous !== 'root' &&
      this.find(previous) === undefined
    ) {
      return {
        code: 'item_create_invalid_previous_item_id',
        message: `Error adding item: the previous item with id '${repeated(previous)}' does not exist.`,
        param: 'previous_item_id',
      };
    }
    const callId = item.wire['type'] === 'function_call_output' ? asText(item.wire['call_id']) : undefined;
    const calls = (other: Item): boolean =>
      other.wire['type'] === 'function_call' && other.wire['call_id'] === callId;
    if (callId !== undefined && !this.#items.some(calls)) {
      return {
        code: 'invalid_tool_call_id',
        message: `Tool call ID '${callId}' not found in conversation.`,
        param: 'item.call_id',
      };
    }
    return null;
  }

  /** Returns the id before it, as the wire names it. `previous`: an id, `root` for the front, none for the end. */
  insert(item: Item, previous?: JsonValue): string | null {
    const after = this.#items.findIndex(({ id }) => id === previous);
    const at = previous === 'root' ? 0 : after === -1 ? this.#items.length : after + 1;
    this.#items.splice(at, 0, item);
    this.#ids.add(item.id);
    this.#letters += JSON.stringify(item.wire).length;
    this.#keepAudio(item);
    return this.#items[at - 1]?.id ?? null;
  }

  previousOf(item: Item): string | null {
    return this.#items[this.#items.indexOf(item) - 1]?.id ?? null;
  }

  remove(item: Item): void {
    this.#items = this.#items.filter((other) => other !== item);
    this.#ids.delete(item.id);
    this.#audioBytes -= item.audio?.bytes.length ?? 0;
  }

  /** Gives an item its audio, within the bound on all of it. */
  setAudio(item: Item, audio: Item['audio']): void {
    this.#audioBytes -= item.audio?.bytes.length ?? 0;
    item.audio = audio;
    this.#keepAudio(item);
  }

  /** Cuts what an assistant said to what was heard, transcript and all; the problem if it cannot. */
  truncate(item: Item | undefined, fields: JsonObject): Problem | null {
    const { content_index: part, audio_end_ms: endMs } = fields;
    if (item === undefined) {
      const id = repeated(fields['item_id']);
      const message = `Error truncating item: the item with id '${id}' does not exist.`;
      return { code: 'item_truncate_invalid_item_id', message, param: 'item_id' };
    }
    const { audio } = item;
    if (audio === null || item.wire['role'] !== 'assistant') {
      const message = 'Only model output audio messages can be truncated.';
      return { code: 'unsupported_content_type', message, param: null };
    }
    if (part !== 0) return invalidValue('content_index', `Invalid 'content_index': ${repeated(part)}.`);
    if (typeof endMs !== 'number' || !Number.isInteger(endMs)) {
      const message = "Invalid type for 'audio_end_ms': expected an integer.";
      return { code: 'invalid_type', message, param: 'audio_end_ms' };
    }
    const length = Math.floor(audioMs(audio));
    if (endMs < 0 || endMs > length) {
      return invalidValue('audio_end_ms', `Audio content of ${length}ms is already shorter than ${endMs}ms`);
    }
    this.setAudio(item, { ...audio, bytes: audio.bytes.slice(0, endMs * bytesPerMs(audio.encoding)) });
    item.wire = { ...item.wire, content: [{ type: 'output_audio', transcript: '' }] };
    item.words = '';
    return null;
  }

  #keepAudio(item: Item): void {
    this.#audioBytes += item.audio?.bytes.length ?? 0;
    for (const other of this.#items) {
      if (this.#audioBytes <= MOST_AUDIO_BYTES) return;
      if (other === item || other.audio === null) continue;
      this.#audioBytes -= other.audio.bytes.length;
      other.audio = null;
    }
  }
}
