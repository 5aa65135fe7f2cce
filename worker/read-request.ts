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
  // To a schema a list is an object whose keys are numbers.
  if (Array.isArray(value) && 'entries' in schema)
    throw new BrokerError('invalid_request', { problem: 'the body is a list; it must be an object' });
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const entries = 'entries' in schema ? Object.keys(schema.entries as object) : [];
  const unknown = issue.path?.length === 1 ? String(issue.path[0].key) : null;
  if (issue.type === 'strict_object' && unknown !== null && !entries.includes(unknown))
    throw new BrokerError('invalid_request', {
      problem: `the body has no field '${unknown.slice(0, 64)}'. Did you mean '${nearestName(unknown, entries)}'?`,
    });
  throw new BrokerError('invalid_request', {
    problem: `${v.getDotPath(issue) ?? 'the body'}: ${issue.message}`,
  });
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
