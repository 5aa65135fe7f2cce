/** When a conversation may move to another socket without losing what is being said: over recorded sessions. */
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../../protocol/json.ts';
import { assemblyai } from '../../../providers/assemblyai.ts';
import type { ProviderAdapter } from '../../../providers/adapter.ts';
import { cartesia } from '../../../providers/cartesia.ts';
import { deepgram } from '../../../providers/deepgram.ts';
import { type Fixture, payloadOf, readFixtures, senderOf } from '../../contract/provider-contract.ts';

/** The types of the frames after which `settled` changed, and to what. */
function changes<S extends JsonValue>(
  adapter: ProviderAdapter<S>,
  path: string,
  { frames }: Fixture,
): string[] {
  const request = {
    path,
    query: [],
    headers: {},
    subprotocols: [],
    baseUrl: 'https://p.example',
    credential: null,
  };
  let { state } = adapter.restore(adapter.begin(request));
  const settled = (): boolean => adapter.settled?.(state) ?? true;
  expect(settled(), 'before the first frame').toBe(true);
  const seen: string[] = [];
  for (const frame of frames) {
    const before = settled();
    const payload = payloadOf(frame);
    state = adapter.read(state, senderOf(frame), payload).state;
    if (settled() === before) continue;
    const type = typeof payload === 'string' ? nameOf(payload) : 'audio';
    seen.push(`${type}: ${settled() ? 'settled' : 'not'}`);
  }
  expect(adapter.settled?.(adapter.restore(state).state) ?? true, 'on a new socket').toBe(true);
  return seen;
}

function nameOf(text: string): string {
  const { type, event } = JSON.parse(text) as { type: string; event?: string };
  return event === undefined ? type : `${type} ${event}`;
}

function only(provider: string, name: string): Fixture {
  const [fixture] = readFixtures(provider, { [name]: {} });
  if (fixture === undefined) throw new Error(`${provider} has no ${name}`);
  return fixture;
}

const turn = (...types: readonly [string, string]): string[] => [`${types[0]}: not`, `${types[1]}: settled`];

describe('P5 a planned move waits for the end of what is being said', () => {
  it('P5 at AssemblyAI until the turn’s last transcript', () => {
    const path = 'v3/ws';
    expect(changes(assemblyai, path, only('assemblyai', 'two-turns'))).toEqual([
      ...turn('Turn', 'Turn'),
      ...turn('Turn', 'Turn'),
    ]);
  });

  it('P5 at Cartesia until the segment’s last transcript, or the end of the turn', () => {
    expect(changes(cartesia, 'stt/turns/websocket', only('cartesia-turns', 'two-turns'))).toEqual([
      ...turn('turn.start', 'turn.end'),
      ...turn('turn.start', 'turn.end'),
    ]);
    const finalize = readFixtures('cartesia-stt', { error: {}, 'two-segments': {} });
    expect(finalize.map((fixture) => changes(cartesia, 'stt/websocket', fixture))).toEqual([
      [],
      [...turn('transcript', 'transcript'), ...turn('transcript', 'transcript')],
    ]);
  });

  it.each([
    ['v1/listen', 'listen', 'two-utterances', turn('Results', 'Results')],
    [
      'v2/listen',
      'flux',
      'two-turns',
      [
        ...turn('TurnInfo StartOfTurn', 'TurnInfo EndOfTurn'),
        ...turn('TurnInfo StartOfTurn', 'TurnInfo EndOfTurn'),
      ],
    ],
    ['v1/speak', 'speak', 'two-speeches', [...turn('Speak', 'Flush'), ...turn('Speak', 'Flush')]],
    [
      'v2/speak',
      'speech',
      'two-speeches',
      [...turn('Speak', 'Flushed'), ...turn('Speak', 'SpeechInterrupted')],
    ],
    [
      'v1/agent/converse',
      'agent',
      'call',
      [
        ...turn('UserStartedSpeaking', 'ConversationText'),
        ...turn('UserStartedSpeaking', 'ConversationText'),
      ],
    ],
  ])('P5 at Deepgram’s %s', (path, wire, name, expected) => {
    expect(changes(deepgram, path, only(`deepgram/${wire}`, name))).toEqual(expected);
  });
});
