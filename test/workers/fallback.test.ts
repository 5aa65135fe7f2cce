import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../session/limits.ts';
import { ADMIN, asAdmin, call, type Envelope, open, resultOf } from './parley.ts';

const GATEWAY = '/v1/acct/fallback';

/** Status, name and sentence of a refusal. */
async function refusal(fallback: string, path = 'simulator?model=sim-a', token = ADMIN) {
  const answer = await call(`${GATEWAY}/${path}`, {
    headers: { upgrade: 'websocket', 'cf-aig-authorization': token, 'parley-fallback': fallback },
  });
  answer.webSocket?.accept();
  answer.webSocket?.close();
  if (answer.status === 101) throw new Error('it was not refused');
  const { errors }: Envelope<null> = await answer.json();
  return { status: answer.status, name: errors[0]?.name, message: errors[0]?.message ?? '' };
}

const mint = async (claims: object) =>
  (
    await resultOf<{ token: string }>(
      asAdmin(`${GATEWAY}/tokens`, { method: 'POST', body: JSON.stringify(claims) }),
    )
  ).token;

describe('P5 alternatives are checked before anything is dialled', () => {
  it.each([
    ['gpt-realtime', 'provider/model'],
    ['simulator/', 'provider/model'],
    ['simulator/sim-b,,', 'provider/model'],
    ['google/gemini-live', 'openai, azure-openai'],
    ['nobody/model', 'simulator'],
    ['xai/grok', 'does not speak the wire of simulator'],
  ])('P5 %s is a 400 that says what would do', async (fallback, sentence) => {
    const { status, name, message } = await refusal(fallback);
    expect([status, name]).toEqual([400, 'invalid_request']);
    expect(message).toContain('parley-fallback');
    expect(message).toContain(sentence);
  });

  it('P5 nothing stands in for a provider whose model is in its frames', async () => {
    const { status, message } = await refusal('openai/sim-b', 'cartesia/tts/websocket?model=sim-a');
    expect([status, message.includes('nothing can stand in for cartesia')]).toEqual([400, true]);
  });

  it('P10 five alternatives are taken, and not one more', async () => {
    const named = (count: number) => Array.from({ length: count }, () => 'openai/sim-b').join(',');
    const client = await open(`${GATEWAY}/simulator?model=sim-a&parley-fallback=${named(LIMITS.fallbacks)}`);
    client.socket.close(1000);
    expect(await refusal(named(LIMITS.fallbacks + 1))).toMatchObject({ status: 400 });
  });

  it('P9 a token’s providers and models hold for each of them', async () => {
    const models = await mint({ models: ['sim-a', 'sim-b'] });
    expect(await refusal('openai/sim-b,openai/sim-c', undefined, models)).toMatchObject({
      status: 403,
      name: 'forbidden',
    });
    const providers = await mint({ providers: ['simulator'] });
    expect(await refusal('openai/sim-b', undefined, providers)).toMatchObject({ status: 403 });
  });

  it('P9 so does what the gateway allows', async () => {
    const settings = (value: readonly string[] | null) =>
      asAdmin(`${GATEWAY}/settings`, { method: 'PATCH', body: JSON.stringify({ allowed_models: value }) });
    await settings(['sim-a']);
    expect(await refusal('openai/sim-b')).toMatchObject({ status: 403, name: 'not_allowed_here' });
    await settings(null);
  });

  it('P9 each needs a key of its own, and a key that is asked for by name', async () => {
    expect(await refusal('custom-x/m,openai/sim-b')).toMatchObject({ status: 400 });
    const { status, name, message } = await refusal('xai/grok', 'xai?model=sim-a');
    expect([status, name, message.includes('XAI_API_KEY')]).toEqual([401, 'provider_key_missing', true]);
  });

  it('P5 the first is served where it opens: the 101 says so', async () => {
    const { response, socket } = await open(`${GATEWAY}/simulator?model=sim-a&parley-fallback=openai/sim-b`);
    const named = ['parley-provider', 'parley-model', 'cf-aig-step'].map((name) =>
      response.headers.get(name),
    );
    expect(named).toEqual(['simulator', 'sim-a', '0']);
    socket.close(1000);
  });
});
