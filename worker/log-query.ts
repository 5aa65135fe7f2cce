/**
 * Reads a query of Cloudflare's log API. Filters come in three forms: as Cloudflare's SDK writes them (`filters.key`,
 * `filters.operator`, `filters.value`, repeated), as a JSON array in `filters`, and as the deprecated flat parameters.
 * A name that is not known, or comes twice, is an error: it would change what a query finds, and that may be a deletion.
 */
import * as v from 'valibot';
import { BrokerError } from '../protocol/errors.ts';
import {
  LOG_KEYS,
  LOG_OPERATORS,
  LOG_ORDERS,
  type LogFilter,
  type LogKey,
  type LogQuery,
} from '../protocol/log-query.ts';
import { nearestName } from '../protocol/nearest-name.ts';
import { LIMITS } from '../session/limits.ts';

const Value = v.union([v.string(), v.number(), v.boolean(), v.null()]);
const RawFilter = v.object({
  // Object.keys is typed string[]; the table has no other keys.
  key: v.picklist(Object.keys(LOG_KEYS) as LogKey[]),
  operator: v.picklist(LOG_OPERATORS),
  value: v.union([
    v.pipe(v.array(Value), v.minLength(1), v.maxLength(LIMITS.logFilters)),
    v.pipe(
      Value,
      v.transform((value) => [value]),
    ),
  ]),
});
type RawFilter = v.InferOutput<typeof RawFilter>;

/** The deprecated parameters, and what each of them filters. */
const FLAT: Readonly<Record<string, readonly [LogKey, LogFilter['operator']]>> = {
  cached: ['cached', 'eq'],
  success: ['success', 'eq'],
  feedback: ['feedback', 'eq'],
  provider: ['provider', 'eq'],
  model: ['model', 'eq'],
  model_type: ['model_type', 'eq'],
  request_content_type: ['request_content_type', 'eq'],
  response_content_type: ['response_content_type', 'eq'],
  start_date: ['created_at', 'min'],
  end_date: ['created_at', 'max'],
  min_cost: ['cost', 'min'],
  max_cost: ['cost', 'max'],
  min_duration: ['duration', 'min'],
  max_duration: ['duration', 'max'],
  min_tokens_in: ['tokens_in', 'min'],
  max_tokens_in: ['tokens_in', 'max'],
  min_tokens_out: ['tokens_out', 'min'],
  max_tokens_out: ['tokens_out', 'max'],
  min_total_tokens: ['tokens', 'min'],
  max_total_tokens: ['tokens', 'max'],
};

/** Of a key that is not known. */
const SHOWN = 64;
const DOTTED = ['filters.key', 'filters.operator', 'filters.value'];
const ORDERING = ['order_by', 'order_by_direction', 'direction'];
/** What only one of the two methods takes. */
export const LIST_NAMES = ['page', 'per_page', 'search', 'meta_info'];
export const DELETE_NAMES = ['limit'];

/** @param besides the parameters of this method, beside filters and order */
export function readLogQuery(parameters: URLSearchParams, besides: readonly string[]): LogQuery {
  const known = [...Object.keys(FLAT), ...DOTTED, 'filters', ...ORDERING, ...besides];
  for (const name of parameters.keys()) {
    if (!known.includes(name)) throw problem(`the query has no parameter '${name}'`);
    if (!DOTTED.includes(name) && parameters.getAll(name).length > 1)
      throw problem(`the query has '${name}' twice; use filters for several values`);
  }
  const raw = [...dottedFilters(parameters), ...jsonFilters(parameters.get('filters'))];
  const filters = [...raw.map(filterOf), ...flatFilters(parameters)];
  if (
    filters.length > LIMITS.logFilters ||
    filters.flatMap(({ values }) => values).length > LIMITS.logFilters
  ) {
    throw problem(`more than ${LIMITS.logFilters} filters or values`);
  }
  return {
    filters,
    search: parameters.get('search'),
    orderBy: oneOf('order_by', parameters.get('order_by') ?? 'created_at', LOG_ORDERS),
    descending:
      oneOf(
        'order_by_direction',
        parameters.get('order_by_direction') ?? parameters.get('direction') ?? 'desc',
        ['asc', 'desc'],
      ) === 'desc',
  };
}

/** A whole number of the query, or `fallback` where it is not given. */
export function wholeParameter(
  parameters: URLSearchParams,
  name: string,
  max: number,
  fallback: number,
): number {
  const text = parameters.get(name);
  if (text === null) return fallback;
  if (!/^[0-9]{1,15}$/.test(text) || Number(text) < 1 || Number(text) > max)
    throw problem(`${name} must be a whole number from 1 to ${max}`);
  return Number(text);
}

/**
 * The SDK writes the members of each filter one after the other. Where there are as many keys as operators and values,
 * they belong together by their position; else a filter has several values, and the next one begins where a key or an
 * operator comes again.
 */
function dottedFilters(parameters: URLSearchParams): RawFilter[] {
  const [keys, operators, values] = DOTTED.map((name) => parameters.getAll(name));
  if (keys === undefined || operators === undefined || values === undefined) return [];
  if (keys.length === operators.length && keys.length === values.length) {
    return keys.map((key, index) => rawFilter({ key, operator: operators[index], value: [values[index]] }));
  }
  const found: { key?: string; operator?: string; value: string[] }[] = [];
  for (const [name, text] of parameters) {
    if (!DOTTED.includes(name)) continue;
    const member = name === 'filters.key' ? 'key' : name === 'filters.operator' ? 'operator' : 'value';
    let last = found.at(-1);
    if (last === undefined || (member !== 'value' && last[member] !== undefined)) {
      last = { value: [] };
      found.push(last);
    }
    if (member === 'value') last.value.push(text);
    else last[member] = text;
  }
  return found.map(rawFilter);
}

function jsonFilters(text: string | null): RawFilter[] {
  if (text === null) return [];
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw problem('filters is not JSON');
  }
  if (!Array.isArray(value)) throw problem('filters must be an array of {key, operator, value}');
  return value.map(rawFilter);
}

function rawFilter(value: unknown): RawFilter {
  const key = v.safeParse(v.object({ key: v.string() }), value);
  const known = Object.keys(LOG_KEYS);
  if (key.success && !known.includes(key.output.key)) {
    const name = key.output.key;
    throw problem(`no filter has the key '${name.slice(0, SHOWN)}'; perhaps ${nearestName(name, known)}`);
  }
  const parsed = v.safeParse(RawFilter, value);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw problem(`a filter must be {key, operator, value}: ${v.getDotPath(issue) ?? 'it'}: ${issue.message}`);
}

function flatFilters(parameters: URLSearchParams): LogFilter[] {
  return Object.entries(FLAT).flatMap(([name, [key, operator]]) => {
    const text = parameters.get(name);
    return text === null ? [] : [{ key, operator, values: [valueOf(key, text, name)] }];
  });
}

function filterOf({ key, operator, value }: RawFilter): LogFilter {
  const isOrder = operator === 'lt' || operator === 'gt';
  const values = value.map((each) => {
    // Tags have an order only as numbers; parts are looked for in the text.
    if (key === 'metadata.value' && isOrder) return numberIn(each, key);
    return operator === 'contains' ? String(each) : valueOf(key, each, key);
  });
  return { key, operator, values };
}

/** As the column holds it. From a query everything comes as text, from JSON as what it is. */
function valueOf(key: LogKey, value: RawFilter['value'][number], name: string): string | number | null {
  if (value === null || (value === 'null' && LOG_KEYS[key] !== 'text')) return null;
  switch (LOG_KEYS[key]) {
    case 'text':
      return String(value);
    case 'number':
      return numberIn(value, name);
    case 'flag':
      return flagIn(value, name);
    case 'time':
      return timeIn(value, name);
  }
}

function numberIn(value: RawFilter['value'][number], name: string): number {
  const number = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value);
  if (!Number.isFinite(number)) throw problem(`${name}: '${String(value)}' is not a number`);
  return number;
}

function flagIn(value: RawFilter['value'][number], name: string): number {
  const text = String(value);
  if (text === 'true' || text === '1') return 1;
  if (text === 'false' || text === '0') return 0;
  throw problem(`${name}: '${text}' is neither true nor false`);
}

function timeIn(value: RawFilter['value'][number], name: string): number {
  const at = typeof value === 'number' ? value : Date.parse(String(value));
  if (Number.isNaN(at))
    throw problem(`${name}: '${String(value)}' is not a time such as 2026-11-24T12:00:00Z`);
  return at;
}

function oneOf<const T extends string>(name: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === text);
  if (found === undefined) throw problem(`${name} must be one of ${allowed.join(', ')}`);
  return found;
}

function problem(what: string): BrokerError {
  return new BrokerError('invalid_request', { problem: what });
}
