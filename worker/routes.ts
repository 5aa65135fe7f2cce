/**
 * Every route, in one table: what it is, who may call it, and what answers. Access is refused unless the table grants
 * it; the public ones are named as such here and nowhere else.
 */
import type { Env } from '../durable-objects/environment.ts';
import type { Scope } from './authenticate.ts';
import type { Configuration } from './configuration.ts';
import { drain, health, openapi, ready } from './operations.ts';
import { deleteSession, endSession, getEvents, getSession, listSessions } from './sessions.ts';
import { listTokens, mintClientSecret, mintToken, revokeToken } from './tokens.ts';

export interface RouteContext {
  readonly request: Request;
  readonly env: Env;
  readonly settings: Configuration;
  readonly account: string;
  readonly gateway: string;
  /** '' where the path names none. */
  readonly session: string;
  readonly token: string;
}

/**
 * Access: `public`: no credential. `upgrade`: a WebSocket, which authenticates in `connect.ts`, since its credential may stand
 * where the provider's key goes. Else: one of these scopes, in this gateway. `deployment`: the admin token.
 */
export type Route = {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
} & (
  | { readonly access: 'public'; readonly handle: (request: Request, env: Env) => Response }
  | { readonly access: 'upgrade' }
  | {
      readonly access: 'deployment' | readonly Scope[];
      readonly handle: (context: RouteContext) => Promise<Response>;
    }
);

const GATEWAY = '/v1/:account/:gateway';

export const ROUTES: readonly Route[] = [
  { method: 'GET', path: '/healthz', access: 'public', handle: health },
  { method: 'GET', path: '/readyz', access: 'public', handle: ready },
  { method: 'GET', path: '/openapi.json', access: ['connect', 'observe', 'read'], handle: openapi },
  { method: 'POST', path: '/drain', access: 'deployment', handle: drain },
  { method: 'POST', path: '/v1/realtime/client_secrets', access: ['admin'], handle: mintClientSecret },
  { method: 'GET', path: '/v1/realtime', access: 'upgrade' },
  { method: 'GET', path: `${GATEWAY}/sessions`, access: ['read'], handle: listSessions },
  { method: 'GET', path: `${GATEWAY}/sessions/:session`, access: ['read'], handle: getSession },
  { method: 'DELETE', path: `${GATEWAY}/sessions/:session`, access: ['admin'], handle: deleteSession },
  { method: 'POST', path: `${GATEWAY}/sessions/:session/end`, access: ['admin'], handle: endSession },
  { method: 'GET', path: `${GATEWAY}/sessions/:session/events`, access: ['read'], handle: getEvents },
  { method: 'POST', path: `${GATEWAY}/tokens`, access: ['admin'], handle: mintToken },
  { method: 'GET', path: `${GATEWAY}/tokens`, access: ['admin'], handle: listTokens },
  { method: 'DELETE', path: `${GATEWAY}/tokens/:token`, access: ['admin'], handle: revokeToken },
  { method: 'GET', path: `${GATEWAY}/:provider`, access: 'upgrade' },
  { method: 'GET', path: `${GATEWAY}/:provider/:path+`, access: 'upgrade' },
];
