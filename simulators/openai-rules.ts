/** What the service accepts where, as rules over JSON. A rule answers with the first problem, in the service's words. */
import { asArray, asObject, type JsonObject, type JsonValue } from '../protocol/json.ts';
import type { Problem } from './openai-wire.ts';

const LONGEST_REPEATED = 200;

export type Rule = (value: JsonValue, path: string) => Problem | null;

const wrongType = (path: string, wanted: string, value: JsonValue): Problem => ({
  code: 'invalid_type',
  message: `Invalid type for '${path}': expected ${wanted}, but got ${kindOf(value)} instead.`,
  param: path,
});

export const invalidValue = (path: string, message: string): Problem => ({
  code: 'invalid_value',
  message,
  param: path,
});

/** A client's value as an error message repeats it: bounded, whatever it is. */
export function repeated(value: JsonValue | undefined): string {
  return (typeof value === 'string' ? value : JSON.stringify(value ?? null)).slice(0, LONGEST_REPEATED);
}

export const missing = (path: string): Problem => ({
  code: 'missing_required_parameter',
  message: `Missing required parameter: '${path}'.`,
  param: path,
});

function kindOf(value: JsonValue): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

export const text: Rule = (value, path) =>
  typeof value === 'string' ? null : wrongType(path, 'a string', value);

export const boolean: Rule = (value, path) =>
  typeof value === 'boolean' ? null : wrongType(path, 'a boolean', value);

export const anything: Rule = () => null;

export const anyObject: Rule = (value, path) =>
  asObject(value) === undefined ? wrongType(path, 'an object', value) : null;

export const textUpTo =
  (longest: number): Rule =>
  (value, path) => {
    if (typeof value !== 'string') return wrongType(path, 'a string', value);
    if (value.length <= longest) return null;
    return {
      code: 'string_above_max_length',
      message: `Invalid '${path}': string too long. Expected a string with maximum length ${longest}, but got a string with length ${value.length} instead.`,
      param: path,
    };
  };

export const oneOf =
  (...values: readonly string[]): Rule =>
  (value, path) => {
    if (typeof value === 'string' && values.includes(value)) return null;
    const supported = values.map((name) => `'${name}'`).join(', ');
    return invalidValue(path, `Invalid value: '${repeated(value)}'. Supported values are: ${supported}.`);
  };

const ranged =
  (kind: 'integer' | 'decimal', least: number, most: number): Rule =>
  (value, path) => {
    if (typeof value !== 'number' || (kind === 'integer' && !Number.isInteger(value))) {
      return wrongType(path, kind === 'integer' ? 'an integer' : 'a decimal', value);
    }
    if (value >= least && value <= most) return null;
    const below = value < least;
    return {
      code: below ? `${kind}_below_min_value` : `${kind}_above_max_value`,
      message: `Invalid '${path}': ${kind} ${below ? 'below minimum' : 'above maximum'} value. Expected a value ${below ? '>=' : '<='} ${below ? least : most}, but got ${value} instead.`,
      param: path,
    };
  };

export const integer = (least: number, most: number): Rule => ranged('integer', least, most);
export const decimal = (least: number, most: number): Rule => ranged('decimal', least, most);

export const nullable =
  (rule: Rule): Rule =>
  (value, path) =>
    value === null ? null : rule(value, path);

/** The first that has no complaint; else the complaint of the last. */
export const either =
  (...rules: readonly [Rule, ...Rule[]]): Rule =>
  (value, path) => {
    let problem: Problem | null = null;
    for (const rule of rules) {
      problem = rule(value, path);
      if (problem === null) return null;
    }
    return problem;
  };

export const list =
  (rule: Rule): Rule =>
  (value, path) => {
    const items = asArray(value);
    if (items === undefined) return wrongType(path, 'an array', value);
    for (const [index, item] of items.entries()) {
      const problem = rule(item, `${path}[${index}]`);
      if (problem !== null) return problem;
    }
    return null;
  };

/** An object with these fields and no others; `required` must be there. */
export const fields =
  (rules: Readonly<Record<string, Rule>>, ...required: readonly string[]): Rule =>
  (value, path) => {
    const object = asObject(value);
    if (object === undefined) return wrongType(path, 'an object', value);
    const absent = required.find((name) => !Object.hasOwn(object, name));
    if (absent !== undefined) return missing(`${path}.${absent}`);
    for (const [name, member] of Object.entries(object)) {
      const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
      const where = `${path}.${name.slice(0, LONGEST_REPEATED)}`;
      if (rule === undefined) {
        return { code: 'unknown_parameter', message: `Unknown parameter: '${where}'.`, param: where };
      }
      const problem = rule(member, where);
      if (problem !== null) return problem;
    }
    return null;
  };

/** An object whose `type` chooses the rule. */
export const byType =
  (rules: Readonly<Record<string, Rule>>): Rule =>
  (value, path) => {
    const object = asObject(value);
    if (object === undefined) return wrongType(path, 'an object', value);
    const type = object['type'];
    if (type === undefined) return missing(`${path}.type`);
    const rule = typeof type === 'string' && Object.hasOwn(rules, type) ? rules[type] : undefined;
    return rule === undefined ? oneOf(...Object.keys(rules))(type, `${path}.type`) : rule(value, path);
  };

export function tooShort(bufferedMs: number): Problem {
  const message = `Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has ${bufferedMs.toFixed(2)}ms of audio.`;
  return { code: 'input_audio_buffer_commit_empty', message, param: null };
}

export const NOT_ACTIVE: Problem = {
  code: 'response_cancel_not_active',
  message: 'Cancellation failed: no active response found',
  param: null,
};

/** What is said of an item that is not there. */
export function unknownItem(verb: 'retriev' | 'delet', event: JsonObject): Problem {
  const id = event['item_id'];
  if (id === undefined) return missing('item_id');
  const message = `Error ${verb}ing item: the item with id '${repeated(id)}' does not exist.`;
  return { code: `item_${verb}e_invalid_item_id`, message, param: 'item_id' };
}
