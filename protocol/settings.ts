/**
 * The deployment's settings, from `[vars]`, secrets or the process environment: one schema for the Worker and for
 * `npm start`. A bad value is a sentence that names the setting and says what it may be.
 */
import * as v from 'valibot';
import { CONTROLLER_LEAVES } from './connect.ts';
import { type CustomProvider, readCustomProviders } from './custom-providers.ts';
import { readOtlpHeaders } from './otlp.ts';
import { nanoDollars } from './money.ts';
import { readPrices } from './price-overrides.ts';
import type { PriceRow } from './prices.ts';
import { readRedaction, type Redaction } from './redaction.ts';
import { readWebhooks, type WebhookEndpoint } from './webhooks.ts';

const DAY_SECONDS = 86_400;

/** Bound by `npm start` alone: the Worker runs in one process, which can be drained before it stops. */
export const DRAINABLE = 'DRAINABLE';

/** In place of a provider's base URL: the built-in simulator of that provider plays it. */
export const SIMULATED_BASE_URL = 'simulator';

const PLACEHOLDER = /\{([A-Z][A-Z0-9_]*)\}/g;

/** The settings that a text has places for, written `{NAME}`. */
export function namesIn(text: string): readonly string[] {
  return [...text.matchAll(PLACEHOLDER)].map(([, name = '']) => name);
}

/** The text with each `{NAME}` replaced by that setting, as one segment of a URL; those that are not set stay. */
export function fillSettings(
  text: string,
  env: Readonly<Record<string, unknown>>,
): { readonly text: string; readonly missing: readonly string[] } {
  const valueOf = (name: string): string | null => {
    const value = env[name];
    return typeof value === 'string' && value !== '' ? encodeURIComponent(value) : null;
  };
  return {
    text: text.replace(PLACEHOLDER, (place, name: string) => valueOf(name) ?? place),
    missing: namesIn(text).filter((name) => valueOf(name) === null),
  };
}

/** Settings come as text from an environment and as JSON values from `[vars]`. */
function wholeNumber(name: string, fallback: number, min: number, max: number) {
  const hint = `${name} must be a whole number from ${min} to ${max}.`;
  return v.optional(
    v.pipe(
      v.union([v.string(), v.number()], hint),
      v.transform((value) => (typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value))),
      v.number(hint),
      v.check((value) => Number.isInteger(value) && value >= min && value <= max, hint),
    ),
    fallback,
  );
}

/** How many there may be; 0 is any number, read as null. */
function most(name: string) {
  return v.pipe(
    wholeNumber(name, 0, 0, 1_000_000),
    v.transform((value) => (value === 0 ? null : value)),
  );
}

/** Dollars, read as nano-dollars; null when it is not set. */
function budget(name: string) {
  const hint = `${name} must be dollars, more than 0, such as 25 or 0.50; leave it unset for no budget.`;
  return v.nullish(
    v.pipe(
      v.union([v.string(), v.number()], hint),
      v.transform((value) => nanoDollars(String(value).trim())),
      v.number(hint),
      v.check((nano) => nano > 0, hint),
    ),
    null,
  );
}

function secret(name: string, minLength: number) {
  return v.nullish(
    v.pipe(
      v.string(),
      v.minLength(
        minLength,
        `${name} must have at least ${minLength} characters; leave it unset to do without.`,
      ),
    ),
    null,
  );
}

/** A list: text with commas, as an environment has it, or JSON. */
function list(hint: string) {
  return v.pipe(
    v.union([v.string(), v.array(v.string())], hint),
    v.transform((value) =>
      (typeof value === 'string' ? value.split(',') : value)
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    ),
    v.array(v.string()),
  );
}

const ORIGINS_HINT =
  'PARLEY_ALLOWED_ORIGINS must be exact origins such as https://app.example, separated by commas, or * for any.';

const origins = v.optional(
  v.pipe(
    list(ORIGINS_HINT),
    v.check((origins) => origins.every((origin) => origin === '*' || isOrigin(origin)), ORIGINS_HINT),
  ),
  '',
);

/** Null: all. */
function allowList(name: string, pattern: RegExp, what: string) {
  const hint = `${name} must be ${what}, separated by commas.`;
  return v.nullish(
    v.pipe(
      list(hint),
      v.check((names) => names.length > 0 && names.every((each) => pattern.test(each)), hint),
      v.readonly(),
    ),
    null,
  );
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}

/** JSON, as text or as it stands in `[vars]`. */
const customProviders = v.optional(
  v.pipe(
    v.unknown(),
    v.rawTransform(({ dataset, addIssue, NEVER }): readonly CustomProvider[] => {
      const read = readCustomProviders(dataset.value);
      if (read.ok) return read.providers;
      for (const message of read.problems) addIssue({ message });
      return NEVER;
    }),
  ),
  null,
);

/** JSON, as text or as it stands in `[vars]`. */
const prices = v.optional(
  v.pipe(
    v.unknown(),
    v.rawTransform(({ dataset, addIssue, NEVER }): readonly PriceRow[] => {
      const read = readPrices(dataset.value);
      if (read.ok) return read.rows;
      for (const message of read.problems) addIssue({ message });
      return NEVER;
    }),
  ),
  {},
);

/** JSON, as text or as it stands in `[vars]`. */
const redaction = v.optional(
  v.pipe(
    v.unknown(),
    v.rawTransform(({ dataset, addIssue, NEVER }): Redaction | null => {
      const read = readRedaction(dataset.value);
      if (read.ok) return read.redaction;
      for (const message of read.problems) addIssue({ message });
      return NEVER;
    }),
  ),
  {},
);

/** JSON, as text or as it stands in `[vars]`. */
const webhooks = v.optional(
  v.pipe(
    v.unknown(),
    v.rawTransform(({ dataset, addIssue, NEVER }): readonly WebhookEndpoint[] => {
      const read = readWebhooks(dataset.value);
      if (read.ok) return read.endpoints;
      for (const message of read.problems) addIssue({ message });
      return NEVER;
    }),
  ),
  null,
);

function collectorUrl(name: string) {
  return v.nullish(
    v.pipe(
      v.string(),
      v.check(
        (text) => /^https?:\/\//.test(text) && URL.canParse(text),
        `${name} must be an http(s) URL such as http://127.0.0.1:4318.`,
      ),
    ),
    null,
  );
}

const otlpHeaders = v.optional(
  v.pipe(
    v.string(),
    v.rawTransform(({ dataset, addIssue, NEVER }): Readonly<Record<string, string>> => {
      const headers = readOtlpHeaders(dataset.value);
      if (headers !== null) return headers;
      addIssue({
        message:
          'OTEL_EXPORTER_OTLP_HEADERS must be <name>=<value>, separated by commas, the values URL-encoded.',
      });
      return NEVER;
    }),
  ),
  '',
);

/** One entry for each setting; a gateway's own settings are checked by the same ones. */
export const SettingsSchema = v.object({
  /** Full access. Null: the deployment serves nothing but /healthz. */
  PARLEY_ADMIN_TOKEN: secret('PARLEY_ADMIN_TOKEN', 16),
  /** Signs client tokens. Null: derived from the admin token. */
  PARLEY_SIGNING_KEY: secret('PARLEY_SIGNING_KEY', 32),
  PARLEY_SIGNING_KEY_PREVIOUS: secret('PARLEY_SIGNING_KEY_PREVIOUS', 32),
  /** Encrypts the provider keys that gateways store. Null: derived from the admin token, which the previous one may be, too. */
  PARLEY_ENCRYPTION_KEY: secret('PARLEY_ENCRYPTION_KEY', 32),
  PARLEY_ENCRYPTION_KEY_PREVIOUS: secret('PARLEY_ENCRYPTION_KEY_PREVIOUS', 16),
  /** What is stored of frames. */
  PARLEY_LOG: v.optional(
    v.picklist(['full', 'metadata', 'none'], 'PARLEY_LOG must be full, metadata or none.'),
    'full',
  ),
  /** What is taken out of frames before they are stored. Null: nothing. */
  PARLEY_REDACT: redaction,
  /** The frame log of one session. Cloudflare allows 10 GB for all that an object stores. */
  PARLEY_MAX_LOG_MIB: wholeNumber('PARLEY_MAX_LOG_MIB', 1024, 1, 8192),
  /** Sessions are deleted for good so long after their end. */
  PARLEY_RETENTION_DAYS: wholeNumber('PARLEY_RETENTION_DAYS', 30, 1, 3650),
  PARLEY_GRACE_SECONDS: wholeNumber('PARLEY_GRACE_SECONDS', 120, 0, DAY_SECONDS),
  /** Without a frame for so long, a session's upstream is closed until a client speaks; 0: never. */
  PARLEY_IDLE_SECONDS: wholeNumber('PARLEY_IDLE_SECONDS', 300, 0, DAY_SECONDS),
  /** What is kept of the user's sound, to be told to a provider again, KiB of base64; 0: nothing, words are told. */
  PARLEY_RESTORE_AUDIO_KIB: wholeNumber('PARLEY_RESTORE_AUDIO_KIB', 0, 0, 512),
  PARLEY_MAX_SESSION_SECONDS: wholeNumber('PARLEY_MAX_SESSION_SECONDS', DAY_SECONDS, 1, 7 * DAY_SECONDS),
  /** What becomes of a session whose last controller left while others are there. */
  PARLEY_ON_CONTROLLER_LEAVE: v.optional(
    v.picklist(CONTROLLER_LEAVES, 'PARLEY_ON_CONTROLLER_LEAVE must be end, hand_over or wait.'),
    'wait',
  ),
  PARLEY_MAX_CLIENTS: wholeNumber('PARLEY_MAX_CLIENTS', 256, 1, 10_000),
  /** Live sessions of one gateway. */
  PARLEY_MAX_SESSIONS: most('PARLEY_MAX_SESSIONS'),
  /** Sessions that may begin in one gateway within a minute. */
  PARLEY_SESSIONS_PER_MINUTE: most('PARLEY_SESSIONS_PER_MINUTE'),
  /** What one gateway, and each of its client tokens, may spend on a UTC day; in nano-dollars. */
  PARLEY_BUDGET_USD_PER_DAY: budget('PARLEY_BUDGET_USD_PER_DAY'),
  PARLEY_BUDGET_USD_PER_DAY_PER_TOKEN: budget('PARLEY_BUDGET_USD_PER_DAY_PER_TOKEN'),
  /** What comes of a budget, the tokens' own too. */
  PARLEY_BUDGET_MODE: v.optional(
    v.picklist(['off', 'warn', 'enforce'], 'PARLEY_BUDGET_MODE must be off, warn or enforce.'),
    'enforce',
  ),
  PARLEY_ALLOWED_ORIGINS: origins,
  PARLEY_ALLOWED_PROVIDERS: allowList(
    'PARLEY_ALLOWED_PROVIDERS',
    /^[a-z0-9-]{1,64}$/,
    'names of providers such as openai',
  ),
  PARLEY_ALLOWED_MODELS: allowList(
    'PARLEY_ALLOWED_MODELS',
    /^[^\s*]{0,256}\*?$/,
    'names of models such as gpt-realtime, with * at the end for any rest',
  ),
  /** Providers of this deployment's own. */
  PARLEY_CUSTOM_PROVIDERS: customProviders,
  /** Prices that come before the built-in table's. */
  PARLEY_PRICES: prices,
  /** Who is told of what happens in a gateway. */
  PARLEY_WEBHOOKS: webhooks,
  /** Where finished sessions are sent as traces: a base URL, or the very URL. Null: nowhere. */
  OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl('OTEL_EXPORTER_OTLP_ENDPOINT'),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: collectorUrl('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'),
  OTEL_EXPORTER_OTLP_HEADERS: otlpHeaders,
  OTEL_SERVICE_NAME: v.optional(v.string(), 'parley'),
  /** Whether what was said is in the traces. */
  PARLEY_OTEL_CONTENT: v.optional(
    v.pipe(
      v.union([v.picklist(['true', 'false']), v.boolean()], 'PARLEY_OTEL_CONTENT must be true or false.'),
      v.transform((value) => value === true || value === 'true'),
    ),
    false,
  ),
});

export type Settings = v.InferOutput<typeof SettingsSchema>;

export const SETTING_NAMES = Object.keys(SettingsSchema.entries);

export type ParsedSettings =
  | { readonly ok: true; readonly settings: Settings }
  | { readonly ok: false; readonly problems: readonly string[] };

/**
 * Reads the settings out of an environment. Null and '' count as absent: workerd binds an unset variable as null
 * (measured 2026-10-23), and an empty line in `.dev.vars` means "not set" to everyone who writes one.
 */
export function parseSettings(env: Readonly<Record<string, unknown>>): ParsedSettings {
  const present = Object.fromEntries(
    SETTING_NAMES.map((name) => [name, env[name]]).filter(
      ([, value]) => value !== null && value !== undefined && value !== '',
    ),
  );
  const parsed = v.safeParse(SettingsSchema, present);
  return parsed.success
    ? { ok: true, settings: parsed.output }
    : { ok: false, problems: parsed.issues.map((issue) => issue.message) };
}
