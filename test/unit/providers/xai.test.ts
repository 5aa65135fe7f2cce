import { describe, expect, it } from 'vitest';
import type { Observation } from '../../../protocol/observations.ts';
import type { ConnectRequest } from '../../../providers/adapter.ts';
import { xai, type XaiState } from '../../../providers/xai.ts';
import {
  jsonOf,
  payloadOf,
  providerContract,
  readFixtures,
  senderOf,
  NO_LIFE,
} from '../../contract/provider-contract.ts';

const fixtures = readFixtures('xai', {
  'text-turn': { input: 11, output: 3, items: 1 },
  'voice-turn': { seconds: 2 },
});

providerContract(xai, fixtures);

const REQUEST: ConnectRequest = {
  path: '',
  query: [['model', 'grok-voice-latest']],
  headers: {},
  subprotocols: [],
  baseUrl: 'https://api.x.ai/v1',
  credential: 'xai-key',
};

const framesOf = (name: string) => fixtures.find((fixture) => fixture.name === name)?.frames ?? [];

function readFixture(name: string): { state: XaiState; observed: Observation[] } {
  let { state } = xai.restore(xai.begin(REQUEST));
  const observed: Observation[] = [];
  for (const frame of framesOf(name)) {
    const reading = xai.read(state, senderOf(frame), payloadOf(frame));
    ({ state } = reading);
    observed.push(...reading.observations);
  }
  return { state, observed };
}

const fromUpstream = (state: XaiState, text: string) => xai.read(state, { side: 'upstream' }, text);
const fromClient = (state: XaiState, text: string) => xai.read(state, { side: 'client', client: 'c1' }, text);

describe('P2 dialling xAI', () => {
  it('P2 the key in its header, the client’s query in its order', () => {
    const query = [...REQUEST.query, ['conversation_id', 'conv_1'], ['reasoning.effort', 'high']] as const;
    const subprotocols = ['realtime', 'openai-organization.org-1'];
    expect(xai.dial({ ...REQUEST, query, subprotocols }, xai.begin(REQUEST))).toEqual({
      url: 'https://api.x.ai/v1/realtime?model=grok-voice-latest&conversation_id=conv_1&reasoning.effort=high',
      headers: { Authorization: 'Bearer xai-key' },
      subprotocols: [],
    });
  });

  it('P2 a browser’s client secret is a credential, and so is what OpenAI’s clients offer', () => {
    const prefixes = xai.carriers.flatMap((each) => (each.in === 'subprotocol' ? [each.prefix] : []));
    expect(prefixes).toEqual(['xai-client-secret.', 'openai-insecure-api-key.']);
  });
});

describe('P8 what xAI bills, measured', () => {
  it('P8 seconds of audio in both directions when a response is done, whatever its empty usage says', () => {
    const { observed } = readFixture('voice-turn');
    const usages = observed.filter((each) => each.kind === 'usage');
    expect(usages).toMatchObject([
      { source: 'measured', usage: { unit: 'seconds', seconds: 2 }, model: 'grok-voice-latest' },
    ]);
  });

  it('P8 at the rate that the session has', () => {
    const { state } = readFixture('text-turn');
    const append = JSON.stringify({ type: 'input_audio_buffer.append', audio: btoa('\0'.repeat(3200)) });
    expect(fromClient(state, append).observations).toMatchObject([{ ms: 100 }]);
  });

  it('P8 items that a client creates, but for function outputs and audio', () => {
    const { observed } = readFixture('text-turn');
    expect(observed.filter((each) => each.kind === 'usage')).toMatchObject([
      { source: 'measured', usage: { unit: 'items', items: 1 } },
      { source: 'provider', usage: { unit: 'tokens' } },
    ]);
  });

  it('P8 audio after the last response is told at the end', () => {
    const { state } = readFixture('voice-turn');
    expect(xai.atEnd?.(state, NO_LIFE)).toEqual([]);
    const append = JSON.stringify({ type: 'input_audio_buffer.append', audio: btoa('\0'.repeat(4800)) });
    const more = fromClient(fromClient(state, append).state, append).state;
    expect(xai.atEnd?.(more, NO_LIFE)).toMatchObject([{ usage: { unit: 'seconds', seconds: 0.2 } }]);
  });

  it('P8 a response that the session ends in the middle of is incomplete, beside its audio', () => {
    const created = '{"type":"response.created","response":{"id":"resp_1"}}';
    const { state } = fromUpstream(xai.begin(REQUEST), created);
    expect(xai.atEnd?.(state, NO_LIFE)).toEqual([
      { kind: 'response.ended', responseId: 'resp_1', outcome: 'incomplete' },
    ]);
  });

  it('P8 each usage has a key of its own', () => {
    const create = '{"type":"conversation.item.create","item":{"type":"message","content":[]}}';
    let state = xai.begin(REQUEST);
    const keys = [1, 2, 3].flatMap(() => {
      const reading = fromClient(state, create);
      ({ state } = reading);
      return reading.observations.flatMap((each) => (each.kind === 'usage' ? [each.dedupeKey] : []));
    });
    expect(new Set(keys).size).toBe(3);
  });

  it('P8 a transcript counts once, when it is whole; text deltas are output', () => {
    const transcripts = readFixture('voice-turn').observed.filter(({ kind }) => kind === 'transcript');
    expect(transcripts).toMatchObject([
      { speaker: 'user', text: 'Good morning' },
      { speaker: 'model', text: 'Hello' },
    ]);
    expect(readFixture('text-turn').observed).toContainEqual(
      expect.objectContaining({ kind: 'response.output', of: 'text' }),
    );
  });
});

describe('P5 restoring an xAI conversation', () => {
  it('P5 by its id, where the client asked for resumption: no item is created, none is billed', () => {
    const { state } = xai.restore(readFixture('text-turn').state);
    expect(xai.dial(REQUEST, state).url).toBe(
      'https://api.x.ai/v1/realtime?model=grok-voice-latest&conversation_id=conv_x1',
    );
    const greeted = fromUpstream(state, '{"type":"conversation.created","conversation":{"id":"conv_x1"}}');
    expect(greeted.route).toBe('nowhere');
    expect(greeted.observations).toEqual([]);
    expect(greeted.send?.upstream.map(jsonOf)).toMatchObject([
      { type: 'session.update' },
      { type: 'session.update' },
    ]);
    const [second, first, last] = [
      '{"type":"session.created","session":{}}',
      '{"type":"session.updated","session":{}}',
      '{"type":"session.updated","session":{}}',
    ].reduce<ReturnType<typeof fromUpstream>[]>(
      (readings, text) => [...readings, fromUpstream(readings.at(-1)?.state ?? greeted.state, text)],
      [],
    );
    expect([second?.route, first?.route, last?.route]).toEqual(['nowhere', 'nowhere', 'nowhere']);
    expect(last).toMatchObject({ restored: true });
  });

  it('P5 else item by item, in their order, each at its price', () => {
    const { state } = xai.restore(readFixture('voice-turn').state);
    expect(xai.dial(REQUEST, state).url).not.toContain('conversation_id');
    const greeted = fromUpstream(state, '{"type":"session.created","session":{}}');
    expect(greeted.send?.upstream.map(jsonOf)).toMatchObject([
      { type: 'session.update' },
      { item: { content: [{ text: 'Good morning' }] } },
      { item: { content: [{ text: 'Hello' }] } },
      { type: 'session.update' },
    ]);
    expect(greeted.observations).toMatchObject([
      { kind: 'usage', source: 'measured', usage: { unit: 'items', items: 2 } },
    ]);
  });

  it('P5 an item that a client deleted stays deleted, though the provider names none', () => {
    const { state } = readFixture('voice-turn');
    const asked = fromClient(state, '{"type":"conversation.item.delete","item_id":"item_xu2"}').state;
    const deleted = fromUpstream(asked, '{"type":"conversation.item.deleted","item_id":""}').state;
    expect(deleted.wire.items.map(({ id }) => id)).toEqual(['item_xa2']);
  });
});
