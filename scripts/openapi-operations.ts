/** What the API's document says of each route: the schemas that check requests and shape answers. */
import type { GenericSchema, ObjectEntries, StrictObjectSchema } from 'valibot';
import * as audio from '../protocol/audio-shapes.ts';
import { EventShape, EventsQuery } from '../protocol/event-shape.ts';
import { GatewaySettingsPatch, GatewaySettingsShape } from '../protocol/gateway-settings.ts';
import * as keys from '../protocol/key-shapes.ts';
import {
  EVENT_FORMS,
  type Forms,
  JSON_FORM,
  STREAM_FORM,
  TRANSCRIPT_FORMS,
} from '../protocol/media-types.ts';
import { DigestShape } from '../protocol/log-digest.ts';
import { RedriveRequest, RedriveShape } from '../protocol/redrive.ts';
import { ReplayQuery } from '../protocol/replay.ts';
import * as rest from '../protocol/rest.ts';
import { CreatedSessionShape, SessionRequest } from '../protocol/session-plan-shape.ts';
import * as views from '../protocol/session-views.ts';
import { TranscriptShape } from '../protocol/transcript.ts';
import * as hooks from '../protocol/webhook-shapes.ts';

export type RequestHeader = 'If-None-Match' | 'Range' | 'If-Range' | 'Last-Event-ID';

export interface Operation {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  readonly path: string;
  readonly summary: string;
  readonly query?: StrictObjectSchema<ObjectEntries, undefined>;
  readonly body?: GenericSchema;
  readonly result?: GenericSchema;
  readonly list?: true;
  /** What is said of the page; of a list, `page`. */
  readonly info?: 'page' | 'log';
  /** Also by suffix: `…/transcript.vtt`. */
  readonly forms?: Forms;
  /** Answers without the envelope. */
  readonly bare?: true;
  /** What it answers in, where that is not the JSON of `result`. */
  readonly media?: string;
  /** Those that decide what is answered. */
  readonly headers?: readonly RequestHeader[];
  readonly open?: true;
  /** Goes on after the answer. */
  readonly accepted?: true;
}

export const GATEWAY = '/v1/{account}/{gateway}';

const CLOUDFLARE_LOGS = '/client/v4/accounts/{account}/ai-gateway/gateways/{gateway}/logs';

export const OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: '/healthz',
    media: 'application/json',
    summary: 'The process answers.',
    bare: true,
    open: true,
  },
  {
    method: 'get',
    path: '/readyz',
    media: 'application/json',
    summary: 'The deployment can serve; names what is missing.',
    bare: true,
    open: true,
  },
  { method: 'get', path: '/openapi.json', media: 'application/json', summary: 'This document.', bare: true },
  {
    method: 'get',
    path: '/docs',
    media: 'text/html',
    summary: 'This document, as a page to read.',
    bare: true,
    open: true,
  },
  {
    method: 'get',
    path: '/asyncapi.json',
    media: 'application/json',
    summary: 'The control channel, as an AsyncAPI 3 document.',
    bare: true,
  },
  {
    method: 'get',
    path: '/v1/realtime',
    summary: 'WebSocket: the openai provider, account and gateway from the token.',
    bare: true,
  },
  {
    method: 'get',
    path: `${GATEWAY}/{provider}`,
    summary: 'WebSocket: a session with a provider.',
    bare: true,
  },
  {
    method: 'get',
    path: `${GATEWAY}/{provider}/{path}`,
    summary: 'WebSocket: the same, by the path of the provider’s own SDK.',
    bare: true,
  },
  {
    method: 'post',
    path: '/v1/realtime/client_secrets',
    summary: 'A client token in OpenAI’s own shape.',
    body: rest.ClientSecretRequest,
    result: rest.ClientSecretShape,
    bare: true,
  },
  {
    method: 'get',
    path: `${GATEWAY}/sessions`,
    summary: 'Sessions, newest first. Tags filter by metadata.<key>=<value>.',
    query: rest.SessionsQuery,
    result: rest.SessionSummaryShape,
    list: true,
  },
  {
    method: 'post',
    path: `${GATEWAY}/sessions`,
    summary: 'Creates a session before anybody connects; the same again answers another token.',
    body: SessionRequest,
    result: CreatedSessionShape,
  },
  {
    method: 'get',
    path: `${GATEWAY}/sessions/{session}`,
    headers: ['If-None-Match'],
    summary: 'One session, with its totals.',
    result: rest.SessionShape,
  },
  {
    method: 'patch',
    path: `${GATEWAY}/sessions/{session}`,
    summary: 'Sets tags, feedback or score of a session.',
    body: rest.SessionPatch,
    result: rest.SessionShape,
  },
  {
    method: 'delete',
    path: `${GATEWAY}/sessions/{session}`,
    summary: 'Deletes a session for good, a live one too.',
    result: rest.DeletedShape,
  },
  {
    method: 'post',
    path: `${GATEWAY}/sessions/{session}/end`,
    summary: 'Ends a live session.',
    result: rest.EndedShape,
  },
  {
    method: 'get',
    path: `${GATEWAY}/sessions/{session}/events`,
    headers: ['If-None-Match', 'Last-Event-ID'],
    summary:
      'The frame log. As JSON a page, which `after` continues; as NDJSON all of it; as server-sent events all of it, and what a live session has next.',
    query: EventsQuery,
    result: EventShape,
    list: true,
    info: 'log',
    forms: EVENT_FORMS,
  },
  {
    method: 'get',
    path: `${GATEWAY}/sessions/{session}/transcript`,
    headers: ['If-None-Match'],
    summary: 'What was said, with times, tool calls, and where an answer was cut off.',
    result: TranscriptShape,
    forms: TRANSCRIPT_FORMS,
  },
  {
    method: 'get',
    path: `${GATEWAY}/sessions/{session}/digest`,
    headers: ['If-None-Match'],
    summary: 'A SHA-256 over the frames of the log, which anyone can recompute, and what is not in it.',
    result: DigestShape,
    forms: JSON_FORM,
  },
  {
    method: 'get',
    path: `${GATEWAY}/sessions/{session}/export.har`,
    headers: ['If-None-Match'],
    media: 'application/json',
    summary: 'Every frame as HAR 1.2, for a browser’s developer tools.',
    bare: true,
  },
  {
    method: 'get',
    path: `${GATEWAY}/sessions/{session}/export.zip`,
    media: 'application/zip',
    summary: 'Everything of a session in one archive (application/zip).',
    bare: true,
  },
  {
    method: 'get',
    path: `${GATEWAY}/sessions/{session}/turns`,
    headers: ['If-None-Match'],
    summary: 'The answers of the provider, with the timing of each stage.',
    query: views.RecordsQuery,
    result: views.TurnShape,
    list: true,
    forms: JSON_FORM,
  },
  {
    method: 'get',
    path: `${GATEWAY}/sessions/{session}/usage`,
    headers: ['If-None-Match'],
    summary: 'What a session used and cost: sums, and a page of the single reports.',
    query: views.RecordsQuery,
    result: views.SessionUsageShape,
    info: 'page',
    forms: JSON_FORM,
  },
  {
    method: 'get',
    path: `${GATEWAY}/sessions/{session}/participants`,
    headers: ['If-None-Match'],
    summary: 'The clients of a session, in the order in which they came.',
    result: views.ParticipantShape,
    list: true,
    forms: JSON_FORM,
  },
  {
    method: 'get',
    path: `${GATEWAY}/sessions/{session}/audio.wav`,
    media: 'audio/wav',
    headers: ['If-None-Match', 'Range', 'If-Range'],
    summary:
      'What the session sounded like, as WAV (audio/wav): left the users, right the model. HEAD, Range.',
    query: audio.AudioQuery,
    bare: true,
  },
  {
    method: 'get',
    path: `${GATEWAY}/sessions/{session}/peaks`,
    headers: ['If-None-Match'],
    summary: 'The outline of that sound, in the JSON of audiowaveform, version 2.',
    query: audio.PeaksQuery,
    result: audio.PeaksShape,
    bare: true,
  },
  {
    method: 'get',
    path: `${GATEWAY}/sessions/{session}/replay`,
    media: STREAM_FORM.sse,
    headers: ['Last-Event-ID'],
    summary:
      'The session again, in its own time: server-sent events, or as a WebSocket what the provider sent.',
    query: ReplayQuery,
    bare: true,
  },
  {
    method: 'post',
    path: `${GATEWAY}/sessions/{session}/redrive`,
    summary: 'Sends what the recorded client sent to another model, as a new session. Answers 202.',
    body: RedriveRequest,
    result: RedriveShape,
    accepted: true,
  },
  {
    method: 'get',
    path: `${GATEWAY}/usage`,
    summary: 'Sums over sessions, by the hour in which they began, by provider, model, or metadata.<key>.',
    query: rest.UsageQuery,
    result: rest.UsageShape,
    list: true,
  },
  {
    method: 'get',
    path: `${GATEWAY}/metrics`,
    media: 'text/plain',
    summary: 'The same sums in Prometheus’ text format.',
    bare: true,
  },
  {
    method: 'get',
    path: CLOUDFLARE_LOGS,
    media: 'application/json',
    summary: 'Cloudflare’s log API, in its own shape: sessions as logs, with its filters, order and pages.',
    bare: true,
  },
  {
    method: 'delete',
    path: CLOUDFLARE_LOGS,
    media: 'application/json',
    summary: 'Deletes the ended sessions that the filters find, for good.',
    bare: true,
  },
  {
    method: 'get',
    path: `${CLOUDFLARE_LOGS}/{session}`,
    media: 'application/json',
    summary: 'One session as a log.',
    bare: true,
  },
  {
    method: 'patch',
    path: `${CLOUDFLARE_LOGS}/{session}`,
    media: 'application/json',
    summary: 'Sets metadata, feedback or score of a log.',
    body: rest.SessionPatch,
    bare: true,
  },
  {
    method: 'get',
    path: `${CLOUDFLARE_LOGS}/{session}/request`,
    media: EVENT_FORMS.ndjson,
    summary: 'The frames that went up, one event a line.',
    bare: true,
  },
  {
    method: 'get',
    path: `${CLOUDFLARE_LOGS}/{session}/response`,
    media: EVENT_FORMS.ndjson,
    summary: 'The frames that came down, one event a line.',
    bare: true,
  },
  {
    method: 'get',
    path: `${GATEWAY}/webhooks`,
    summary: 'The webhooks of the gateway, each with the secret that verifies its signatures.',
    result: hooks.WebhookShape,
    list: true,
  },
  {
    method: 'get',
    path: `${GATEWAY}/webhooks/deliveries`,
    summary: 'What webhooks were told, or are yet to be told, newest first.',
    query: hooks.DeliveriesQuery,
    result: hooks.DeliveryShape,
    list: true,
  },
  {
    method: 'post',
    path: `${GATEWAY}/tokens`,
    summary: 'Mints a client token.',
    body: rest.TokenRequest,
    result: rest.TokenShape,
  },
  {
    method: 'get',
    path: `${GATEWAY}/tokens`,
    summary: 'Client tokens that have not expired.',
    result: rest.TokenShape,
    list: true,
  },
  {
    method: 'delete',
    path: `${GATEWAY}/tokens/{token}`,
    summary: 'Revokes a client token.',
    result: rest.RevokedShape,
  },
  {
    method: 'get',
    path: `${GATEWAY}/settings`,
    summary: 'The settings that hold in a gateway, each with its source.',
    result: GatewaySettingsShape,
  },
  {
    method: 'patch',
    path: `${GATEWAY}/settings`,
    summary:
      'Changes a gateway’s settings for new connections. What is not named stays; null: the deployment’s.',
    body: GatewaySettingsPatch,
    result: GatewaySettingsShape,
  },
  {
    method: 'get',
    path: `${GATEWAY}/keys`,
    summary: 'The provider keys that a gateway stores, without the keys.',
    result: keys.KeyShape,
    list: true,
  },
  {
    method: 'put',
    path: `${GATEWAY}/keys/{provider}/{alias}`,
    summary: 'Stores a provider key, encrypted.',
    body: keys.ProviderKeyRequest,
    result: keys.KeyShape,
  },
  {
    method: 'delete',
    path: `${GATEWAY}/keys/{provider}/{alias}`,
    summary: 'Deletes a provider key.',
    result: keys.KeyDeletedShape,
  },
];
