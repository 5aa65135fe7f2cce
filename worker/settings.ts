/** REST over a gateway's own settings. */
import * as v from 'valibot';
import { BrokerError } from '../protocol/errors.ts';
import { beyondDeployment, readGatewaySettings, shownSettings } from '../protocol/gateway-settings.ts';
import { asObject, type JsonObject, type JsonValue, parseJson } from '../protocol/json.ts';
import { nearestProvider, providerFor } from '../providers/registry.ts';
import { LIMITS } from '../session/limits.ts';
import { directoryOf, ownSettings } from './gateway.ts';
import { readBody } from './read-request.ts';
import { ok } from './respond.ts';
import type { RouteContext } from './routes.ts';

export async function getSettings(context: RouteContext): Promise<Response> {
  const { env, account, gateway } = context;
  const { settings } = await directoryOf(env, account, gateway).gateway(null, null);
  return shown(context, settings);
}

/** What is not named stays, null takes the deployment's again. New connections have it from the answer on. */
export async function patchSettings(context: RouteContext): Promise<Response> {
  const { request, env, account, gateway } = context;
  const change = checked(context, await readBody(request, v.unknown()));
  const stored = await directoryOf(env, account, gateway).changeSettings(change);
  if (stored === null)
    throw new BrokerError('invalid_request', {
      problem: `the gateway's settings would be over ${LIMITS.gatewaySettingsCharacters} characters of JSON; shorten its prices`,
    });
  return shown(context, stored);
}

function checked({ env, settings }: RouteContext, body: unknown): JsonObject {
  // It was parsed as JSON.
  const change = body as JsonValue;
  const read = readGatewaySettings(change);
  if (!read.ok) throw refused(read.problems);
  const problems = beyondDeployment(settings, read.settings).map(({ problem }) => problem);
  const unknown = read.settings.allowed_providers?.find((id) => providerFor(id, env)?.id !== id);
  if (unknown !== undefined)
    problems.push(
      `allowed_providers has '${unknown}', which is no provider's id. Did you mean '${providerFor(nearestProvider(unknown, env), env)?.id}'?`,
    );
  if (problems.length > 0) throw refused(problems);
  return asObject(change) ?? {};
}

/** @param problems sentences, the last of which ends as the error's does */
function refused(problems: readonly string[]): BrokerError {
  return new BrokerError('invalid_request', { problem: problems.join(' ').replace(/\.$/, '') });
}

function shown({ env, settings }: RouteContext, stored: string): Response {
  return ok(shownSettings(settings, ownSettings(stored), asObject(parseJson(stored)) ?? {}, env));
}
