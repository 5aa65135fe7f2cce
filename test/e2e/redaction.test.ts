/** Numbers and addresses go through, whole and cut over frames; with rules none of them is found on the disk. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { type EchoUpstream, wsUpstream } from '../support/echo-upstream.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { eventsOf, get, sessionOf, untilEnded } from '../support/rest.ts';
import { secretsByFile, secretsIn } from '../support/secret-search.ts';

const CARD = '4111 1111 1111 1111';
const EMAIL = 'canary.person@mail.example';
const CASE = 'CASE-77310042';
const INSTRUCTIONS = 'canary instructions of a deployment';
/** Parts of what is cut over frames, beside what is whole. */
const SECRETS = [CARD, '4111 11', '11 1111 11', EMAIL, 'canary.pers', CASE, INSTRUCTIONS];
const PIECES = ['The card is 4111 11', '11 1111 1111, mail canary.pers', 'on@mail.example, thanks.'];
const TOLD = 'The card is [redacted], mail [redacted], thanks.';

const RULES = {
  fields: ['session.instructions', 'setup.systemInstruction'],
  patterns: ['card', 'email', { name: 'case-number', regex: 'CASE-[0-9]+' }],
  binary: 'drop',
};

/** A turn as the provider sends it, and what the client sends before. */
interface Wire {
  readonly path: string;
  readonly up: readonly (string | Buffer)[];
  readonly down: readonly (string | Buffer)[];
}

const openai: Wire = {
  path: 'openai?model=gpt-realtime',
  up: [
    { type: 'session.update', session: { type: 'realtime', instructions: INSTRUCTIONS } },
    {
      type: 'conversation.item.create',
      item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: `${CASE}, ${CARD}` }] },
    },
    { type: 'response.create' },
  ].map((frame) => JSON.stringify(frame)),
  down: [
    { type: 'session.updated', session: { id: 'sess_1', instructions: INSTRUCTIONS } },
    { type: 'response.created', response: { id: 'resp_1', status: 'in_progress', output: [], usage: null } },
    ...PIECES.map((delta) => ({
      type: 'response.output_audio_transcript.delta',
      response_id: 'resp_1',
      item_id: 'item_1',
      delta,
    })),
    {
      type: 'response.function_call_arguments.done',
      response_id: 'resp_1',
      arguments: JSON.stringify({ to: EMAIL }),
    },
    {
      type: 'response.output_audio_transcript.done',
      response_id: 'resp_1',
      item_id: 'item_1',
      transcript: PIECES.join(''),
    },
    { type: 'error', error: { type: 'invalid_request_error', code: 'x', message: `no ${CASE}` } },
    {
      type: 'response.done',
      response: {
        id: 'resp_1',
        status: 'completed',
        output: [
          { id: 'item_1', type: 'message', content: [{ type: 'audio', transcript: PIECES.join('') }] },
        ],
        usage: {
          total_tokens: 30,
          input_tokens: 10,
          output_tokens: 20,
          input_token_details: { text_tokens: 10 },
          output_token_details: { text_tokens: 20 },
        },
      },
    },
  ].map((frame) => JSON.stringify(frame)),
};

/** JSON in binary frames, and no frame with the whole text. */
const gemini: Wire = {
  path: 'google?key=of-the-client',
  up: [
    JSON.stringify({
      setup: { model: 'models/x', systemInstruction: { parts: [{ text: INSTRUCTIONS }] } },
    }),
    JSON.stringify({
      clientContent: { turns: [{ role: 'user', parts: [{ text: `${CASE}, ${CARD}` }] }], turnComplete: true },
    }),
  ],
  down: [
    { setupComplete: {} },
    ...PIECES.map((text) => ({ serverContent: { outputTranscription: { text } } })),
    { toolCall: { functionCalls: [{ id: 'f1', name: 'mail', args: { to: EMAIL } }] } },
    { serverContent: { generationComplete: true } },
    {
      serverContent: { turnComplete: true },
      usageMetadata: { promptTokenCount: 10, responseTokenCount: 20, totalTokenCount: 30 },
    },
  ].map((frame) => Buffer.from(JSON.stringify(frame))),
};

const WIRES: Readonly<Record<string, Wire>> = { openai, gemini };

let upstream: EchoUpstream;
let redacting: ParleyProcess;
let plain: ParleyProcess;
/** What reached the provider on its last socket. */
let arrived: string[] = [];

beforeAll(async () => {
  upstream = await wsUpstream((socket, request) => {
    const wire = request.url?.includes('BidiGenerateContent') === true ? gemini : openai;
    arrived = [];
    socket.on('message', (data: Buffer) => {
      arrived.push(data.toString());
      if (arrived.length === wire.up.length) for (const frame of wire.down) socket.send(frame);
    });
  });
  const env = {
    OPENAI_BASE_URL: upstream.url,
    OPENAI_API_KEY: 'sk-stored',
    GOOGLE_BASE_URL: new URL(upstream.url).origin,
    GOOGLE_API_KEY: 'stored',
  };
  redacting = await startParley({ env: { ...env, PARLEY_REDACT: JSON.stringify(RULES) } });
  plain = await startParley({ env });
});
afterAll(async () => {
  await redacting.stop();
  await plain.stop();
  upstream.close();
});

/** One turn, until all of it has come. */
async function talk(
  parley: ParleyProcess,
  wire: Wire,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ id: string; received: string[] }> {
  const socket = new WebSocket(`${parley.ws}/v1/acct/gw/${wire.path}`, {
    headers: { 'cf-aig-authorization': `Bearer ${parley.token}`, ...headers },
  });
  const received: string[] = [];
  let id = '';
  socket.on('upgrade', (response) => (id = String(response.headers['parley-session-id'])));
  await new Promise<void>((resolve, reject) => {
    socket.on('message', (data: Buffer) => {
      received.push(data.toString());
      if (received.length === wire.down.length) resolve();
    });
    socket.on('error', reject);
    socket.on('open', () => {
      for (const frame of wire.up) socket.send(frame);
    });
  });
  socket.close();
  return { id, received };
}

describe.each([
  ['metadata', { 'cf-aig-collect-log-payload': 'false' }],
  ['none', { 'cf-aig-collect-log': 'false' }],
])('P9 log mode %s', (log, headers) => {
  // First of all on this server: what others say is found on its disk afterwards.
  it('P9 stores nothing of what was said, in no form; usage and turns are there, and the transcript says that it is not', async () => {
    for (const wire of Object.values(WIRES)) {
      const { id } = await talk(plain, wire, headers);
      const session = await untilEnded(plain, 'acct/gw', id);
      expect(session).toMatchObject({
        log,
        errors: wire === openai ? 1 : 0,
        usage: { response: { reports: 1 } },
      });
      expect(session.turns).toHaveLength(1);
      const transcript = await get(plain, `/v1/acct/gw/sessions/${id}/transcript`);
      expect(transcript).toMatchObject({ complete: false });
      expect(JSON.stringify(transcript)).not.toContain('speech');
    }
    expect(secretsByFile(plain.dataDir, SECRETS).filter(([, found]) => found.length > 0)).toEqual([]);
  });
});

describe.each(Object.entries(WIRES))('P9 redaction: %s', (_name, wire) => {
  it('P1 P9 relays every frame as it was, and stores none of it that a rule names', async () => {
    const { id, received } = await talk(redacting, wire);
    expect(received).toEqual(wire.down.map(String));
    expect(arrived).toEqual(wire.up.map(String));
    await untilEnded(redacting, 'acct/gw', id);

    const files = secretsByFile(redacting.dataDir, SECRETS);
    expect(files.filter(([name]) => name.includes('.sqlite')).length).toBeGreaterThan(2);
    expect(files.filter(([, found]) => found.length > 0)).toEqual([]);
    const events = await eventsOf(redacting, 'acct/gw', id);
    expect(secretsIn(Buffer.from(JSON.stringify(events)), SECRETS)).toEqual([]);
    expect(secretsIn(Buffer.from(redacting.output()), SECRETS)).toEqual([]);
  });

  it('P3 P8 replay says which frames they are, the others are as they were, and usage is right', async () => {
    const { id } = await talk(redacting, wire);
    const session = await untilEnded(redacting, 'acct/gw', id);
    const events = await eventsOf(redacting, 'acct/gw', id);
    const sent = { up: wire.up.map(String), down: wire.down.map(String) };
    const count = { up: 0, down: 0 };
    for (const event of events) {
      const text = event.text ?? Buffer.from(event.base64 ?? '', 'base64').toString();
      const original = sent[event.direction][count[event.direction]];
      if (event.redacted === true) expect(text).not.toBe(original);
      else expect(text).toBe(original);
      count[event.direction] += 1;
    }
    expect(count).toEqual({ up: wire.up.length, down: wire.down.length });
    const redacted = events.filter((event) => event.redacted === true).length;
    expect(redacted).toBeGreaterThanOrEqual(6);
    expect(session.frames).toMatchObject({ redacted, not_logged: 0 });
    expect(session.usage.response).toMatchObject({ reports: 1 });
    expect(session.usage.response.tokens.input_text).toBe(10);
  });

  it('P9 without rules the same search finds all of it: it can find', async () => {
    const { id, received } = await talk(plain, wire);
    expect(received).toEqual(wire.down.map(String));
    await untilEnded(plain, 'acct/gw', id);
    const found = secretsByFile(plain.dataDir, SECRETS).flatMap(([, secrets]) => secrets);
    expect([...new Set(found)].toSorted()).toEqual(SECRETS.toSorted());
    expect((await sessionOf(plain, 'acct/gw', id)).frames.redacted).toBe(0);
  });
});

describe('P9 redaction of records', () => {
  it('P9 transcripts and errors are told without what patterns find', async () => {
    for (const wire of [openai, gemini]) {
      const { id } = await talk(redacting, wire);
      await untilEnded(redacting, 'acct/gw', id);
    }
    const told = secretsByFile(redacting.dataDir, [TOLD]).flatMap(([, found]) => found);
    // In the transcripts of each provider's sessions; OpenAI has frames with all of the text besides.
    expect(told.length).toBeGreaterThanOrEqual(4);
  });
});
