/** Client tokens: short-lived, narrow, and safe to hand to a browser. */
import { v7 } from 'uuid';
import { directoryObjectName } from '../protocol/connect.ts';
import { BrokerError, type PublicError } from '../protocol/errors.ts';
import { ClientSecretRequest, TokenRequest, type TokenShape } from '../protocol/rest.ts';
import { LIMITS } from '../session/limits.ts';
import type { IssuedToken } from '../storage/directory-store.ts';
import { type Claims, sign } from './authenticate.ts';
import { readBody } from './read-request.ts';
import type { RouteContext } from './routes.ts';
import { isUnauthorized, json, ok, publicFailure } from './respond.ts';

export async function mintToken(context: RouteContext): Promise<Response> {
  const wanted = await readBody(context.request, TokenRequest);
  // It could mint one that is not narrowed. One for a single session is refused on every other route.
  const narrowed = (['providers', 'models', 'role', 'max_seconds', 'max_cost_usd', 'origin'] as const).filter(
    (name) => wanted[name] !== undefined,
  );
  if (wanted.scope.includes('admin') && narrowed.length > 0)
    throw new BrokerError('invalid_request', {
      problem: `a token with the scope admin cannot be narrowed by ${narrowed.join(', ')}`,
    });
  return ok(await issue(context, wanted));
}

export async function listTokens({ env, account, gateway }: RouteContext): Promise<Response> {
  const directory = env.DIRECTORY.getByName(directoryObjectName(account, gateway));
  const tokens = await directory.tokens(Date.now(), LIMITS.pageSessions);
  return ok(
    tokens.map((token) => shapeOf(token, null)),
    { count: tokens.length, cursor: null, per_page: LIMITS.pageSessions },
  );
}

export async function revokeToken({ env, account, gateway, token: jti }: RouteContext): Promise<Response> {
  const revoked = await env.DIRECTORY.getByName(directoryObjectName(account, gateway)).revoke(jti);
  return ok({ jti, revoked });
}

/**
 * `POST /v1/realtime/client_secrets` in OpenAI's own shape, for apps that mint there today. What the session is to be
 * beside its model is the client's to say, by `session.update`.
 */
export async function mintClientSecret(context: RouteContext): Promise<Response> {
  try {
    const { expires_after, session } = await readBody(context.request, ClientSecretRequest);
    const issued = await issue(context, {
      scope: ['connect'],
      expires_in: expires_after?.seconds ?? 600,
      ...(session?.model === undefined ? {} : { models: [session.model] }),
    });
    const type = session?.type ?? 'realtime';
    return json({
      value: issued.token,
      expires_at: Math.floor(Date.parse(issued.expires_at) / 1000),
      session: {
        type,
        object: type === 'transcription' ? 'realtime.transcription_session' : 'realtime.session',
        id: `sess_${issued.jti}`,
        ...(session?.model === undefined ? {} : { model: session.model }),
      },
    });
  } catch (thrown) {
    return openaiFailure(publicFailure(thrown).error);
  }
}

/** OpenAI's SDKs read their own error shape on these paths. */
export function openaiFailure(error: PublicError): Response {
  const type = isUnauthorized(error) ? 'authentication_error' : 'invalid_request_error';
  return json({ error: { message: error.message, type, code: error.code, param: null } }, error.status);
}

/**
 * Signs a token and notes it, so that it can be revoked.
 *
 * @param spendsAs `jti` of the token that its spending counts to; null: its own
 */
export async function issue(
  { env, settings, account, gateway }: Pick<RouteContext, 'env' | 'settings' | 'account' | 'gateway'>,
  wanted: TokenRequest,
  spendsAs: string | null = null,
): Promise<TokenShape> {
  const { expires_in, origin, ...narrow } = wanted;
  const iat = Math.floor(Date.now() / 1000);
  const claims: Claims = {
    ...narrow,
    ...(origin === undefined ? {} : { origin: new URL(origin).origin }),
    ...(spendsAs === null ? {} : { spends_as: spendsAs }),
    jti: v7(),
    iat,
    exp: iat + expires_in,
    acc: account,
    gw: gateway,
  };
  const token = await sign(claims, settings);
  const issued = {
    jti: claims.jti,
    issuedAt: iat * 1000,
    expiresAt: claims.exp * 1000,
    claims: JSON.stringify(claims),
  };
  await env.DIRECTORY.getByName(directoryObjectName(account, gateway)).putToken(issued);
  return shapeOf({ ...issued, revoked: false }, token);
}

function shapeOf(issued: IssuedToken, token: string | null): TokenShape {
  // Written by issue() from these very claims.
  const claims = JSON.parse(issued.claims) as Claims;
  const { jti, scope, iat: _iat, exp: _exp, acc: _acc, gw: _gw, spends_as: _as, ...narrow } = claims;
  return {
    ...(token === null ? {} : { token }),
    jti,
    scope,
    issued_at: new Date(issued.issuedAt).toISOString(),
    expires_at: new Date(issued.expiresAt).toISOString(),
    revoked: issued.revoked,
    ...narrow,
  };
}
