/** Webhooks: which events there are, who is told of them, and what they are told. Only the operator sets the addresses. */
import * as v from 'valibot';
import type { SessionSummary } from './recording.ts';
import { sumsShape, summaryShape } from './summary-shape.ts';

export const WEBHOOK_EVENTS = ['session.started', 'session.ended', 'budget.exceeded'] as const;
export type WebhookEventType = (typeof WEBHOOK_EVENTS)[number];

export const WEBHOOKS_SETTING = 'PARLEY_WEBHOOKS';

const MOST_ENDPOINTS = 8;
const URL_CHARACTERS = 2048;

/** No value is repeated in a message: the address of a hook is often a secret itself. */
export const WebhookEndpoints = v.pipe(
  v.array(
    v.strictObject(
      {
        url: v.pipe(
          v.string('url must be text'),
          v.maxLength(URL_CHARACTERS, `url must be under ${URL_CHARACTERS} characters`),
          v.check(isHookUrl, 'url must be an http(s) URL without credentials or fragment'),
        ),
        /** Absent: all. */
        events: v.optional(
          v.pipe(
            v.array(
              v.picklist(WEBHOOK_EVENTS, `events must be of ${WEBHOOK_EVENTS.join(', ')}`),
              'events must be a list',
            ),
            v.minLength(1, 'events must name one or more; leave it out for all'),
          ),
          [...WEBHOOK_EVENTS],
        ),
      },
      'each must be an object of url, and events if not all are wanted',
    ),
    'it must be a list such as [{"url":"https://app.example/hooks","events":["session.ended"]}]',
  ),
  v.maxLength(MOST_ENDPOINTS, `it has more than ${MOST_ENDPOINTS} endpoints`),
  v.check(
    (endpoints) => new Set(endpoints.map(({ url }) => url)).size === endpoints.length,
    'it has a url twice',
  ),
);
export type WebhookEndpoint = v.InferOutput<typeof WebhookEndpoints>[number];

export type WebhooksReading =
  | { readonly ok: true; readonly endpoints: readonly WebhookEndpoint[] }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Reads the setting: JSON text, or the value itself where `[vars]` holds JSON. Unset is none. */
export function readWebhooks(setting: unknown): WebhooksReading {
  if (setting === undefined || setting === null || setting === '') return { ok: true, endpoints: [] };
  const parsed = v.safeParse(WebhookEndpoints, typeof setting === 'string' ? parsedJson(setting) : setting);
  if (parsed.success) return { ok: true, endpoints: parsed.output };
  return { ok: false, problems: parsed.issues.map(({ message }) => `${WEBHOOKS_SETTING}: ${message}.`) };
}

function isHookUrl(text: string): boolean {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return false;
  const { username, password, hash } = new URL(text);
  return username === '' && password === '' && hash === '';
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: the schema says what it must be.
    return undefined;
  }
}

/** Something that happened in a gateway. */
export interface WebhookEvent {
  readonly type: WebhookEventType;
  /** Tells it from every other event of its type: told twice, it is delivered once. */
  readonly key: string;
  /** The session's id; null for an event of no session. */
  readonly session: string | null;
  /** ms since the epoch. */
  readonly at: number;
  /** Beside `account` and `gateway`. No secret, and nothing of what was said. */
  readonly data: object;
}

/**
 * What a session's newest summary means.
 *
 * @param before its status in the summary before, null when this is the first of it
 */
export function sessionEvents(
  before: SessionSummary['status'] | null,
  summary: SessionSummary,
): WebhookEvent[] {
  const { id, status, startedAt, endedAt } = summary;
  const key = `${startedAt} ${id}`;
  const session = summaryShape(summary);
  const events: WebhookEvent[] = [];
  if (before === null)
    events.push({ type: 'session.started', key, session: id, at: startedAt, data: { session } });
  if (before !== 'ended' && status === 'ended') {
    const data = { session, usage: sumsShape(summary.sums) };
    events.push({ type: 'session.ended', key, session: id, at: endedAt ?? startedAt, data });
  }
  return events;
}
