/** One conversation with Gemini across the cap, a rest and a loss: the model has before it what it would have without them. */
import { expect, it } from 'vitest';
import {
  asArray,
  asObject,
  asText,
  type JsonObject,
  type JsonValue,
  member,
} from '../../../protocol/json.ts';
import { gemini } from '../../../providers/gemini.ts';
import { geminiService } from '../../../simulators/gemini.ts';
import { base64Pieces, pcm } from '../usage/sounds.ts';
import { Conversation, type Service } from './conversation-drive.ts';

const GEMINI: Service = {
  adapter: gemini,
  service: geminiService,
  request: { path: '', query: [['seed', '1']], baseUrl: 'https://google.example' },
};

/** The answer then follows from nothing else, so it is the same in both runs. */
const exactly = (words: string): JsonObject => ({ parts: [{ text: `Say exactly: ${words}` }] });
const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';

function setup(more: JsonObject): JsonObject {
  return {
    setup: {
      model: 'models/gemini-3.1-flash-live',
      generationConfig: { responseModalities: ['AUDIO'] },
      systemInstruction: exactly('good morning to you'),
      inputAudioTranscription: {},
      outputAudioTranscription: {},
      ...more,
    },
  };
}

const written = (text: string): JsonObject => ({
  clientContent: { turns: [{ role: 'user', parts: [{ text }] }], turnComplete: true },
});
const spoken = (): readonly JsonObject[] => [
  ...base64Pieces(3, pcm(16_000)).map((data) => ({
    realtimeInput: { audio: { mimeType: 'audio/pcm;rate=16000', data } },
  })),
  { realtimeInput: { audioStreamEnd: true } },
];
const turn = (n: number) => (talk: Conversation) =>
  talk.say({ contextUpdate: { systemInstruction: exactly(`answer ${n}`) } }, written(`turn ${n}`));

/** Two Contents in a row of one side are one turn. */
interface Said {
  readonly role: string;
  readonly text: string;
}

function contentsOf(talk: Conversation): readonly JsonObject[] {
  return (asArray(member(talk.context, 'contents')) ?? []).map((each) => asObject(each) ?? {});
}

/** The words, turn by turn. */
function wordsOf(talk: Conversation): readonly Said[] {
  const turns: Said[] = [];
  for (const content of contentsOf(talk)) {
    const [role, text] = [asText(content['role']) ?? '', asText(content['text']) ?? ''];
    const last = turns.at(-1);
    if (text === '') continue;
    if (last?.role === role) turns[turns.length - 1] = { role, text: `${last.text}\n${text}` };
    else turns.push({ role, text });
  }
  return turns;
}

/** A handle of the simulator stands for the last Contents as they are, and for what those before cost. */
const KEPT_WHOLE = 8;

function costOf(talk: Conversation): JsonValue {
  const sums: Record<string, number> = {};
  for (const { modality, tokens } of contentsOf(talk))
    sums[asText(modality) ?? ''] = (sums[asText(modality) ?? ''] ?? 0) + Number(tokens);
  return sums;
}

const NOTHING: JsonObject = { realtimeInput: { audioStreamEnd: true } };
const UPHEAVALS: readonly [name: string, (talk: Conversation) => void][] = [
  ['the cap', (talk) => talk.passAwake(11 * 60_000, NOTHING)],
  ['a rest', (talk) => talk.rest()],
  ['a loss', (talk) => talk.lose(1011)],
  ['the cap again', (talk) => talk.passAwake(11 * 60_000, NOTHING)],
  ['a loss without a close', (talk) => talk.lose(1006)],
];

/** Plays the beginning in both, then a turn after each upheaval in one; compares after each. */
function compare(
  beginning: readonly ((talk: Conversation) => void)[],
  same: (upset: Conversation, plain: Conversation, name: string) => void,
): void {
  const plain = new Conversation(GEMINI);
  const upset = new Conversation(GEMINI);
  for (const step of beginning) {
    step(plain);
    step(upset);
  }
  expect(contentsOf(plain).length).toBeGreaterThan(5);
  same(upset, plain, 'the beginning');
  for (const [n, [name, happens]] of UPHEAVALS.entries()) {
    const [dials, before] = [upset.dials, upset.seen.length];
    happens(upset);
    const isNotice = (message: JsonObject): boolean =>
      message['goAway'] !== undefined || message['sessionResumptionUpdate'] !== undefined;
    expect(
      upset
        .messages()
        .slice(before)
        .filter((each) => !isNotice(each)),
      `${name} is no news`,
    ).toEqual([]);
    turn(n)(upset);
    turn(n)(plain);
    expect(upset.dials, name).toBeGreaterThan(dials);
    expect(member(upset.context, 'setup'), name).toBe(member(plain.context, 'setup'));
    same(upset, plain, name);
  }
  const setUps = upset.messages().filter((message) => message['setupComplete'] !== undefined);
  expect(setUps).toHaveLength(1);
}

it('P5 by its handle: over cap, rest and loss the context is what Google keeps of it, and the newest instructions', () => {
  const tools = [
    {
      functionDeclarations: [
        { name: 'order_status', parameters: { type: 'OBJECT', properties: { number: { type: 'STRING' } } } },
      ],
    },
  ];
  compare(
    [
      (talk) => talk.say(setup({ tools, sessionResumption: {} })),
      (talk) => talk.say(...spoken()),
      (talk) =>
        talk.say({ realtimeInput: { video: { mimeType: 'image/png', data: PIXEL } } }, written('look')),
      (talk) => talk.say(written('what is the status of order 4417?')),
      (talk) => {
        const call = talk.messages().findLast((message) => message['toolCall'] !== undefined);
        const id = member(asArray(member(call?.['toolCall'], 'functionCalls'))?.[0], 'id') ?? '';
        const response = { id, name: 'order_status', response: { output: 'shipped' } };
        talk.say({ toolResponse: { functionResponses: [response] } });
      },
    ],
    (upset, plain, name) => {
      expect(contentsOf(upset).slice(-KEPT_WHOLE), name).toEqual(contentsOf(plain).slice(-KEPT_WHOLE));
      expect(costOf(upset), name).toEqual(costOf(plain));
    },
  );
});

it('P5 by its words, for a client that asked for no handle: the same turns over cap, rest and loss', () => {
  compare(
    [
      (talk) => talk.say(setup({})),
      (talk) => talk.say(...spoken()),
      (talk) => talk.say(written('and then?')),
      (talk) => talk.say(written('and after that?')),
    ],
    (upset, plain, name) => expect(wordsOf(upset), name).toEqual(wordsOf(plain)),
  );
});
