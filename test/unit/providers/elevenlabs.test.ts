import { describe, expect, it } from 'vitest';
import { publicError } from '../../../protocol/errors.ts';
import type { Carrier, ConnectRequest } from '../../../providers/adapter.ts';
import { elevenlabs } from '../../../providers/elevenlabs.ts';
import { providerContract } from '../../contract/provider-contract.ts';
import { AGENT, begun, DIALOGUE, MULTI, named, request, SCRIBE, STREAM } from './elevenlabs-frames.ts';

providerContract(elevenlabs, named('stream-'), { ...STREAM, billsAgain: true });
providerContract(elevenlabs, named('multi-'), { ...MULTI, billsAgain: true });
providerContract(elevenlabs, named('dialogue-'), DIALOGUE);
providerContract(elevenlabs, named('agent-'), AGENT);
providerContract(elevenlabs, named('scribe-'), SCRIBE);

const dial = (about: Partial<ConnectRequest>) => elevenlabs.dial(request(about), begun(about));

describe('P2 dialling ElevenLabs', () => {
  it('P2 the short forms say by their query which product they mean', () => {
    expect(dial({ query: [['agent_id', 'a b']] }).url).toBe(
      'https://api.elevenlabs.io/v1/convai/conversation?agent_id=a+b',
    );
    const voice = [
      ['voice_id', 'v/1'],
      ['model_id', 'eleven_flash_v2_5'],
    ] as const;
    expect(dial({ query: voice }).url).toBe(
      'https://api.elevenlabs.io/v1/text-to-speech/v%2F1/stream-input?model_id=eleven_flash_v2_5',
    );
    expect(elevenlabs.accepts('', [])).toEqual({ ok: false, suggestion: '?agent_id=… or ?voice_id=…' });
  });

  it('P2 native paths go as they are, and nothing else is dialled', () => {
    for (const { path, query } of [STREAM, MULTI, DIALOGUE, AGENT, SCRIBE]) {
      expect(elevenlabs.accepts(path, query)).toEqual({ ok: true });
      expect(dial({ path, query }).url.split('?')[0]).toBe(`https://api.elevenlabs.io/${path}`);
    }
    for (const path of ['v1/voices', 'v1/text-to-speech/a/b/stream-input', 'v1/convai/conversations']) {
      expect(elevenlabs.accepts(path, []).ok).toBe(false);
    }
  });

  it('P2 a model that asks for the simulator is not forwarded; an agent stands for its model', () => {
    const query = [
      ['agent_id', 'agent_1'],
      ['model', 'sim-agent'],
    ] as const;
    expect(dial({ query }).url).toBe('https://api.elevenlabs.io/v1/convai/conversation?agent_id=agent_1');
    expect(elevenlabs.modelOf({ path: '', query })).toBe('sim-agent');
    expect(elevenlabs.modelOf(AGENT)).toBe('agent_1');
    expect(elevenlabs.modelOf(STREAM)).toBe('eleven_flash_v2_5');
    expect(elevenlabs.modelOf({ path: STREAM.path, query: [] })).toBeNull();
  });

  it('P2 of the subprotocols only convai goes up', () => {
    expect(dial({ ...AGENT, subprotocols: ['other', 'convai'] }).subprotocols).toEqual(['convai']);
  });

  const places: readonly (readonly [Carrier | undefined, object, string, readonly string[]])[] = [
    [undefined, { 'xi-api-key': 'xi-key' }, '', []],
    [{ in: 'header', name: 'xi-api-key' }, { 'xi-api-key': 'xi-key' }, '', []],
    [{ in: 'subprotocol', prefix: 'xi-api-key.' }, { 'xi-api-key': 'xi-key' }, '', []],
    [{ in: 'query', name: 'xi-api-key' }, { 'xi-api-key': 'xi-key' }, '', []],
    [{ in: 'header', name: 'authorization' }, { authorization: 'Bearer xi-key' }, '', []],
    [{ in: 'query', name: 'authorization' }, {}, '&authorization=xi-key', []],
    [{ in: 'query', name: 'token' }, {}, '&token=xi-key', []],
    [{ in: 'query', name: 'single_use_token' }, {}, '&single_use_token=xi-key', []],
    [{ in: 'query', name: 'conversation_signature' }, {}, '&conversation_signature=xi-key', []],
    [{ in: 'subprotocol', prefix: 'bearer.' }, {}, '', ['bearer.xi-key']],
  ];
  it.each(places)('P2 a credential from %o goes up in one place', (carrier, headers, query, subprotocols) => {
    const about = { ...AGENT, ...(carrier === undefined ? {} : { carrier }) };
    expect(dial(about)).toEqual({
      url: `https://api.elevenlabs.io/v1/convai/conversation?agent_id=agent_1${query}`,
      headers,
      subprotocols,
    });
    if (carrier !== undefined) expect(elevenlabs.carriers).toContainEqual(expect.objectContaining(carrier));
  });

  it('P2 text-to-speech and agents may be dialled without a key, transcription may not', () => {
    expect([STREAM, MULTI, DIALOGUE, AGENT, SCRIBE].map((each) => elevenlabs.keyless?.(each))).toEqual([
      true,
      true,
      true,
      true,
      false,
    ]);
    expect(dial({ ...STREAM, credential: null }).headers).toEqual({});
  });

  it('P2 a refusal is told in the shape of each product', () => {
    const error = publicError('bad_token', { why: 'x' });
    const shape = (about: typeof AGENT | typeof STREAM | typeof SCRIBE) =>
      JSON.parse(elevenlabs.errorFrame(error, about) as string) as object; // its error frames are text
    expect(shape(STREAM)).toEqual({ message: error.message, error: 'bad_token', code: 4401 });
    expect(shape(AGENT)).toMatchObject({
      type: 'error',
      error_event: { message: error.message, error_type: 'bad_token' },
    });
    expect(shape(SCRIBE)).toEqual({ message_type: 'error', error: `bad_token: ${error.message}` });
  });
});

describe('P2 the signed URL', () => {
  it('P2 leads here, with the gateway’s token and the provider’s signature', () => {
    const { rest } = elevenlabs;
    const body = JSON.stringify({
      signed_url: 'wss://api.elevenlabs.io/v1/convai/conversation?agent_id=a&conversation_signature=cvtkn_1',
      conversation_id: null,
    });
    expect(rest?.rewrite(body, 'wss://gw/v1/acct/gw/elevenlabs', 'ek_a.b.c')).toBe(
      JSON.stringify({
        signed_url:
          'wss://gw/v1/acct/gw/elevenlabs/v1/convai/conversation?agent_id=a&conversation_signature=cvtkn_1&xi-api-key=ek_a.b.c',
        conversation_id: null,
      }),
    );
    expect(rest?.rewrite('{"detail":"x"}', 'wss://gw', 't')).toBe('{"detail":"x"}');
    expect(rest?.matches('v1/convai/conversation/get-signed-url')).toBe(true);
    expect(rest?.matches('v1/convai/conversation/get_signed_url')).toBe(true);
    expect(rest?.matches('v1/convai/conversation')).toBe(false);
    expect(rest?.headers('k')).toEqual({ 'xi-api-key': 'k' });
  });
});
