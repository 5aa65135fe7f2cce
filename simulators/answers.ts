/**
 * What a simulated voice agent says: a small support call. It follows from the seed, the user's words and the turn
 * alone, and it repeats the user's words, so that a test can tell whose question was answered.
 */
import {
  asArray,
  asObject,
  asText,
  member,
  parseJson,
  type JsonObject,
  type JsonValue,
} from '../protocol/json.ts';
import { seeded, type Seeded } from './seeded.ts';

export interface ToolCall {
  readonly name: string;
  readonly arguments: string;
}

/** Of a caller, as far as the simulator "hears" one: it cannot transcribe, so it follows a script. */
const CALLER = [
  'Hello, I am calling about an order that has not arrived.',
  'The order number is four four one seven.',
  'When will it be delivered?',
  'Can you send me the status by email, please?',
  'Great, that is all I needed.',
  'Thank you, goodbye.',
] as const;

const SHORT = ['Yes.', 'Okay.', 'Hello?'] as const;
const WORDS_PER_SECOND = 4;

const OPENINGS = [
  'Thanks for calling.',
  'Of course.',
  'I am happy to help.',
  'Let me see.',
  'Sure.',
] as const;
const CLOSINGS = [
  'Is there anything else that I can do for you?',
  'Could you tell me a little more?',
  'I have made a note of that.',
  'How would you like to go on?',
] as const;
const ECHOED_WORDS = 24;
/** Patterns look at no more of a text than this: hostile text must not make them slow. */
const LONGEST_LOOK = 1000;

/** What a caller says in turn `turn` with so much time: never more words than fit. */
export function heardWords(seed: string, turn: number, ms: number): string {
  const room = Math.floor((ms / 1000) * WORDS_PER_SECOND);
  const fits = (line: string): boolean => line.split(' ').length <= room;
  for (let ahead = 0; ahead < CALLER.length; ahead++) {
    const line = CALLER[(turn + ahead) % CALLER.length] ?? CALLER[0];
    if (fits(line)) return line;
  }
  return seeded(seed, `heard ${turn}`).pick(SHORT);
}

function wordsOf(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

/** As deltas: every word but the first brings its space. Joined, they are the text with its white space made single. */
export function wordDeltas(text: string): readonly string[] {
  return wordsOf(text).map((word, index) => (index === 0 ? word : ` ${word}`));
}

/** What the instructions dictate word for word, if they do: "Say exactly: …". */
function dictated(instructions: string): string | null {
  const said = /\bsay exactly\b/i.exec(instructions);
  if (said === null) return null;
  const from = said.index + said[0].length;
  const words = instructions.slice(from, from + LONGEST_LOOK).replace(/["“”]/g, '');
  return words.replace(/^:/, '').trim() || null;
}

/** The agent's answer to the user's words; with none, a greeting. */
export function answerText(seed: string, turn: number, userText: string, instructions: string): string {
  const exact = dictated(instructions);
  if (exact !== null) return exact;
  const words = wordsOf(userText);
  if (words.length === 0) return 'Hello, how can I help you today?';
  const random = seeded(seed, `answer ${turn} ${userText}`);
  const echoed = words
    .slice(0, ECHOED_WORDS)
    .join(' ')
    .slice(0, LONGEST_LOOK)
    .replace(/[.!?]+$/, '');
  const rest = words.length > ECHOED_WORDS ? ' and more' : '';
  const count = words.length === 1 ? 'one word' : `${words.length} words`;
  return `${random.pick(OPENINGS)} You said: ${echoed}${rest}. That was ${count}. ${random.pick(CLOSINGS)}`;
}

const plain = (part: JsonValue): string => (typeof part === 'string' ? part : JSON.stringify(part));

/** The agent's answer to what a tool returned. */
export function answerToTool(name: string, output: string): string {
  const value = parseJson(output);
  const object = asObject(value);
  const told =
    object === undefined
      ? plain(value ?? output)
      : Object.entries(object)
          .map(([key, part]) => `${key} is ${plain(part)}`)
          .join(', ');
  return `I have the answer from ${name}: ${told.slice(0, 400)}. Is there anything else?`;
}

/** Words of a tool's name that say nothing of its subject. */
const VERBS = new Set([
  'get',
  'set',
  'find',
  'check',
  'lookup',
  'look',
  'fetch',
  'list',
  'the',
  'for',
  'and',
  'tool',
  'current',
]);

function nameWords(name: string): readonly string[] {
  const words = name
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/);
  const telling = words.filter((word) => word.length > 2 && !VERBS.has(word));
  return telling.length > 0 ? telling : words.filter((word) => word.length > 2);
}

/**
 * The tools to call for the user's words: the first that they name; all that they name when calls may be parallel; the
 * one demanded, or the first, when one is required.
 */
export function chooseTools(config: JsonObject, userText: string, random: Seeded): readonly ToolCall[] {
  const tools = (asArray(config['tools']) ?? [])
    .map((tool) => asObject(tool) ?? {})
    .filter((tool) => tool['type'] === 'function');
  const choice = config['tool_choice'];
  if (choice === 'none') return [];
  const demanded = asText(member(choice, 'name'));
  if (demanded !== undefined) {
    const tool = tools.find(({ name }) => name === demanded);
    return tool === undefined ? [] : [toolCall(tool, userText, random)];
  }
  const spoken = new Set(userText.toLowerCase().split(/[^a-z0-9]+/));
  const named = tools.filter((tool) =>
    nameWords(asText(tool['name']) ?? '').some((word) => spoken.has(word)),
  );
  const called = named.length === 0 && choice === 'required' ? tools : named;
  const most = config['parallel_tool_calls'] === true ? named.length || 1 : 1;
  return called.slice(0, most).map((tool) => toolCall(tool, userText, random));
}

function toolCall(tool: JsonObject, fullText: string, random: Seeded): ToolCall {
  const userText = fullText.slice(0, LONGEST_LOOK);
  const properties = asObject(member(tool['parameters'], 'properties')) ?? {};
  const values = Object.entries(properties).map(
    ([name, schema]) => [name, argument(schema, userText, random)] as const,
  );
  return { name: asText(tool['name']) ?? '', arguments: JSON.stringify(Object.fromEntries(values)) };
}

/** A value that fits the schema's type, out of the user's words where they have one. */
function argument(schema: JsonValue, userText: string, random: Seeded): JsonValue {
  const choices = asArray(member(schema, 'enum'));
  const first = choices?.[0];
  if (choices !== undefined && first !== undefined) {
    return choices.find((choice) => userText.toLowerCase().includes(plain(choice).toLowerCase())) ?? first;
  }
  switch (member(schema, 'type')) {
    case 'number':
    case 'integer':
      return Number(/\d{1,9}/.exec(userText)?.[0] ?? 1 + random.below(9));
    case 'boolean':
      return true;
    case 'array':
      return [];
    case 'object':
      return {};
    default: {
      const name = /\b(?:in|for|to|about|number) ([\p{L}\d-]+)/iu.exec(userText)?.[1];
      const quoted = /["“]([^"”]+)["”]/.exec(userText)?.[1];
      const code = /\b[A-Z]*\d[\w-]*/.exec(userText)?.[0];
      return quoted ?? code ?? name ?? userText.slice(0, 80);
    }
  }
}
