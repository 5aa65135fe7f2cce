/** Parley's own parameters of an upgrade, checked: each bad one is a sentence of its own. */
import * as v from 'valibot';
import {
  BACKOFFS,
  type ConnectPlan,
  CONTROLLER_LEAVES,
  type ControlLevel,
  FLOORS,
  type LogMode,
  type Role,
  ROLES,
  HISTORIES,
  type History,
} from '../protocol/connect.ts';
import { BrokerError } from '../protocol/errors.ts';
import { type CustomCost, CustomCostHeader } from '../protocol/price-overrides.ts';
import { Metadata, Name } from '../protocol/rest.ts';
import { readGatewayTrace, readTraceParent, type TraceParent } from '../protocol/trace-parent.ts';
import { LIMITS } from '../session/limits.ts';
import type { Configuration } from './configuration.ts';
import type { Parameter } from './offer.ts';
import { unkeptName } from './read-request.ts';

export interface Parameters {
  readonly session: string | null;
  readonly after: number | null;
  readonly epoch: number | null;
  readonly client: string | null;
  readonly control: ControlLevel;
  readonly floor: ConnectPlan['floor'];
  readonly onControllerLeave: ConnectPlan['onControllerLeave'];
  readonly history: History;
  readonly role: Role | null;
  readonly graceMs: number;
  readonly idleMs: number;
  readonly log: LogMode;
  readonly metadata: Readonly<Record<string, string | number | boolean>>;
  readonly eventId: string | null;
  readonly redriveOf: string | null;
  readonly traceParent: TraceParent | null;
  readonly customCost: CustomCost | null;
  /** The stored key that was asked for by name. */
  readonly byokAlias: string | null;
  /** What is dialled in turn when the dial of the URL's own fails. */
  readonly fallback: readonly Alternative[];
  readonly dialTimeoutMs: number;
  readonly attempts: ConnectPlan['attempts'];
}

/** One of `parley-fallback`. */
export interface Alternative {
  readonly provider: string;
  readonly model: string;
}

/** Nine digits: more frames than a session of a day can have. */
const COUNT_MAX = 999_999_999;
const DAY_SECONDS = 86_400;

/** Throws BrokerError `invalid_request`, which names the parameter. */
export function readParameters(given: ReadonlyMap<Parameter, string>, settings: Configuration): Parameters {
  const after = number(given, 'parley-after', 0, COUNT_MAX);
  if (after !== null && !given.has('parley-session')) {
    throw problem('parley-after', 'needs parley-session: only a session of a chosen id can be come back to');
  }
  const graceSeconds = number(given, 'parley-grace', 0, settings.PARLEY_GRACE_SECONDS);
  return {
    session: checked(given, 'parley-session', Name),
    after,
    client: checked(given, 'parley-client', Name),
    control: controlLevel(given),
    floor: oneOf(given, 'parley-floor', FLOORS) ?? 'open',
    onControllerLeave:
      oneOf(given, 'parley-on-controller-leave', CONTROLLER_LEAVES) ?? settings.PARLEY_ON_CONTROLLER_LEAVE,
    history: oneOf(given, 'parley-history', HISTORIES) ?? 'none',
    epoch: number(given, 'parley-epoch', 1, COUNT_MAX),
    role: oneOf(given, 'parley-role', ROLES),
    graceMs: (graceSeconds ?? settings.PARLEY_GRACE_SECONDS) * 1000,
    idleMs: idleSeconds(given, settings.PARLEY_IDLE_SECONDS) * 1000,
    log: logMode(given, settings.PARLEY_LOG),
    metadata: metadata(given.get('cf-aig-metadata')),
    eventId: checked(
      given,
      'cf-aig-event-id',
      v.pipe(v.string(), v.regex(/^[\x20-\x7e]{1,128}$/, 'must be 1 to 128 printable characters')),
    ),
    redriveOf: checked(given, 'parley-redrive-of', Name),
    byokAlias: byokAlias(given),
    traceParent:
      readTraceParent(given.get('traceparent') ?? '') ??
      readGatewayTrace(
        given.get('cf-aig-otel-trace-id') ?? '',
        given.get('cf-aig-otel-parent-span-id') ?? null,
      ),
    customCost: checked(given, 'cf-aig-custom-cost', CustomCostHeader),
    fallback: alternatives(given),
    attempts: {
      most: number(given, 'cf-aig-max-attempts', 1, LIMITS.dialAttempts) ?? 1,
      delayMs: number(given, 'cf-aig-retry-delay', 0, LIMITS.dialRetryMs) ?? LIMITS.redialMs,
      backoff:
        checked(given, 'cf-aig-backoff', v.picklist(BACKOFFS, `must be one of ${BACKOFFS.join(', ')}`)) ??
        'constant',
    },
    dialTimeoutMs: number(given, 'cf-aig-request-timeout', 1, LIMITS.dialMs) ?? LIMITS.dialMs,
  };
}

/** Throws BrokerError `invalid_request`. */
export function byokAlias(given: ReadonlyMap<Parameter, string>): string | null {
  return checked(given, 'cf-aig-byok-alias', Name);
}

function problem(name: Parameter, what: string): BrokerError {
  return new BrokerError('invalid_request', { problem: `${name} ${what}` });
}

function checked<T>(
  given: ReadonlyMap<Parameter, string>,
  name: Parameter,
  schema: v.GenericSchema<string, T>,
): T | null {
  const value = given.get(name);
  if (value === undefined) return null;
  const parsed = v.safeParse(schema, value);
  if (!parsed.success) throw problem(name, parsed.issues[0].message);
  return parsed.output;
}

/** `provider/model`, separated by commas; a model's name may hold further slashes. */
function alternatives(given: ReadonlyMap<Parameter, string>): readonly Alternative[] {
  const value = given.get('parley-fallback');
  if (value === undefined) return [];
  const named = value.split(',').map((each) => /^([^/]+)\/(.+)$/.exec(each.trim()));
  const read = named.flatMap((match) =>
    match === null ? [] : [{ provider: match[1] ?? '', model: match[2] ?? '' }],
  );
  if (read.length < named.length)
    throw problem('parley-fallback', 'must be provider/model, separated by commas');
  if (read.length > LIMITS.fallbacks)
    throw problem('parley-fallback', `names ${read.length} alternatives; the most is ${LIMITS.fallbacks}`);
  return read;
}

function oneOf<const T extends string>(
  given: ReadonlyMap<Parameter, string>,
  name: Parameter,
  values: readonly T[],
): T | null {
  const value = checked(given, name, v.picklist(values, `must be one of ${values.join(', ')}`));
  return values.find((each) => each === value) ?? null;
}

function controlLevel(given: ReadonlyMap<Parameter, string>): ControlLevel {
  switch (number(given, 'parley-control', 0, 2)) {
    case 1:
      return 1;
    case 2:
      return 2;
    default:
      return 0;
  }
}

/** A larger value than the deployment allows is held down to it, as a gateway's limit is. */
function number(
  given: ReadonlyMap<Parameter, string>,
  name: Parameter,
  min: number,
  max: number,
): number | null {
  const value = given.get(name);
  if (value === undefined) return null;
  if (!/^[0-9]{1,9}$/.test(value) || Number(value) < min)
    throw problem(name, `must be a whole number from ${min} to ${max}`);
  return Math.min(Number(value), max);
}

/** Never, which is 0, is longer than any time: a client may ask for less rest than the deployment wants only if that wants none. */
function idleSeconds(given: ReadonlyMap<Parameter, string>, deployment: number): number {
  const longest = deployment === 0 ? DAY_SECONDS : deployment;
  return number(given, 'parley-idle', 1, longest) ?? deployment;
}

/** A client may have less logged than the deployment does, never more. */
function logMode(given: ReadonlyMap<Parameter, string>, deployment: LogMode): LogMode {
  if (flag(given, 'cf-aig-collect-log') === false || deployment === 'none') return 'none';
  if (flag(given, 'cf-aig-collect-log-payload') === false) return 'metadata';
  return deployment;
}

function flag(given: ReadonlyMap<Parameter, string>, name: Parameter): boolean | null {
  const value = given.get(name);
  if (value === undefined) return null;
  if (value !== 'true' && value !== 'false') throw problem(name, 'must be true or false');
  return value === 'true';
}

/** The first five tags are kept, as AI Gateway does. */
function metadata(text: string | undefined): Parameters['metadata'] {
  if (text === undefined) return {};
  if (text.length > LIMITS.metadataBytes)
    throw problem('cf-aig-metadata', `must be under ${LIMITS.metadataBytes} characters`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw problem('cf-aig-metadata', 'must be JSON');
  }
  const parsed = v.safeParse(Metadata, value);
  if (!parsed.success || Array.isArray(value))
    throw problem('cf-aig-metadata', 'must be a flat object of strings, numbers and booleans');
  const lost = unkeptName(Object(value));
  if (lost !== null) throw problem('cf-aig-metadata', `cannot have a tag named '${lost}'; take another name`);
  return Object.fromEntries(Object.entries(parsed.output).slice(0, LIMITS.metadataTags));
}
