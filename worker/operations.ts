/** What operators and their machines ask of a deployment. */
import channelDocument from '../docs/asyncapi.json';
import apiDocument from '../docs/openapi.json';
import type { Env } from '../durable-objects/environment.ts';
import { openSessions } from '../durable-objects/open-sessions.ts';
import { BrokerError } from '../protocol/errors.ts';
import { DRAINABLE, parseSettings } from '../protocol/settings.ts';
import { json, ok } from './respond.ts';
import type { RouteContext } from './routes.ts';

/** The process answers. */
export function health(): Response {
  return json({ status: 'ok' });
}

/** The deployment can serve: its settings are usable. Says what is missing by name, and nothing of what is there. */
export function ready(_request: Request, env: Env): Response {
  const parsed = parseSettings(env);
  const problems = parsed.ok ? [] : [...parsed.problems];
  if (parsed.ok && parsed.settings.PARLEY_ADMIN_TOKEN === null)
    problems.push('PARLEY_ADMIN_TOKEN is not set.');
  return json({ ready: problems.length === 0, problems }, problems.length === 0 ? 200 : 503);
}

export async function openapi(): Promise<Response> {
  return json(apiDocument);
}

/** The control channel: AsyncAPI 3. */
export async function asyncapi(): Promise<Response> {
  return json(channelDocument);
}

/**
 * Ends what lives in this process, before a restart: clients hear 1012, and the log is complete on disk. Only for
 * `npm start`: on Cloudflare an isolate goes on, and would refuse everything from then on.
 */
export async function drain({ env }: RouteContext): Promise<Response> {
  if (typeof env[DRAINABLE] !== 'string') throw new BrokerError('not_found');
  draining.now = true;
  const names = [...openSessions];
  const ended = await Promise.allSettled(names.map((name) => env.SESSION.getByName(name).end('restarting')));
  return ok({ sessions: names.length, failed: ended.filter((each) => each.status === 'rejected').length });
}

/** Set for good: a process that drains is about to stop, and takes no new sessions. */
export const draining = { now: false };
