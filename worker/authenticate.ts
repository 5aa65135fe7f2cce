/** Tokens: who somebody is, and what they may do. */
import { errors, jwtVerify, SignJWT } from 'jose';
import * as v from 'valibot';
import { signingKeys } from '../durable-objects/signing-keys.ts';
import { BrokerError } from '../protocol/errors.ts';
import { ROLES } from '../protocol/connect.ts';
import { Name, SCOPES } from '../protocol/rest.ts';
import { jwtOf, TOKEN_PREFIX } from '../protocol/token-form.ts';
import type { Configuration } from './configuration.ts';

const ISSUER = 'parley';
/** For clocks that disagree a little. */
const CLOCK_TOLERANCE_SECONDS = 5;

const Claims = v.object({
  jti: v.string(),
  iat: v.number(),
  exp: v.number(),
  acc: Name,
  gw: Name,
  scope: v.array(v.picklist(SCOPES)),
  providers: v.optional(v.array(v.string())),
  models: v.optional(v.array(v.string())),
  session: v.optional(Name),
  role: v.optional(v.picklist(ROLES)),
  max_seconds: v.optional(v.number()),
  max_cost_usd: v.optional(v.number()),
  /** The token that this one was made from, without its holder's doing: what it spends counts to that one. */
  spends_as: v.optional(v.string()),
  origin: v.optional(v.string()),
});
export type Claims = v.InferOutput<typeof Claims>;

export type Scope = (typeof SCOPES)[number];

export type Principal = { readonly kind: 'admin' } | { readonly kind: 'token'; readonly claims: Claims };

/** Whose token it is, or null when it is not one of ours at all. Throws BrokerError `bad_token` for one that is spent. */
export async function identify(token: string, settings: Configuration): Promise<Principal | null> {
  if (await sameSecret(token, settings.PARLEY_ADMIN_TOKEN)) return { kind: 'admin' };
  const jwt = jwtOf(token);
  if (jwt === null) return null;
  let why = 'its signature is not ours';
  for (const key of await signingKeys(settings)) {
    try {
      const { payload } = await jwtVerify(jwt, key, {
        issuer: ISSUER,
        algorithms: ['HS256'],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
      });
      return { kind: 'token', claims: v.parse(Claims, payload) };
    } catch (error) {
      if (error instanceof errors.JWTExpired) why = 'it has expired';
    }
  }
  throw new BrokerError('bad_token', { why });
}

/** The token that carries `claims`, signed with the current key. */
export async function sign(claims: Claims, settings: Configuration): Promise<string> {
  const { jti, iat, exp, ...rest } = claims;
  const [key] = await signingKeys(settings);
  if (key === undefined) throw new Error('there is always a signing key');
  const jwt = await new SignJWT(rest)
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer(ISSUER)
    .setJti(jti)
    .setIssuedAt(iat)
    .setExpirationTime(exp)
    .sign(key);
  return TOKEN_PREFIX + jwt;
}

/** Throws BrokerError `forbidden` when the principal may not do this in this gateway. */
export function authorize(
  principal: Principal,
  account: string,
  gateway: string,
  scopes: readonly Scope[],
): void {
  if (principal.kind === 'admin') return;
  const { claims } = principal;
  if (claims.acc !== account || claims.gw !== gateway) {
    throw new BrokerError('forbidden', {
      why: `it is for gateway '${claims.acc}/${claims.gw}', you called '${account}/${gateway}'`,
    });
  }
  const wanted: readonly Scope[] = [...scopes, 'admin'];
  if (!claims.scope.some((scope) => wanted.includes(scope))) {
    throw new BrokerError('forbidden', { why: `it needs the scope ${scopes.join(' or ')}` });
  }
}

/** Constant time: both sides are hashed first, so that neither length nor content shows. */
async function sameSecret(given: string, wanted: string): Promise<boolean> {
  const encoder = new TextEncoder();
  const [a, b] = await Promise.all([
    crypto.subtle.digest('SHA-256', encoder.encode(given)),
    crypto.subtle.digest('SHA-256', encoder.encode(wanted)),
  ]);
  return crypto.subtle.timingSafeEqual(a, b);
}
