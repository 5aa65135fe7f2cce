/** What a gateway's directory says to a connection: one question, asked once. */
import type { GatewayView } from '../durable-objects/directory-object.ts';
import type { Env } from '../durable-objects/environment.ts';
import { directoryObjectName } from '../protocol/connect.ts';
import { BrokerError } from '../protocol/errors.ts';
import { type GatewaySettings, readGatewaySettings, withGateway } from '../protocol/gateway-settings.ts';
import { parseJson } from '../protocol/json.ts';
import type { PriceRow } from '../protocol/prices.ts';
import type { PlannedSession } from '../protocol/session-plan-shape.ts';
import { LIMITS } from '../session/limits.ts';
import type { SealedKey } from '../storage/gateway-store.ts';
import type { Principal } from './authenticate.ts';
import type { Configuration } from './configuration.ts';

export interface Gateway {
  /** What holds in it. */
  readonly settings: Configuration;
  /** Its own prices alone: the session has the deployment's already. */
  readonly prices: readonly PriceRow[];
  readonly key: SealedKey | null;
  /** What the session was created as; null: it was not. */
  readonly planned: PlannedSession | null;
}

export function directoryOf(env: Env, account: string, gateway: string) {
  return env.DIRECTORY.getByName(directoryObjectName(account, gateway));
}

/**
 * Throws BrokerError `bad_token` for a token that was revoked, `bad_setting`, and `storage_unavailable` when the
 * directory does not answer: nobody gets in by that.
 *
 * @param key the stored key that the connection would use; null: none
 * @param session the id that the connection names; null: none
 */
export async function askGateway(
  env: Env,
  deployment: Configuration,
  { account, gateway }: { readonly account: string; readonly gateway: string },
  principal: Principal,
  key: Pick<SealedKey, 'provider' | 'alias'> | null,
  session: string | null = null,
): Promise<Gateway> {
  const jti = principal.kind === 'token' ? principal.claims.jti : null;
  const view = await answerOf(directoryOf(env, account, gateway).gateway(jti, key, session));
  if (view.revoked) throw new BrokerError('bad_token', { why: 'it was revoked' });
  const own = ownSettings(view.settings);
  return {
    settings: withGateway(deployment, own),
    prices: own.prices ?? [],
    key: view.key,
    // Written by POST sessions, from a checked body.
    planned: view.planned === null ? null : (JSON.parse(view.planned) as PlannedSession),
  };
}

/** Reads what a gateway has stored. Throws BrokerError `bad_setting`: a setting is never taken for one that is not there. */
export function ownSettings(stored: string): GatewaySettings {
  const read = readGatewaySettings(parseJson(stored) ?? null);
  if (read.ok) return read.settings;
  throw new BrokerError('bad_setting', {
    problem: `It is one of this gateway's own, which PATCH /v1/{account}/{gateway}/settings changes: ${read.problems.join(' ')}`,
  });
}

async function answerOf(question: Promise<GatewayView>): Promise<GatewayView> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`nothing for ${LIMITS.directoryMs} ms`)),
    LIMITS.directoryMs,
  );
  try {
    return await Promise.race([question, late.promise]);
  } catch (error) {
    throw new BrokerError('storage_unavailable', {}, `the directory does not answer: ${String(error)}`);
  } finally {
    clearTimeout(timer);
  }
}
