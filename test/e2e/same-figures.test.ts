/** One session's figures, wherever they are told: none may differ, and what is not known is 0 nowhere. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SessionShape, SessionSummaryShape, UsageShape } from '../../protocol/rest.ts';
import type { SessionUsageShape } from '../../protocol/session-views.ts';
import { type Client, connected } from '../support/client.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { get, untilEnded } from '../support/rest.ts';

const GATEWAY = '/v1/acct/figures';
const LOGS = '/client/v4/accounts/acct/ai-gateway/gateways/figures/logs';
const NANO = 1_000_000_000;
const HOUR_MS = 3_600_000;

interface CloudflareLog {
  readonly id: string;
  readonly tokens_in: number | null;
  readonly tokens_out: number | null;
  readonly cost?: number;
  readonly duration: number;
  readonly turns: number;
  readonly audio_in_ms: number | null;
  readonly audio_out_ms: number | null;
}
interface Told {
  readonly type: string;
  readonly data: { readonly session: SessionSummaryShape; readonly usage: UsageShape };
}
interface Span {
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
}

let parley: ParleyProcess;
let hook: Receiver;
let collector: Receiver;
const sessions: SessionShape[] = [];

/** A session that sends `frames`, hears until `isOver`, and is left. */
async function held(provider: string, query: string, frames: readonly (object | Buffer)[], isOver: string) {
  const over = Promise.withResolvers<void>();
  const { socket, id, closed }: Client = await connected(parley, {
    gateway: 'acct/figures',
    provider,
    query,
    headers: { 'xi-api-key': 'k', 'cf-aig-metadata': JSON.stringify({ kind: provider.split('/')[0] }) },
    ready: (each) => {
      each.on('message', (data: Buffer) => {
        if (data.toString().includes(isOver)) over.resolve();
      });
    },
  });
  for (const frame of frames) socket.send(Buffer.isBuffer(frame) ? frame : JSON.stringify(frame));
  await over.promise;
  socket.close(1000);
  await closed;
  sessions.push(await untilEnded(parley, 'acct/figures', id));
}

beforeAll(async () => {
  hook = await startReceiver();
  collector = await startReceiver(() => 200);
  const simulated = ['OPENAI', 'CARTESIA', 'ELEVENLABS', 'DEEPGRAM'].map((name) => [
    `${name}_BASE_URL`,
    'simulator',
  ]);
  parley = await startParley({
    env: {
      ...Object.fromEntries(simulated),
      PARLEY_WEBHOOKS: JSON.stringify([{ url: hook.url, events: ['session.ended'] }]),
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    },
  });
  const say = {
    type: 'conversation.item.create',
    item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hello' }] },
  };
  const ask = { type: 'response.create' };
  await held('openai', 'model=gpt-realtime-2025-08-28&speed=50', [say, ask], 'response.done');
  await held('openai', 'model=gpt-realtime-9&speed=50', [say, ask], 'response.done');
  const speech = {
    model_id: 'sonic-3',
    transcript: 'Hello there 😀',
    voice: { mode: 'id', id: 'a' },
    output_format: { container: 'raw', encoding: 'pcm_s16le', sample_rate: 8000 },
    context_id: 'c1',
  };
  await held('cartesia', 'cartesia_version=2024-06-10&api_key=k', [speech], '"done"');
  const texts = [{ text: ' ' }, { text: 'Hello world. ' }, { text: '' }];
  // Its sound is MP3, whose length is not known here.
  await held(
    'elevenlabs/v1/text-to-speech/v/stream-input',
    'model_id=eleven_flash_v2_5',
    texts,
    'isFinal":true',
  );
  const sound = Array.from({ length: 10 }, () => Buffer.alloc(3200));
  const listen = 'model=nova-3&encoding=linear16&sample_rate=16000';
  await held('deepgram/v1/listen', listen, [...sound, { type: 'CloseStream' }], 'Metadata');
  await hook.until(sessions.length);
  await collector.until(sessions.length);
});
afterAll(async () => {
  await parley.stop();
  hook.close();
  collector.close();
});

const tokensIn = ({ tokens }: Pick<UsageShape, 'tokens'>) =>
  tokens.input_text + tokens.input_audio + tokens.input_image;
const tokensOut = ({ tokens }: Pick<UsageShape, 'tokens'>) =>
  tokens.output_text + tokens.output_audio + tokens.output_image;
const total = <T>(all: readonly T[], of: (each: T) => number | null) =>
  all.reduce((sum, each) => sum + (of(each) ?? 0), 0);

describe('P8 the same figures everywhere', () => {
  it('P8 of each session: its own, those of its reports, the list’s, the log’s, the webhook’s and the trace’s', async () => {
    const listed = await get<SessionSummaryShape[]>(parley, `${GATEWAY}/sessions`);
    const logs = await get<CloudflareLog[]>(parley, LOGS);
    const told = hook.received.map(({ body }) => JSON.parse(body) as Told); // as docs/WEBHOOKS.md says
    const spans = collector.received.map(({ body }) => spanOf(body));
    for (const { id, cost, usage, audio, turns, duration_ms: duration } of sessions) {
      const inTokens = cost.unpriced.length > 0 || tokensIn(usage.response) > 0;
      const [sent, received] = [tokensIn(usage.response), tokensOut(usage.response)];
      const { reports } = await get<SessionUsageShape>(parley, `${GATEWAY}/sessions/${id}/usage`);
      expect(total(reports, (each) => each.cost_nano_usd)).toBe(cost.nano_usd ?? 0);
      const money = { nano_usd: cost.nano_usd, complete: cost.complete };
      const row = {
        tokens: inTokens ? sent + received : null,
        turns: turns.length,
        cost: money,
        duration_ms: duration,
      };
      expect(listed.find((each) => each.id === id)).toMatchObject(row);
      expect(logs.find((each) => each.id === id)).toMatchObject({
        tokens_in: inTokens ? sent : null,
        tokens_out: inTokens ? received : null,
        ...(cost.nano_usd === null ? {} : { cost: cost.nano_usd / NANO }),
        duration,
        turns: turns.length,
        audio_in_ms: audio.in_ms,
        audio_out_ms: audio.out_ms,
      });
      const event = told.find(({ data }) => data.session.id === id)?.data;
      expect(event?.session).toMatchObject(row);
      expect(event?.usage).toMatchObject({
        ...usage.response,
        audio_out_ms: audio.out_ms ?? 0,
        audio_out_unknown: audio.out_ms === null ? 1 : 0,
      });
      const span = spans.find((each) => each['gen_ai.conversation.id'] === id);
      expect(span?.['parley.cost.usd']).toBe(cost.nano_usd === null ? undefined : cost.nano_usd / NANO);
      expect(span?.['parley.audio.out_ms']).toBe(audio.out_ms === null ? undefined : String(audio.out_ms));
      expect(span?.['parley.turns']).toBe(String(turns.length));
    }
    expect(sessions.map(({ audio }) => audio.out_ms)).toContain(null);
    expect(sessions.map(({ cost }) => cost.nano_usd)).toContain(null);
  });

  it('P8 of the gateway: the sum over sessions, in one, by hour, model, provider and tag, and in the metrics', async () => {
    const since = encodeURIComponent(new Date(Date.now() - 2 * HOUR_MS).toISOString());
    const nano = total(sessions, ({ cost }) => cost.nano_usd);
    const unknown = total(sessions, ({ audio }) => (audio.out_ms === null ? 1 : 0));
    for (const query of [
      '',
      `?group_by=hour&since=${since}`,
      '?group_by=model',
      '?group_by=provider',
      '?group_by=metadata.kind',
    ]) {
      const groups = await get<UsageShape[]>(parley, `${GATEWAY}/usage${query}`);
      expect(total(groups, (each) => each.sessions)).toBe(sessions.length);
      expect(total(groups, (each) => each.cost.nano_usd)).toBe(nano);
      expect(total(groups, (each) => each.turns)).toBe(total(sessions, ({ turns }) => turns.length));
      expect(total(groups, (each) => each.duration_ms)).toBe(total(sessions, (each) => each.duration_ms));
      expect(total(groups, tokensIn)).toBe(total(sessions, ({ usage }) => tokensIn(usage.response)));
      expect(total(groups, (each) => each.audio_out_ms)).toBe(total(sessions, ({ audio }) => audio.out_ms));
      expect(total(groups, (each) => each.audio_out_unknown)).toBe(unknown);
      expect(total(groups, (each) => each.characters)).toBe(26);
    }
    const answer = await fetch(`${parley.http}${GATEWAY}/metrics`, {
      headers: { authorization: `Bearer ${parley.token}` },
    });
    const metrics = await answer.text();
    const metric = (name: string) =>
      total([...metrics.matchAll(new RegExp(`^${name}\\{.*\\} (.+)$`, 'gm'))], ([, value]) => Number(value));
    expect(Math.round(metric('parley_cost_dollars_total') * NANO)).toBe(nano);
    expect(metric('parley_sessions_total')).toBe(sessions.length);
    expect(metric('parley_sessions_live')).toBe(0);
    expect(metric('parley_billed_characters_total')).toBe(26);
  });
});

function spanOf(body: string): Readonly<Record<string, unknown>> {
  // OTLP over JSON.
  const { resourceSpans } = JSON.parse(body) as {
    resourceSpans: { scopeSpans: { spans: Span[] }[] }[];
  };
  const root = resourceSpans[0]?.scopeSpans[0]?.spans[0];
  return Object.fromEntries((root?.attributes ?? []).map(({ key, value }) => [key, Object.values(value)[0]]));
}
