import { describe, expect, it } from 'vitest';
import { at, Drive, types, connect, START } from '../../support/drive-simulator.ts';

const subprotocol = (offer: string): string | null => {
  const handshake = connect('model=sim-support', { 'sec-websocket-protocol': offer });
  return handshake.kind === 'accept' ? handshake.subprotocol : 'refused';
};

describe('handshake', () => {
  it('SIM it answers with realtime if offered, else the first without a secret, else the first, else nothing', () => {
    expect(subprotocol('openai-insecure-api-key.sk-1, realtime')).toBe('realtime');
    expect(subprotocol('other, realtime')).toBe('realtime');
    expect(subprotocol('openai-insecure-api-key.sk-1, other')).toBe('other');
    expect(subprotocol('openai-insecure-api-key.sk-1')).toBe('openai-insecure-api-key.sk-1');
    expect(subprotocol('')).toBeNull();
  });

  const ends: readonly (readonly [string, string, Record<string, string>, string, number])[] = [
    [
      'a bad key in the header',
      'model=sim-support',
      { authorization: 'Bearer sk-bad' },
      'invalid_api_key',
      3000,
    ],
    [
      'a bad key in a subprotocol',
      'model=sim-support',
      { 'sec-websocket-protocol': 'realtime, openai-insecure-api-key.bad' },
      'invalid_api_key',
      3000,
    ],
    [
      'two keys',
      'model=sim-support',
      { authorization: 'Bearer sk-1', 'sec-websocket-protocol': 'realtime, openai-insecure-api-key.sk-1' },
      'invalid_authorization',
      3000,
    ],
    ['the model nope', 'model=nope', {}, 'invalid_model', 4000],
    ['a transcription model', 'model=gpt-4o-transcribe', {}, 'invalid_model', 4000],
    ['no model', '', {}, 'missing_model', 4000],
    [
      'the beta header',
      'model=gpt-realtime',
      { 'openai-beta': 'realtime=v1' },
      'beta_api_shape_disabled',
      4000,
    ],
    [
      'the beta subprotocol',
      'model=gpt-realtime',
      { 'sec-websocket-protocol': 'realtime, openai-beta.realtime-v1' },
      'beta_api_shape_disabled',
      4000,
    ],
  ];
  it.each(ends)('SIM %s is said in-band, then the socket closes', (_name, query, headers, code, close) => {
    const drive = new Drive(query, headers);
    const [error, end, ...more] = drive.outputs;
    expect(at(drive.events()[0], 'error.code')).toBe(code);
    expect(error?.kind).toBe('send');
    expect(end).toEqual({ kind: 'close', code: close, reason: `invalid_request_error.${code}` });
    expect(more).toEqual([]);
    expect(drive.due()).toBeNull();
    expect(drive.send({ type: 'session.update' }).outputs.length).toBe(2);
  });

  it('SIM both credentials are refused in the sentence of the service', () => {
    const drive = new Drive('model=x', {
      authorization: 'Bearer a',
      'sec-websocket-protocol': 'openai-insecure-api-key.b',
    });
    expect(at(drive.events()[0], 'error.message')).toBe(
      'You must only send one of protocol api key and Authorization header',
    );
  });

  it('SIM a call_id or a transcription intent needs no model', () => {
    for (const query of ['call_id=rtc_1', 'intent=transcription', 'intent=transcription&model=sim-stt']) {
      expect(types(new Drive(query).events())).toEqual(['session.created']);
    }
  });

  it('SIM the session ends after an hour with its own words', () => {
    const drive = new Drive();
    expect(drive.due()).toBe(START + 3_600_000);
    drive.pass(3_600_000);
    expect(at(drive.events().at(-1), 'error.code')).toBe('session_expired');
    expect(drive.outputs.at(-1)).toEqual({
      kind: 'close',
      code: 1001,
      reason: 'Your session hit the maximum duration of 60 minutes.',
    });
  });
});
