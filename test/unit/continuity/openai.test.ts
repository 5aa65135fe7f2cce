/** One conversation with OpenAI across the cap, a rest and a loss: the model has before it what it would have without them. */
import { expect, it } from 'vitest';
import {
  asArray,
  asObject,
  asText,
  type JsonObject,
  type JsonValue,
  member,
} from '../../../protocol/json.ts';
import { openai } from '../../../providers/openai.ts';
import { openaiSimulator } from '../../../simulators/openai.ts';
import { base64Pieces, pcm } from '../usage/sounds.ts';
import { Conversation, type Service } from './conversation-drive.ts';

const OPENAI: Service = {
  adapter: openai,
  service: () => openaiSimulator,
  request: {
    path: '',
    query: [
      ['model', 'gpt-realtime'],
      ['seed', '1'],
    ],
    baseUrl: 'https://api.openai.example/v1',
  },
};

const written = (id: string, text: string): JsonObject => ({
  type: 'conversation.item.create',
  item: { id, type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
});
/** What is said then follows from nothing else, so it is the same in both runs. */
const exactly = (words: string, modality: 'text' | 'audio'): JsonObject => ({
  type: 'response.create',
  response: { instructions: `Say exactly: ${words}`, output_modalities: [modality] },
});
const TOOL = {
  type: 'function',
  name: 'order_status',
  description: 'Where an order is.',
  parameters: { type: 'object', properties: { order_number: { type: 'string' } } },
};

/** All that a conversation may hold: words and sound of both, a call and its output, what was cut short, what was deleted. */
const RICH: readonly ((talk: Conversation) => void)[] = [
  (talk) =>
    talk.say({
      type: 'session.update',
      session: {
        type: 'realtime',
        instructions: 'Be brief, and know about orders.',
        tools: [TOOL],
        audio: {
          input: { transcription: { model: 'whisper-1' }, turn_detection: null },
          output: { voice: 'cedar' },
        },
      },
    }),
  (talk) =>
    talk.say(
      ...base64Pieces(3, pcm(24_000)).map((audio) => ({ type: 'input_audio_buffer.append', audio })),
      { type: 'input_audio_buffer.commit' },
      exactly('good morning to you', 'audio'),
    ),
  (talk) =>
    talk.say(written('item_order', 'Where is my order 4417? Check its status.'), { type: 'response.create' }),
  (talk) => {
    const callId = talk.messages('response.function_call_arguments.done').at(-1)?.['call_id'] ?? null;
    expect(callId, 'the model calls the tool').not.toBeNull();
    talk.say(
      {
        type: 'conversation.item.create',
        item: {
          id: 'item_output',
          type: 'function_call_output',
          call_id: callId,
          output: '{"status":"shipped"}',
        },
      },
      exactly('it has been shipped', 'audio'),
    );
  },
  (talk) => talk.say(written('item_slip', 'a slip of the tongue')),
  (talk) => talk.say(written('item_first', 'put this first'), exactly('as you wish', 'text')),
  (talk) => talk.say({ type: 'conversation.item.delete', item_id: 'item_slip' }),
  (talk) =>
    talk.say({
      ...written('item_context', 'The customer is called Ada.'),
      previous_item_id: 'item_order',
    }),
  (talk) =>
    talk.say({ type: 'session.update', session: { type: 'realtime', instructions: 'Be very brief.' } }),
];

const turn = (n: number) => (talk: Conversation) =>
  talk.say(written(`item_turn_${n}`, `turn ${n}`), exactly(`answer ${n}`, n % 2 === 0 ? 'audio' : 'text'));

/** As `docs/CONTINUITY.md` says: sound is restored as its words, and the provider's own ids are what they were. */
function asWords(item: JsonObject): JsonObject {
  const content = (asArray(item['content']) ?? []).map((part): JsonValue => {
    const type = asText(member(part, 'type')) ?? '';
    const text = member(part, 'text') ?? member(part, 'transcript') ?? null;
    if (type === 'input_audio') return { type: 'input_text', text };
    return type === 'output_audio' ? { type: 'output_text', text } : part;
  });
  const { status: _, ...rest } = item;
  return item['content'] === undefined ? rest : { ...rest, content };
}

/** Without what each socket or run names for itself. */
function contextOf(talk: Conversation): JsonValue {
  const { id: _, expires_at: __, ...session } = asObject(member(talk.context, 'session')) ?? {};
  const names = new Map<string, string>();
  const nameOf = (id: JsonValue | undefined): string => {
    const text = asText(id) ?? '';
    if (/^item_(order|output|slip|first|context|turn_\d+)$/.test(text)) return text;
    if (!names.has(text)) names.set(text, `#${names.size}`);
    return names.get(text) ?? '';
  };
  const items = (asArray(member(talk.context, 'items')) ?? []).map((item): JsonValue => {
    const words = asWords(asObject(item) ?? {});
    return {
      ...words,
      id: nameOf(words['id']),
      ...(words['call_id'] === undefined ? {} : { call_id: nameOf(words['call_id']) }),
    };
  });
  return { session, items };
}

/** Ids of items as the client was told them. */
function announced(talk: Conversation): ReadonlySet<string> {
  const items = talk.messages().flatMap((message) => asText(member(message['item'], 'id')) ?? []);
  return new Set(items);
}

const UPHEAVALS: readonly [name: string, (talk: Conversation) => void][] = [
  ['the cap', (talk) => talk.passAwake(56 * 60_000, { type: 'input_audio_buffer.clear' })],
  ['a rest', (talk) => talk.rest()],
  ['a loss', (talk) => talk.lose(1011)],
  ['the cap again', (talk) => talk.passAwake(56 * 60_000, { type: 'input_audio_buffer.clear' })],
  ['a loss without a close', (talk) => talk.lose(1006)],
];

it('P5 item by item: over cap, rest and loss the context is the same, under the ids that clients know', () => {
  const plain = new Conversation(OPENAI);
  const upset = new Conversation(OPENAI);
  for (const step of RICH) {
    step(plain);
    step(upset);
  }
  expect(asArray(member(plain.context, 'items'))?.length).toBe(9);
  for (const [n, [name, happens]] of UPHEAVALS.entries()) {
    const dials = upset.dials;
    const before = upset.seen.length;
    happens(upset);
    const cleared = (message: JsonObject): boolean => message['type'] === 'input_audio_buffer.cleared';
    expect(
      upset
        .messages()
        .slice(before)
        .filter((each) => !cleared(each)),
      `${name} is no news`,
    ).toEqual([]);
    turn(n)(upset);
    turn(n)(plain);
    expect(upset.dials, name).toBe(dials + 1);
    expect(contextOf(upset), name).toEqual(contextOf(plain));
    const known = announced(upset);
    for (const item of asArray(member(upset.context, 'items')) ?? [])
      expect(
        known.has(asText(member(item, 'id')) ?? ''),
        `${name}: the client knows ${JSON.stringify(item)}`,
      ).toBe(true);
  }
  expect(plain.dials).toBe(1);
  // Whatever was announced was announced once.
  const added = upset.messages('conversation.item.added').map(({ item }) => asText(member(item, 'id')));
  expect(new Set(added).size).toBe(added.length);
});
