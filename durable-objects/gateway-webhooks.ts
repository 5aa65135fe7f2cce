/** A gateway's webhooks, by the settings of this deployment. */
import { readDirectoryObjectName } from '../protocol/connect.ts';
import type { Settings } from '../protocol/settings.ts';
import { parseSettings } from '../protocol/settings.ts';
import type { WebhookShape } from '../protocol/webhook-shapes.ts';
import { LIMITS } from '../session/limits.ts';
import type { WebhookStore } from '../storage/webhook-store.ts';
import type { Env } from './environment.ts';
import { logLine } from './log-line.ts';
import { poster } from './post.ts';
import { signingKeys } from './signing-keys.ts';
import { webhookSecret } from './webhook-signature.ts';
import { Webhooks } from './webhooks.ts';

/** @param directory the name of the gateway's directory object */
export function gatewayWebhooks(store: WebhookStore, directory: string, env: Env): Webhooks {
  const gateway = () => readDirectoryObjectName(directory);
  return new Webhooks({
    store,
    gateway,
    endpoints: () => settingsOf(env)?.PARLEY_WEBHOOKS ?? [],
    secrets: (url) => secretsOf(directory, url, env),
    post: poster(LIMITS.deliveryMs),
    now: () => Date.now(),
    chance: () => Math.random(),
    newId: () => crypto.randomUUID().replaceAll('-', ''),
    limits: LIMITS,
    dropped: (deliveries) => logLine('warn', 'webhooks_dropped', { ...gateway(), deliveries }),
  });
}

/** The gateway's endpoints, each with its secret. */
export async function describeWebhooks(
  store: WebhookStore,
  directory: string,
  env: Env,
): Promise<WebhookShape[]> {
  return Promise.all(
    (settingsOf(env)?.PARLEY_WEBHOOKS ?? []).map(async ({ url, events }) => {
      const [secret = ''] = await secretsOf(directory, url, env);
      return { url, events, secret, deliveries: store.counts(url) };
    }),
  );
}

/** The current secret first, then, while there is one, that of the signing key before. */
async function secretsOf(directory: string, url: string, env: Env): Promise<readonly string[]> {
  const settings = settingsOf(env);
  const keys = settings === null ? [] : await signingKeys(settings);
  return Promise.all(keys.map((key) => webhookSecret(key, readDirectoryObjectName(directory), url)));
}

/** Null: they cannot be read, and the deployment serves nothing. */
function settingsOf(env: Env): Settings | null {
  const parsed = parseSettings(env);
  return parsed.ok ? parsed.settings : null;
}
