/**
 * Every route, in one table: what it is, who may call it, and what answers. Access is refused unless the table grants
 * it; the public ones are named as such here and nowhere else.
 */
import type { Env } from '../durable-objects/environment.ts';
import { getAudio, getPeaks } from './audio.ts';
import type { Scope } from './authenticate.ts';
import { deleteLogs, editLog, getLog, getLogRequest, getLogResponse, listLogs } from './cloudflare-logs.ts';
import { type Forms, JSON_FORM } from '../protocol/media-types.ts';
import type { Configuration } from './configuration.ts';
import { createSession } from './create-session.ts';
import { getDigest } from './digest.ts';
import { getEvents } from './events.ts';
import { getHar, getZip } from './exports.ts';
import { deleteKey, listKeys, putKey } from './keys.ts';
import { getMetrics } from './metrics.ts';
import { asyncapi, drain, health, openapi, ready } from './operations.ts';
import { redriveSession } from './redrive.ts';
import { getReplay } from './replay.ts';
import { deleteSession, endSession, getSession, listSessions, patchSession } from './sessions.ts';
import { reference } from './reference.ts';
import { getParticipants, getSessionUsage, getTurns } from './session-parts.ts';
import { getSettings, patchSettings } from './settings.ts';
import { listTokens, mintClientSecret, mintToken, revokeToken } from './tokens.ts';
import { getTranscript } from './transcript.ts';
import { getUsage } from './usage.ts';
import { listDeliveries, listWebhooks } from './webhooks.ts';

export interface RouteContext {
  readonly request: Request;
  readonly env: Env;
  readonly settings: Configuration;
  readonly account: string;
  readonly gateway: string;
  /** '' where the path names none. */
  readonly session: string;
  readonly token: string;
  readonly provider: string;
  readonly alias: string;
  /** Of `events.ndjson`: ndjson. */
  readonly suffix: string;
}

/**
 * Access: `public`: no credential. `upgrade`: a WebSocket, which authenticates in `connect.ts`, since its credential may stand
 * where the provider's key goes. Else: one of these scopes, in this gateway. `deployment`: the admin token.
 */
export type Route = {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
} & (
  | {
      readonly access: 'public';
      readonly handle: (request: Request, env: Env) => Response | Promise<Response>;
    }
  | { readonly access: 'upgrade' }
  | {
      readonly access: 'deployment' | readonly Scope[];
      /** What it answers in, where no handler chooses: whoever takes nothing of that gets a 406. Not for what a name's suffix says. */
      readonly forms?: Forms;
      /** `own`: the handler reads the query. Else there is none, and a parameter is refused. */
      readonly query?: 'own';
      readonly handle: (context: RouteContext) => Promise<Response>;
    }
);

/** As it stands in Cloudflare's API, so that its SDK needs nothing but another base URL. */
const CLOUDFLARE_LOGS = '/client/v4/accounts/:account/ai-gateway/gateways/:gateway/logs';

const GATEWAY = '/v1/:account/:gateway';

export const ROUTES: readonly Route[] = [
  { method: 'GET', path: '/healthz', access: 'public', handle: health },
  { method: 'GET', path: '/readyz', access: 'public', handle: ready },
  { method: 'GET', path: '/openapi.json', access: ['connect', 'observe', 'read'], handle: openapi },
  { method: 'GET', path: '/asyncapi.json', access: ['connect', 'observe', 'read'], handle: asyncapi },
  { method: 'GET', path: '/docs', access: 'public', handle: reference },
  { method: 'POST', path: '/drain', access: 'deployment', handle: drain },
  {
    method: 'POST',
    path: '/v1/realtime/client_secrets',
    access: ['admin'],
    query: 'own',
    handle: mintClientSecret,
  },
  { method: 'GET', path: '/v1/realtime', access: 'upgrade' },
  {
    method: 'GET',
    path: `${GATEWAY}/sessions`,
    access: ['read'],
    query: 'own',
    forms: JSON_FORM,
    handle: listSessions,
  },
  { method: 'POST', path: `${GATEWAY}/sessions`, access: ['admin'], handle: createSession },
  {
    method: 'GET',
    path: `${GATEWAY}/sessions/:session`,
    access: ['read'],
    forms: JSON_FORM,
    handle: getSession,
  },
  { method: 'PATCH', path: `${GATEWAY}/sessions/:session`, access: ['admin'], handle: patchSession },
  { method: 'DELETE', path: `${GATEWAY}/sessions/:session`, access: ['admin'], handle: deleteSession },
  { method: 'POST', path: `${GATEWAY}/sessions/:session/end`, access: ['admin'], handle: endSession },
  {
    method: 'GET',
    path: `${GATEWAY}/sessions/:session/audio.wav`,
    access: ['read'],
    query: 'own',
    handle: getAudio,
  },
  {
    method: 'HEAD',
    path: `${GATEWAY}/sessions/:session/audio.wav`,
    access: ['read'],
    query: 'own',
    handle: getAudio,
  },
  {
    method: 'GET',
    path: `${GATEWAY}/sessions/:session/peaks`,
    access: ['read'],
    query: 'own',
    forms: JSON_FORM,
    handle: getPeaks,
  },
  {
    method: 'GET',
    path: `${GATEWAY}/sessions/:session/replay`,
    access: ['read'],
    query: 'own',
    handle: getReplay,
  },
  { method: 'POST', path: `${GATEWAY}/sessions/:session/redrive`, access: ['read'], handle: redriveSession },
  {
    method: 'GET',
    path: `${GATEWAY}/sessions/:session/events.:suffix?`,
    access: ['read'],
    query: 'own',
    handle: getEvents,
  },
  {
    method: 'GET',
    path: `${GATEWAY}/sessions/:session/transcript.:suffix?`,
    access: ['read'],
    handle: getTranscript,
  },
  {
    method: 'GET',
    path: `${GATEWAY}/sessions/:session/turns.:suffix?`,
    access: ['read'],
    query: 'own',
    handle: getTurns,
  },
  {
    method: 'GET',
    path: `${GATEWAY}/sessions/:session/usage.:suffix?`,
    access: ['read'],
    query: 'own',
    handle: getSessionUsage,
  },
  {
    method: 'GET',
    path: `${GATEWAY}/sessions/:session/participants.:suffix?`,
    access: ['read'],
    handle: getParticipants,
  },
  {
    method: 'GET',
    path: `${GATEWAY}/sessions/:session/digest.:suffix?`,
    access: ['read'],
    forms: JSON_FORM,
    handle: getDigest,
  },
  { method: 'GET', path: `${GATEWAY}/sessions/:session/export.har`, access: ['read'], handle: getHar },
  { method: 'GET', path: `${GATEWAY}/sessions/:session/export.zip`, access: ['read'], handle: getZip },
  {
    method: 'GET',
    path: `${GATEWAY}/usage`,
    access: ['read'],
    query: 'own',
    forms: JSON_FORM,
    handle: getUsage,
  },
  { method: 'GET', path: `${GATEWAY}/metrics`, access: ['admin'], handle: getMetrics },
  { method: 'GET', path: `${GATEWAY}/webhooks`, access: ['admin'], forms: JSON_FORM, handle: listWebhooks },
  {
    method: 'GET',
    path: `${GATEWAY}/webhooks/deliveries`,
    access: ['admin'],
    query: 'own',
    forms: JSON_FORM,
    handle: listDeliveries,
  },
  { method: 'POST', path: `${GATEWAY}/tokens`, access: ['admin'], handle: mintToken },
  { method: 'GET', path: `${GATEWAY}/tokens`, access: ['admin'], forms: JSON_FORM, handle: listTokens },
  { method: 'DELETE', path: `${GATEWAY}/tokens/:token`, access: ['admin'], handle: revokeToken },
  { method: 'GET', path: `${GATEWAY}/settings`, access: ['admin'], forms: JSON_FORM, handle: getSettings },
  { method: 'PATCH', path: `${GATEWAY}/settings`, access: ['admin'], handle: patchSettings },
  { method: 'GET', path: `${GATEWAY}/keys`, access: ['admin'], forms: JSON_FORM, handle: listKeys },
  { method: 'PUT', path: `${GATEWAY}/keys/:provider/:alias`, access: ['admin'], handle: putKey },
  { method: 'DELETE', path: `${GATEWAY}/keys/:provider/:alias`, access: ['admin'], handle: deleteKey },
  { method: 'GET', path: CLOUDFLARE_LOGS, access: ['read'], query: 'own', handle: listLogs },
  { method: 'DELETE', path: CLOUDFLARE_LOGS, access: ['admin'], query: 'own', handle: deleteLogs },
  { method: 'GET', path: `${CLOUDFLARE_LOGS}/:session`, access: ['read'], query: 'own', handle: getLog },
  { method: 'PATCH', path: `${CLOUDFLARE_LOGS}/:session`, access: ['admin'], query: 'own', handle: editLog },
  {
    method: 'GET',
    path: `${CLOUDFLARE_LOGS}/:session/request`,
    access: ['read'],
    query: 'own',
    handle: getLogRequest,
  },
  {
    method: 'GET',
    path: `${CLOUDFLARE_LOGS}/:session/response`,
    access: ['read'],
    query: 'own',
    handle: getLogResponse,
  },
  { method: 'GET', path: `${GATEWAY}/:provider`, access: 'upgrade' },
  { method: 'GET', path: `${GATEWAY}/:provider/:path+`, access: 'upgrade' },
];
