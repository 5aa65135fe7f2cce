/** Total readers for JSON that came from outside: none of them throws, and none trusts a type. */

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

export type JsonObject = { readonly [key: string]: JsonValue };

/** The parsed text, or undefined when it is not JSON. */
export function parseJson(text: string): JsonValue | undefined {
  try {
    // JSON.parse returns `any`; whatever it returns is a JsonValue by the definition of JSON.
    return JSON.parse(text) as JsonValue;
  } catch {
    // Not JSON: frames that are not JSON are legal on every wire, and simply carry no meaning for us.
    return undefined;
  }
}

export function asObject(value: JsonValue | undefined): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? // Array.isArray does not narrow readonly arrays away, so the compiler needs to be told.
      (value as JsonObject)
    : undefined;
}

export function asArray(value: JsonValue | undefined): readonly JsonValue[] | undefined {
  return Array.isArray(value) ? value : undefined;
}

export function asText(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** A finite number that is not negative: a hostile NaN or -5 must never reach a sum. */
export function asCount(value: JsonValue | undefined): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
}

/** The object member `key` of `value`, for walking into nested provider events. */
export function member(value: JsonValue | undefined, key: string): JsonValue | undefined {
  const object = asObject(value);
  return object !== undefined && Object.hasOwn(object, key) ? object[key] : undefined;
}
