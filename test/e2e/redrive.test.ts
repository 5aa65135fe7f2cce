/** The client's side of a recorded session, sent to another model as a new session. */
import { Modality } from '@google/genai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeSamples } from '../../simulators/audio-format.ts';
import { speak, voiceNamed } from '../../simulators/speech.ts';
import { connected } from '../support/client.ts';
import { LiveTalk } from '../support/gemini-live.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { eventsOf, get, type LoggedFrame, sessionOf, untilEnded } from '../support/rest.ts';

let parley: ParleyProcess;

beforeAll(async () => {
  parley = await startParley({ env: { GOOGLE_BASE_URL: 'simulator', GOOGLE_API_KEY: 'stored' } });
});
afterAll(async () => {
  await parley.stop();
});

type Event = Readonly<Record<string, unknown>> & { readonly type?: string };

async function redrive(gateway: string, id: string, body: object = {}, token = parley.token) {
  const answer = await fetch(`${parley.http}/v1/${gateway}/sessions/${id}/redrive`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  });
  // The envelope of docs/openapi.json.
  const { result, errors } = (await answer.json()) as {
    result: { id: string } | null;
    errors?: { name: string; message: string }[];
  };
  return {
    status: answer.status,
    id: result?.id ?? '',
    location: answer.headers.get('location'),
    error: errors?.[0],
  };
}

const sent = (events: readonly LoggedFrame[], direction: 'up' | 'down'): Event[] =>
  events
    .filter((event) => event.kind === 'frame' && event.direction === direction)
    .map(({ text, base64 }) => JSON.parse(text ?? Buffer.from(base64 ?? '', 'base64').toString()) as Event);

/** A client on a plain socket that waits for what it was promised. */
async function client(gateway: string, query = '', provider = 'openai') {
  const events: Event[] = [];
  const { socket, id, closed } = await connected(parley, {
    gateway,
    provider,
    query: `model=sim-support&seed=3&speed=50${query}`,
    ready: (socket) =>
      socket.on('message', (data: Buffer) => events.push(JSON.parse(data.toString()) as Event)),
  });
  let taken = 0;
  const until = async (type: string): Promise<Event> => {
    const next = () => events.findIndex((event, index) => index >= taken && event.type === type);
    await expect.poll(next, { message: type }).not.toBe(-1);
    taken = next() + 1;
    return events[taken - 1] ?? {};
  };
  const send = (event: object): void => socket.send(JSON.stringify(event));
  const end = async () => {
    socket.close(1000);
    await closed;
    await untilEnded(parley, gateway, id);
  };
  return { id, send, until, end };
}

const says = (text: string) => ({
  type: 'conversation.item.create',
  item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
});

/** Two turns, the first with a call of a tool that is answered by its id. */
async function withTool(gateway: string): Promise<string> {
  const { id, send, until, end } = await client(gateway);
  const parameters = { type: 'object', properties: { city: { type: 'string' } } };
  const tools = [{ type: 'function', name: 'weather', description: 'Weather', parameters }];
  await until('session.created');
  send({
    type: 'session.update',
    session: { type: 'realtime', output_modalities: ['text'], tools, tool_choice: 'required' },
  });
  send(says('What is the weather?'));
  send({ type: 'response.create' });
  const { call_id } = await until('response.function_call_arguments.done');
  await until('response.done');
  send({ type: 'session.update', session: { type: 'realtime', tool_choice: 'none' } });
  send({
    type: 'conversation.item.create',
    item: { type: 'function_call_output', call_id, output: 'sunny' },
  });
  send({ type: 'response.create' });
  await until('response.done');
  send(says('Thank you, good bye'));
  send({ type: 'response.create' });
  await until('response.done');
  await end();
  return id;
}

describe('P3 P8 a re-drive', () => {
  it('P3 P8 runs the conversation with another model, under the ids of now, and is billed as any session', async () => {
    const id = await withTool('acct/tool');
    const answer = await redrive('acct/tool', id, {
      model: 'sim-echo',
      query: { seed: '9', speed: '50' },
      metadata: { run: 'nächste' },
    });
    expect(answer).toMatchObject({ status: 202, location: `/v1/acct/tool/sessions/${answer.id}` });
    const session = await untilEnded(parley, 'acct/tool', answer.id);
    const [before, now] = [
      await eventsOf(parley, 'acct/tool', id),
      await eventsOf(parley, 'acct/tool', answer.id),
    ];
    expect(session).toMatchObject({
      redrive_of: id,
      model: 'sim-echo',
      ended_reason: 'grace_over',
      metadata: { run: 'nächste' },
      clients: [{ user_agent: 'parley-redrive', close_reason: 'redrive: the record is over' }],
    });
    const [sentBefore, sentNow] = [sent(before, 'up'), sent(now, 'up')];
    expect(sentNow.map(({ type }) => type)).toEqual(sentBefore.map(({ type }) => type));
    const down = sent(now, 'down');
    expect(down.filter(({ type }) => type === 'error')).toEqual([]);
    const made = down.find(({ type }) => type === 'response.function_call_arguments.done')?.['call_id'];
    expect(made).toBeTypeOf('string');
    const calls = sentNow.map((event) => (event['item'] as { call_id?: string } | undefined)?.call_id);
    expect(calls.filter((call) => call !== undefined)).toEqual([made]);
    expect(JSON.stringify(sentBefore)).not.toContain(String(made));
    const responses = down.filter(({ type }) => type === 'response.done');
    expect(responses).toHaveLength(3);
    const tokens = responses.map(
      ({ response }) => (response as { usage: { total_tokens: number } }).usage.total_tokens,
    );
    const { tokens: sums, reports } = session.usage.response;
    expect(reports).toBe(3);
    expect(sums.input_text + sums.output_text).toBe(tokens.reduce((sum, each) => sum + each));
    expect(
      session.cost.reports_priced + session.cost.unpriced.reduce((sum, each) => sum + each.reports, 0),
    ).toBe(3);
    const found = await get<{ id: string }[]>(parley, `/v1/acct/tool/sessions?redrive_of=${id}`);
    expect(found.map((each) => each.id)).toEqual([answer.id]);
    expect(await sessionOf(parley, 'acct/tool', id)).toMatchObject({ redrive_of: null });
  });

  it('P3 brings spoken turns to an end one after the other, without a wait for what needs more audio', async () => {
    const { id, send, until, end } = await client('acct/spoken');
    await until('session.created');
    const samples = [...speak('Hello there my friend', voiceNamed('caller', 1))].flatMap((word) => [
      ...word.samples,
    ]);
    const bytes = Buffer.from(
      encodeSamples(Int16Array.from([...samples, ...Array.from({ length: 36_000 }, () => 0)]), 'audio/pcm'),
    );
    for (let turn = 0; turn < 2; turn += 1) {
      for (let at = 0; at < bytes.length; at += 9600)
        send({ type: 'input_audio_buffer.append', audio: bytes.subarray(at, at + 9600).toString('base64') });
      await until('response.done');
    }
    await end();
    const answer = await redrive('acct/spoken', id, { query: { seed: '4', speed: '50' }, speed: 10 });
    expect(answer.status).toBe(202);
    const session = await untilEnded(parley, 'acct/spoken', answer.id);
    expect(session.turns.map(({ outcome }) => outcome)).toEqual(['completed', 'completed']);
    expect(session.frames.up).toBe((await sessionOf(parley, 'acct/spoken', id)).frames.up);
  });

  it('P3 names the new model where the provider’s clients name it in a frame', async () => {
    const talk = await LiveTalk.open(
      { apiKey: parley.token, httpOptions: { baseUrl: `${parley.http}/v1/acct/gemini/google` } },
      { responseModalities: [Modality.TEXT] },
    );
    talk.say('Hello');
    await talk.turn();
    talk.session.close();
    const before = await untilEnded(parley, 'acct/gemini');
    const answer = await redrive('acct/gemini', before.id, { model: 'sim-other' });
    expect(answer.status).toBe(202);
    const session = await untilEnded(parley, 'acct/gemini', answer.id);
    expect(session).toMatchObject({ redrive_of: before.id, turns: [{ outcome: 'completed' }] });
    const [setup] = sent(await eventsOf(parley, 'acct/gemini', answer.id), 'up');
    expect(setup).toMatchObject({ setup: { model: 'models/sim-other' } });
  });

  it('P3 goes from one provider to another of the same wire', async () => {
    const { id, send, until, end } = await client('acct/wire', '', 'simulator');
    send(says('Hello'));
    send({ type: 'response.create' });
    await until('response.done');
    await end();
    const answer = await redrive('acct/wire', id, { provider: 'openai', query: { speed: '50' } });
    expect(answer.status).toBe(202);
    expect(await untilEnded(parley, 'acct/wire', answer.id)).toMatchObject({
      provider: 'openai',
      redrive_of: id,
      turns: [{ outcome: 'completed' }],
    });
  });
});

describe('P2 what cannot be re-driven is refused, and says why', () => {
  it('P2 a live session, one without payloads, one that was redacted, another wire, and who may not connect', async () => {
    const gateway = 'acct/refused';
    const live = await client(gateway);
    expect((await redrive(gateway, live.id)).error?.message).toContain('it is still live');
    await live.end();
    expect(await redrive(gateway, live.id)).toMatchObject({
      status: 409,
      error: { name: 'not_replayable', message: expect.stringContaining('sent nothing') as string },
    });
    const bare = await client(gateway, '&cf-aig-collect-log-payload=false');
    bare.send({ type: 'input_audio_buffer.clear' });
    await bare.until('input_audio_buffer.cleared');
    await bare.end();
    expect((await redrive(gateway, bare.id)).error?.message).toContain('log mode was metadata');
    const whole = await client(gateway);
    whole.send({ type: 'input_audio_buffer.clear' });
    await whole.until('input_audio_buffer.cleared');
    await whole.end();
    expect((await redrive(gateway, whole.id, { provider: 'google' })).error?.message).toContain(
      'the wire of openai',
    );
    expect((await redrive(gateway, whole.id, { provider: 'nobody' })).status).toBe(404);
    expect((await redrive(gateway, whole.id, { sped: 2 })).status).toBe(400);
    expect((await redrive(gateway, 'nobody')).status).toBe(404);
    const minted = await fetch(`${parley.http}/v1/${gateway}/tokens`, {
      method: 'POST',
      headers: { authorization: `Bearer ${parley.token}` },
      body: JSON.stringify({ scope: ['read'] }),
    });
    const { result } = (await minted.json()) as { result: { token: string } };
    expect(await redrive(gateway, whole.id, {}, result.token)).toMatchObject({
      status: 403,
      error: { name: 'forbidden' },
    });
    expect(await redrive(gateway, whole.id, { query: { faults: 'connect_429' } })).toMatchObject({
      status: 429,
    });
    await fetch(`${parley.http}/v1/${gateway}/settings`, {
      method: 'PATCH',
      headers: { authorization: `Bearer ${parley.token}` },
      body: JSON.stringify({ redact: { fields: ['session.instructions'] } }),
    });
    const redacted = await client(gateway);
    redacted.send({ type: 'session.update', session: { type: 'realtime', instructions: 'secret' } });
    await redacted.until('session.updated');
    await redacted.end();
    expect((await redrive(gateway, redacted.id)).error?.message).toContain('rules took something out');
  });
});
