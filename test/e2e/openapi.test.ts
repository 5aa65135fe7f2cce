/** What the server really answers, against docs/openapi.json, by a validator that is not ours. */
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connected } from '../support/client.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { untilEnded } from '../support/rest.ts';
import { base64Of, ramp } from '../support/taped-call.ts';

interface Operation {
  readonly parameters: readonly { readonly name: string }[];
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, object>> }>>;
}

const FILE = new URL('../../docs/openapi.json', import.meta.url);
const document = JSON.parse(readFileSync(FILE, 'utf8')) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}; // OpenAPI's own shape
const ajv = new Ajv2020({ strict: false, validateFormats: false });
ajv.addSchema(closed(document) as object, 'openapi'); // what went in

/** Nothing may be there that the document does not name. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.fromEntries(Object.entries(value).map(([key, each]) => [key, closed(each)]));
  const isOpen = 'properties' in value && 'type' in value && !('additionalProperties' in value);
  return isOpen ? { ...members, additionalProperties: false } : members;
}

const BASE = '/v1/{account}/{gateway}';
const SESSION = `${BASE}/sessions/{session}`;
const VALUES: Readonly<Record<string, string>> = {
  account: 'acct',
  gateway: 'documented',
  session: 'call',
  suffix: 'json',
  provider: 'openai',
  alias: 'mine',
};

let parley: ParleyProcess;

beforeAll(async () => {
  parley = await startParley({
    env: { PARLEY_WEBHOOKS: '[{"url":"http://127.0.0.1:9/hook","events":["session.ended"]}]' },
  });
  const { socket, closed: over } = await connected(parley, {
    gateway: 'acct/documented',
    query: `model=sim-support&seed=1&speed=50&parley-session=call&cf-aig-metadata=${encodeURIComponent('{"a":1}')}`,
    ready: (each) =>
      each.on('message', (data: Buffer) => {
        if (data.toString().includes('"response.done"')) each.emit('answered');
      }),
  });
  const answered = new Promise((resolve) => {
    socket.once('answered', resolve);
  });
  const send = (event: object): void => socket.send(JSON.stringify(event));
  send({
    type: 'session.update',
    session: {
      type: 'realtime',
      audio: { input: { turn_detection: null, transcription: { model: 'whisper-1' } } },
    },
  });
  for (let n = 0; n < 3; n += 1) send({ type: 'input_audio_buffer.append', audio: base64Of(ramp(2_400, n)) });
  send({ type: 'input_audio_buffer.commit' });
  send({ type: 'response.create' });
  await answered;
  socket.send('no JSON');
  socket.send(new Uint8Array([1, 2, 3]));
  socket.close(1000);
  await over;
  await answerOf('POST', `${SESSION}/end`);
  await untilEnded(parley, 'acct/documented', 'call');
});
afterAll(() => parley.stop());

function answerOf(
  method: string,
  path: string,
  query = '',
  body?: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const url = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => VALUES[name] ?? name);
  return fetch(`${parley.http}${url}${query}`, {
    method,
    headers: { authorization: `Bearer ${parley.token}`, ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** As the document has it for this answer; undefined where it names no JSON. */
function schemaOf(method: string, path: string, status: number): string | undefined {
  const responses = document.paths[path]?.[method.toLowerCase()]?.responses;
  const key = responses?.[status] === undefined ? 'default' : String(status);
  if (responses?.[key]?.content?.['application/json'] === undefined) return undefined;
  const steps = [
    'paths',
    path,
    method.toLowerCase(),
    'responses',
    key,
    'content',
    'application/json',
    'schema',
  ];
  return `openapi#/${steps.map((step) => encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`;
}

async function expectDocumented(method: string, path: string, status: number, query = '', body?: object) {
  const answer = await answerOf(method, path, query, body);
  const value: unknown = await answer.json();
  const schema = schemaOf(method, path, answer.status);
  if (schema === undefined) throw new Error(`${method} ${path}: nothing is said of ${answer.status}`);
  const isValid = ajv.validate({ $ref: schema }, value);
  expect({ status: answer.status, errors: isValid ? [] : ajv.errors }).toEqual({ status, errors: [] });
}

const READABLE = Object.entries(document.paths).flatMap(([path, { get }]) =>
  get?.responses['200']?.content?.['application/json'] === undefined ? [] : [path],
);

const READS = Object.entries(document.paths).flatMap(([path, { get }]) =>
  get?.responses['200'] === undefined ? [] : [path],
);

describe('P3 what is answered is what docs/openapi.json says', () => {
  it('P3 there is JSON to read', () => expect(READABLE.length).toBeGreaterThan(15));

  it.each(READABLE)('P3 GET %s', async (path) => {
    await expectDocumented('GET', path, 200);
  });

  it.each([
    [`${SESSION}/events`, '?payload=parsed'],
    [`${SESSION}/events`, '?payload=base64'],
    [`${SESSION}/events`, '?fold=audio&limit=3'],
    [`${BASE}/usage`, `?group_by=hour&since=${new Date(Date.now() - 3_600_000).toISOString()}`],
    [`${BASE}/usage`, '?group_by=metadata.a'],
    [`${BASE}/sessions`, '?limit=1'],
  ])('P3 GET %s%s', async (path, query) => {
    await expectDocumented('GET', path, 200, query);
  });

  it.each(READS)('P3 GET %s has a form that is named', async (path) => {
    const answer = await answerOf('GET', path);
    await answer.body?.cancel();
    const named = Object.keys(document.paths[path]?.['get']?.responses['200']?.content ?? {});
    expect(named).toContain(answer.headers.get('content-type')?.replace(/;.*/, ''));
  });

  it.each([
    [304, `${SESSION}/turns`, { 'if-none-match': '*' }],
    [304, `${SESSION}/events`, { 'if-none-match': '*' }],
    [304, SESSION, { 'if-none-match': '*' }],
    [206, `${SESSION}/audio.wav`, { range: 'bytes=0-9' }],
    [416, `${SESSION}/audio.wav`, { range: 'bytes=99999999-' }],
    [204, `${SESSION}/events.{suffix}`, { 'last-event-id': '999999' }],
    [204, `${SESSION}/replay`, { 'last-event-id': '999999' }],
  ])('P3 %i of %s is named, and what asks for it', async (status, path, headers) => {
    const answer = await answerOf('GET', path.replace('{suffix}', 'sse'), '', undefined, headers);
    const operation = document.paths[path]?.['get'];
    expect([answer.status, Object.keys(operation?.responses ?? {})]).toEqual([
      status,
      expect.arrayContaining([String(status)]),
    ]);
    const named = (operation?.parameters ?? []).map(({ name }) => name.toLowerCase());
    expect(named).toEqual(expect.arrayContaining(Object.keys(headers)));
  });

  it('P3 errors too', async () => {
    await expectDocumented('GET', `${SESSION}/events`, 400, '?lmit=1');
    await expectDocumented('GET', `${BASE}/sessions`, 400, '?since=yesterday');
    await expectDocumented('GET', `${SESSION}/audio.wav`, 400, '?channel=middle');
  });

  it('P3 and what changes something', async () => {
    await expectDocumented('PATCH', SESSION, 200, '', { feedback: 1, score: 80, metadata: { b: 'c' } });
    await expectDocumented('POST', `${BASE}/sessions`, 200, '', { provider: 'openai', model: 'sim-support' });
    await expectDocumented('POST', `${BASE}/tokens`, 200, '', { scope: ['read'], expires_in: 60 });
    await expectDocumented('POST', '/v1/realtime/client_secrets', 200, '', { session: { type: 'realtime' } });
    await expectDocumented('PATCH', `${BASE}/settings`, 200, '', { retention_days: 3 });
    await expectDocumented('PUT', `${BASE}/keys/{provider}/{alias}`, 200, '', { key: 'sk-of-the-document' });
    await expectDocumented('GET', `${BASE}/keys`, 200);
    await expectDocumented('DELETE', `${BASE}/keys/{provider}/{alias}`, 200);
    await expectDocumented('GET', `${BASE}/tokens`, 200);
  });

  it('P3 what the document does not name would be found', () => {
    const schema = { $ref: schemaOf('GET', SESSION, 200) ?? '' };
    expect(ajv.validate(schema, { success: true, errors: [], messages: [], result: { surprise: 1 } })).toBe(
      false,
    );
  });
});
