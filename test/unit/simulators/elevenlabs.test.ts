import { describe, expect, it } from 'vitest';
import { asText, member, parseJson } from '../../../protocol/json.ts';
import { Drive, handshake, START } from '../../support/drive-elevenlabs.ts';

const STREAM = 'v1/text-to-speech/v1/stream-input';
const AGENT = 'v1/convai/conversation?agent_id=private_1';

const refused = (path: string, headers: Record<string, string> = {}) => {
  const answer = handshake(path, headers);
  if (answer.kind !== 'refuse') throw new Error(`not refused: ${answer.kind}`);
  return { status: answer.status, body: parseJson(answer.body) };
};

/** The signed URL's path and query. */
function signed(agentId: string): string {
  const { status, body } = refused(`v1/convai/conversation/get-signed-url?agent_id=${agentId}`);
  expect(status).toBe(200);
  const url = asText(member(body, 'signed_url')) ?? '';
  expect(url).toMatch(/^wss:\/\/api\.elevenlabs\.io\/v1\/convai\/conversation\?agent_id=/);
  return url.replace('wss://api.elevenlabs.io/', '');
}

describe('simulated handshake', () => {
  it('SIM refuses in ElevenLabs’ own shape', () => {
    const shape = { detail: { status: 'invalid_api_key', message: 'Invalid API key' } };
    expect(refused(STREAM, { 'xi-api-key': 'sk_bad' })).toEqual({ status: 401, body: shape });
    for (const [fault, status] of [
      ['connect_401', 401],
      ['connect_403', 403],
      ['connect_429', 429],
      ['connect_503', 503],
    ] as const)
      expect(refused(`${STREAM}?faults=${fault}`)).toMatchObject({ status, body: { detail: {} } });
    expect(handshake(`${STREAM}?faults=connect_hang`)).toEqual({ kind: 'hang' });
  });

  it('SIM a misspelt dial, an unknown format and a path that is not played are refused', () => {
    expect(refused(`${STREAM}?faults=nonsense`).status).toBe(400);
    expect(refused(`${STREAM}?output_format=opus_48000_64`).status).toBe(400);
    expect(refused(`${STREAM}?inactivity_timeout=181`).status).toBe(400);
    expect(refused('v1/speech-to-text/realtime?audio_format=mp3_44100_128').status).toBe(400);
    expect(refused('v1/text-to-dialogue/stream-input').status).toBe(404);
  });

  it('SIM convai is chosen where it is offered, and nothing else', () => {
    const chosen = (offer: string) => {
      const answer = handshake('v1/convai/conversation?agent_id=a', { 'sec-websocket-protocol': offer });
      return answer.kind === 'accept' ? answer.subprotocol : 'refused';
    };
    expect(chosen('convai, bearer.x')).toBe('convai');
    expect(chosen('')).toBeNull();
  });
});

describe('simulated signed URL', () => {
  it('SIM opens a private agent for a quarter of an hour, and only the one that it is for', () => {
    expect(new Drive(AGENT).closed).toMatchObject({ code: 1008 });
    const path = signed('private_1');
    expect(new Drive(path).closed).toBeNull();
    expect(new Drive(path.replace('private_1', 'private_2')).closed).toMatchObject({ code: 1008 });
    const late = handshake(path, {}, START + 16 * 60_000);
    if (late.kind !== 'accept') throw new Error('not accepted');
    expect(late.session.open(START + 16 * 60_000)).toMatchObject([{ kind: 'close', code: 1008 }]);
    expect(new Drive(AGENT, { 'xi-api-key': 'k' }).closed).toBeNull();
  });

  it('SIM needs an agent', () => {
    expect(refused('v1/convai/conversation/get_signed_url').status).toBe(422);
    expect(new Drive('v1/convai/conversation').closed).toMatchObject({ code: 1008 });
    expect(new Drive('v1/convai/conversation?agent_id=missing').closed).toMatchObject({ code: 1008 });
  });
});

describe('simulated misfortunes', () => {
  const BOS = { text: ' ' };
  const outputs = (faults: string) =>
    new Drive(`${STREAM}?output_format=pcm_8000&seed=1&faults=${faults}`)
      .send(BOS, { text: 'Hello to all of you. ', flush: true })
      .pass(10_000).outputs;

  it('SIM each strikes where it says', () => {
    const plain = outputs('');
    expect(outputs('drop_after=1').at(-1)).toEqual({ kind: 'drop' });
    expect(outputs('close_1011')).toEqual([
      plain[0],
      { kind: 'close', code: 1011, reason: 'Internal server error' },
    ]);
    expect(outputs('duplicate_event').slice(0, 2)).toEqual([plain[0], plain[0]]);
    const [half, whole] = outputs('malformed_json');
    expect(whole).toEqual(plain[0]);
    if (half?.kind !== 'send' || typeof half.payload !== 'string') throw new Error('no text frame');
    expect(parseJson(half.payload)).toBeUndefined();
    const [, binary] = outputs('binary_frame');
    expect(binary?.kind === 'send' && binary.payload).toBeInstanceOf(ArrayBuffer);
    expect(outputs('rate_limited')).toMatchObject([{ kind: 'send' }, { kind: 'close', code: 1008 }]);
    expect(outputs('slow_first_audio=9.9')).toEqual([]);
    expect(outputs('stall=60')).toEqual([plain[0]]);
  });
});
