/** What a REST request asks for, checked by its schema. Throws BrokerError `invalid_request`, which names what is wrong. */
import * as v from 'valibot';
import { BrokerError } from '../protocol/errors.ts';
import { nearestName } from '../protocol/nearest-name.ts';
import { LIMITS } from '../session/limits.ts';

/** An unknown name is an error, and one that is there twice: either would silently widen the query. */
export function parseQuery<
  T extends v.GenericSchema<Record<string, unknown>, unknown> & { readonly entries: object },
>(schema: T, parameters: readonly (readonly [string, string])[], besides = ''): v.InferOutput<T> {
  const names = Object.keys(schema.entries);
  for (const [index, [name]] of parameters.entries()) {
    if (parameters.findIndex((each) => each[0] === name) < index)
      throw new BrokerError('invalid_request', {
        problem: `the query has '${name.slice(0, NAME_CHARACTERS)}' more than once`,
      });
    if (names.includes(name)) continue;
    throw new BrokerError('invalid_request', {
      problem: `the query has no parameter '${name.slice(0, NAME_CHARACTERS)}'; ${alternatives(name, names, besides)}`,
    });
  }
  const parsed = v.safeParse(schema, Object.fromEntries(parameters));
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw new BrokerError('invalid_request', {
    problem: `${v.getDotPath(issue) ?? 'the query'}: ${issue.message}`,
  });
}

const NAME_CHARACTERS = 64;

function alternatives(name: string, names: readonly string[], besides: string): string {
  if (names.length === 0) return 'there are none';
  const all = `there is ${names.join(', ')}${besides}`;
  return `perhaps ${nearestName(name, names)}; ${all}`;
}

/** `since` and `until` in ms since the epoch, each null where it is not given. Throws for a range that ends before it begins. */
export function timeRange({
  since,
  until,
}: {
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}): {
  readonly since: number | null;
  readonly until: number | null;
} {
  const range = { since: timeOf(since), until: timeOf(until) };
  if (range.since !== null && range.until !== null && range.until < range.since)
    throw new BrokerError('invalid_request', { problem: 'until must not be before since' });
  return range;
}

function timeOf(text: string | undefined): number | null {
  return text === undefined ? null : Date.parse(text);
}

/** The body as JSON; an empty one is {}. */
export async function readBody<T extends v.GenericSchema>(
  request: Request,
  schema: T,
): Promise<v.InferOutput<T>> {
  const text = await textOf(request, LIMITS.requestBodyBytes);
  let value: unknown;
  try {
    value = text.trim() === '' ? {} : JSON.parse(text);
  } catch {
    throw new BrokerError('invalid_request', { problem: 'the body is not JSON' });
  }
  const misread = misreadBy(schema, value, 'the body');
  if (misread !== null) throw new BrokerError('invalid_request', { problem: misread });
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const entries = 'entries' in schema ? Object.keys(schema.entries as object) : [];
  const unknown = issue.path?.length === 1 ? String(issue.path[0].key) : null;
  if (issue.type === 'strict_object' && unknown !== null && !entries.includes(unknown))
    throw new BrokerError('invalid_request', {
      problem: `the body has no field '${unknown.slice(0, NAME_CHARACTERS)}'. Did you mean '${nearestName(unknown, entries)}'?`,
    });
  throw new BrokerError('invalid_request', {
    problem: `${v.getDotPath(issue) ?? 'the body'}: ${issue.message}`,
  });
}

/** What is wrong with a list, which a schema takes for an object whose keys are numbers, or a name that it leaves out; null: nothing. */
function misreadBy(schema: v.GenericSchema, value: unknown, name: string): string | null {
  if (!('entries' in schema || schema.type === 'record')) return null;
  if (Array.isArray(value)) return `${name} is a list; it must be an object`;
  if (typeof value !== 'object' || value === null) return null;
  if (!('entries' in schema)) {
    const lost = unkeptName(value);
    return lost === null ? null : `${name}: '${lost}' cannot be a name in it; take another`;
  }
  const fields = Object.entries(value);
  // Schemas that are made of named fields have them here.
  for (const [field, each] of Object.entries(schema.entries as Record<string, v.GenericSchema>)) {
    const found = misreadBy(unwrapped(each), fields.find(([key]) => key === field)?.[1], field);
    if (found !== null) return found;
  }
  return null;
}

/** Without what says that it may be absent, or null. */
function unwrapped(schema: v.GenericSchema): v.GenericSchema {
  // Only schemas of those kinds have it, and it is a schema.
  return 'wrapped' in schema ? unwrapped(schema.wrapped as v.GenericSchema) : schema;
}

const UNKEPT = ['__proto__', 'constructor', 'prototype'];

/** A name that valibot leaves out of what it reads, since objects have something of their own under it; null: there is none. */
export function unkeptName(value: object): string | null {
  return UNKEPT.find((name) => Object.hasOwn(value, name)) ?? null;
}

/** Reads no further than the limit: a body may be announced as any size, or as none. */
async function textOf(request: Request, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes)
      throw new BrokerError('invalid_request', { problem: `the body is over ${maxBytes} bytes` });
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
