/**
 * A gateway's own settings, over the deployment's: one table says which there are, by which entry of the deployment's
 * schema each is checked, and how the two make the one that holds.
 */
import * as v from 'valibot';
import type { LogMode } from './connect.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { nearestName } from './nearest-name.ts';
import type { Redaction } from './redaction.ts';
import { type Settings, SettingsSchema } from './settings.ts';

interface Row<K extends keyof Settings> {
  /** The deployment's setting. */
  readonly setting: K;
  readonly schema: (typeof SettingsSchema.entries)[K];
  readonly combine: (deployment: Settings[K], own: Settings[K]) => Settings[K];
  /** What protects the deployment: a gateway may ask for less, and is refused more. */
  readonly tightens: boolean;
  /** Shown as it was written, or as `unset`: what it is read into is of use to nobody else. */
  readonly asWritten?: { readonly unset: JsonValue };
}

/** The gateway's value takes the place of the deployment's. */
function replaces<K extends keyof Settings>(setting: K): Row<K> {
  return {
    setting,
    schema: SettingsSchema.entries[setting],
    combine: (_deployment, own) => own,
    tightens: false,
  };
}

/** The stricter of the two holds. */
function tightens<K extends keyof Settings>(setting: K, stricter: Row<K>['combine']): Row<K> {
  return { setting, schema: SettingsSchema.entries[setting], combine: stricter, tightens: true };
}

/** By name in the API: the deployment's without PARLEY_, in lower case. */
const TABLE = {
  log: tightens('PARLEY_LOG', lessLogged),
  retention_days: replaces('PARLEY_RETENTION_DAYS'),
  grace_seconds: replaces('PARLEY_GRACE_SECONDS'),
  idle_seconds: replaces('PARLEY_IDLE_SECONDS'),
  restore_audio_kib: replaces('PARLEY_RESTORE_AUDIO_KIB'),
  // What the deployment takes out is taken out in every gateway.
  redact: {
    ...replaces('PARLEY_REDACT'),
    combine: bothRedacted,
    asWritten: { unset: null },
  } satisfies Row<'PARLEY_REDACT'>,
  max_log_mib: tightens('PARLEY_MAX_LOG_MIB', Math.min),
  max_session_seconds: tightens('PARLEY_MAX_SESSION_SECONDS', Math.min),
  on_controller_leave: replaces('PARLEY_ON_CONTROLLER_LEAVE'),
  max_clients: tightens('PARLEY_MAX_CLIENTS', Math.min),
  max_sessions: tightens('PARLEY_MAX_SESSIONS', least),
  sessions_per_minute: tightens('PARLEY_SESSIONS_PER_MINUTE', least),
  budget_usd_per_day: inDollars(tightens('PARLEY_BUDGET_USD_PER_DAY', least)),
  budget_usd_per_day_per_token: inDollars(tightens('PARLEY_BUDGET_USD_PER_DAY_PER_TOKEN', least)),
  budget_mode: tightens('PARLEY_BUDGET_MODE', stricterMode),
  allowed_origins: replaces('PARLEY_ALLOWED_ORIGINS'),
  allowed_providers: tightens('PARLEY_ALLOWED_PROVIDERS', allowedByBoth),
  allowed_models: tightens('PARLEY_ALLOWED_MODELS', allowedByBoth),
  // A price of the gateway's is found first; those that it does not name stay.
  prices: {
    ...replaces('PARLEY_PRICES'),
    combine: (deployment, own) => [...own, ...deployment],
    asWritten: { unset: {} },
  } satisfies Row<'PARLEY_PRICES'>,
};

type Name = keyof typeof TABLE;
// Object.keys is typed string[]; the table has no other keys.
const NAMES = Object.keys(TABLE) as readonly Name[];

/** What a gateway sets, checked; absent: the deployment's holds. */
export type GatewaySettings = {
  readonly [N in Name]?: Settings[(typeof TABLE)[N]['setting']];
};

const LOG_MODES: readonly LogMode[] = ['none', 'metadata', 'full'];

function lessLogged(deployment: LogMode, own: LogMode): LogMode {
  return LOG_MODES.indexOf(own) < LOG_MODES.indexOf(deployment) ? own : deployment;
}

/** Null: there is no limit. */
function least(deployment: number | null, own: number | null): number | null {
  return deployment === null || own === null ? (own ?? deployment) : Math.min(deployment, own);
}

/** Shown in dollars, as it was written. */
function inDollars<K extends keyof Settings>(row: Row<K>): Row<K> {
  return { ...row, asWritten: { unset: null } };
}

const BUDGET_MODES = ['off', 'warn', 'enforce'] as const;

function stricterMode(
  deployment: Settings['PARLEY_BUDGET_MODE'],
  own: Settings['PARLEY_BUDGET_MODE'],
): Settings['PARLEY_BUDGET_MODE'] {
  return BUDGET_MODES.indexOf(own) > BUDGET_MODES.indexOf(deployment) ? own : deployment;
}

function bothRedacted(deployment: Redaction | null, own: Redaction | null): Redaction | null {
  if (deployment === null || own === null) return own ?? deployment;
  return {
    fields: [...deployment.fields, ...own.fields],
    patterns: [...deployment.patterns, ...own.patterns],
    replacement: own.replacement,
    binary: deployment.binary === 'drop' ? 'drop' : own.binary,
  };
}

type AllowList = readonly string[] | null;

function allowedByBoth(deployment: AllowList, own: AllowList): AllowList {
  if (deployment === null || own === null) return own ?? deployment;
  return [
    ...own.filter((each) => isAllowed(deployment, each)),
    ...deployment.filter((each) => !own.includes(each) && isAllowed(own, each)),
  ];
}

/** Whether a list names `name`, itself or by a beginning of it with * after it. Null allows all. */
export function isAllowed(list: AllowList, name: string): boolean {
  return (
    list === null ||
    list.some((each) => each === name || (each.endsWith('*') && name.startsWith(each.slice(0, -1))))
  );
}

/** One row, whatever its type: its own schema has made `own`, which is why the row may take it. */
function combined(settings: Settings, name: Name, own: unknown): Partial<Settings> {
  const row = TABLE[name] as unknown as Row<'PARLEY_LOG'>;
  return { [row.setting]: row.combine(settings[row.setting], own as LogMode) };
}

/** The settings that hold in a gateway: everything downstream goes on taking the deployment's names. */
export function withGateway<C extends Settings>(deployment: C, own: GatewaySettings): C {
  return NAMES.reduce(
    (all, name) => (own[name] === undefined ? all : { ...all, ...combined(deployment, name, own[name]) }),
    deployment,
  );
}

/** A change: what is not named stays, null takes the deployment's again. */
export const GatewaySettingsPatch = v.strictObject(
  Object.fromEntries(NAMES.map((name) => [name, v.exactOptional(v.nullable(TABLE[name].schema.wrapped))])),
  (issue) =>
    issue.expected === 'never'
      ? `is not a setting of a gateway. Did you mean ${nearestName(String(issue.path?.[0]?.key), NAMES)}? There is ${NAMES.join(', ')}.`
      : `The settings must be a JSON object with any of ${NAMES.join(', ')}.`,
);

/** As it is answered: what holds, and whose word it is. */
export const GatewaySettingsShape = v.object(
  Object.fromEntries(
    NAMES.map((name) => [
      name,
      v.object({
        // Null where nothing is set, and of a limit: none.
        value: v.nullable(TABLE[name].schema.wrapped),
        source: v.picklist(['deployment', 'gateway']),
      }),
    ]),
  ),
);

export type ReadGatewaySettings =
  | { readonly ok: true; readonly settings: GatewaySettings }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Reads a change, or what a gateway has stored. Each problem is a sentence that begins with the setting's name. */
export function readGatewaySettings(value: JsonValue): ReadGatewaySettings {
  // A list is an object too, to the schema.
  const parsed = v.safeParse(GatewaySettingsPatch, Array.isArray(value) ? null : value);
  if (!parsed.success) return { ok: false, problems: parsed.issues.map(sentence) };
  const set = Object.entries(parsed.output).filter(([, own]) => own !== null);
  // Each was made by the schema of its own row.
  return { ok: true, settings: Object.fromEntries(set) as GatewaySettings };
}

function sentence({ message, path }: v.BaseIssue<unknown>): string {
  const key = path?.[0]?.key;
  if (key === undefined) return message;
  const name = NAMES.find((each) => each === key);
  // The deployment's schema speaks of the deployment's setting.
  return name === undefined
    ? `${JSON.stringify(key)} ${message}`
    : message.replaceAll(TABLE[name].setting, name);
}

/** What would go beyond the deployment, which a gateway can only tighten there; each with a sentence that says so. */
export function beyondDeployment(
  deployment: Settings,
  own: GatewaySettings,
): readonly { readonly name: Name; readonly problem: string }[] {
  return NAMES.filter((name) => own[name] !== undefined && TABLE[name].tightens).flatMap((name) => {
    const { setting } = TABLE[name];
    const held = combined(deployment, name, own[name])[setting];
    if (JSON.stringify(held) === JSON.stringify(own[name])) return [];
    const limit = JSON.stringify(deployment[setting]);
    return [{ name, problem: `${name} goes beyond ${setting} of the deployment, which is ${limit}.` }];
  });
}

export interface ShownSetting {
  readonly value: unknown;
  readonly source: 'deployment' | 'gateway';
}

/**
 * What holds in a gateway. Its word counts for nothing where the deployment has become stricter than it since.
 *
 * @param stored what the gateway has stored, which `own` was read from
 * @param written the deployment's settings as they were set
 */
export function shownSettings(
  deployment: Settings,
  own: GatewaySettings,
  stored: JsonObject,
  written: Readonly<Record<string, unknown>>,
): Readonly<Record<Name, ShownSetting>> {
  const effective = withGateway(deployment, own);
  const beyond = beyondDeployment(deployment, own).map(({ name }) => name);
  const shown = NAMES.map((name) => {
    const row: Pick<Row<keyof Settings>, 'setting' | 'asWritten'> = TABLE[name];
    const source = own[name] === undefined || beyond.includes(name) ? 'deployment' : 'gateway';
    const value =
      row.asWritten === undefined
        ? effective[row.setting]
        : fromJson(stored[name] ?? written[row.setting], row.asWritten.unset);
    return [name, { value, source }];
  });
  // One for each name.
  return Object.fromEntries(shown) as Record<Name, ShownSetting>;
}

/** Settings that are JSON may be written as text. Both were checked when they were read. */
function fromJson(value: unknown, unset: JsonValue): unknown {
  if (value === undefined || value === null || value === '') return unset;
  return typeof value === 'string' ? JSON.parse(value) : value;
}
