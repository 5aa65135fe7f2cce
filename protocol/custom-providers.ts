/**
 * Providers that a deployment adds by a setting, without code: a name, an address, where the key goes, and whose wire it
 * speaks. Only the operator sets them, so no client can have anything dialled.
 */

/** Where the key goes on the dial, and where clients may put their own. */
export type CustomAuth =
  | { readonly in: 'bearer' }
  | { readonly in: 'header'; readonly name: string }
  | { readonly in: 'query'; readonly name: string }
  | { readonly in: 'none' };

export interface CustomProvider {
  /** Reached as `custom-<slug>`. */
  readonly slug: string;
  readonly baseUrl: string;
  readonly auth: CustomAuth;
  /** The id of a provider's adapter, or `opaque`. */
  readonly dialect: string;
}

export const CUSTOM_PROVIDERS_SETTING = 'PARLEY_CUSTOM_PROVIDERS';
export const CUSTOM_PREFIX = 'custom-';
/** Frames are relayed and recorded, and nothing is read. */
export const OPAQUE_DIALECT = 'opaque';

export type CustomProvidersReading =
  | { readonly ok: true; readonly providers: readonly CustomProvider[] }
  | { readonly ok: false; readonly problems: readonly string[] };

const MOST_PROVIDERS = 64;
const SLUG = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/;
/** RFC 9110 token, lower case: header names are compared so. */
const HEADER_NAME = /^[a-z0-9!#$%&'*+.^_`|~-]{1,64}$/;
const QUERY_NAME = /^[A-Za-z0-9_.-]{1,64}$/;
const MEMBERS = ['base_url', 'auth', 'dialect'];
/** Headers of the handshake itself: a key there would break it. */
const RESERVED_HEADER = /^(?:sec-|connection$|upgrade$|host$|content-length$|cf-aig-|parley-)/;

/** The names of a custom provider's own settings. */
export function customSettings(slug: string): { readonly key: string; readonly baseUrl: string } {
  const name = `CUSTOM_${slug.toUpperCase().replaceAll('-', '_')}`;
  return { key: `${name}_API_KEY`, baseUrl: `${name}_BASE_URL` };
}

/** Reads the setting: JSON text, or the value itself where `[vars]` holds JSON. Unset is none. */
export function readCustomProviders(setting: unknown): CustomProvidersReading {
  if (setting === undefined || setting === null || setting === '') return { ok: true, providers: [] };
  const value = typeof setting === 'string' ? parsed(setting) : setting;
  if (!isRecord(value)) {
    return problem('must be a JSON object such as {"echo":{"base_url":"https://echo.example"}}.');
  }
  const entries = Object.entries(value);
  if (entries.length > MOST_PROVIDERS)
    return problem(`has ${entries.length} providers; at most ${MOST_PROVIDERS}.`);
  const providers: CustomProvider[] = [];
  const problems: string[] = [];
  for (const [slug, entry] of entries) {
    const read = readEntry(slug, entry);
    if (typeof read === 'string') problems.push(`${CUSTOM_PROVIDERS_SETTING}: ${read}`);
    else providers.push(read);
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, providers };
}

function problem(sentence: string): CustomProvidersReading {
  return { ok: false, problems: [`${CUSTOM_PROVIDERS_SETTING} ${sentence}`] };
}

/** A provider, or the sentence that says what is wrong with it. No value is repeated: it may be a key. */
function readEntry(slug: string, entry: unknown): CustomProvider | string {
  if (!SLUG.test(slug)) {
    return `'${slug.slice(0, 40)}' is no name; use 1 to 40 of a-z, 0-9 and -, with a letter or digit at both ends.`;
  }
  if (!isRecord(entry))
    return `${slug} must be an object with base_url, and auth and dialect if it needs them.`;
  const unknown = Object.keys(entry).find((name) => !MEMBERS.includes(name));
  if (unknown !== undefined) {
    return `${slug} has '${unknown.slice(0, 40)}', which is not one of ${MEMBERS.join(', ')}. Its key goes into ${customSettings(slug).key}.`;
  }
  const { base_url: baseUrl, auth = 'bearer', dialect = OPAQUE_DIALECT } = entry;
  if (typeof baseUrl !== 'string' || !isBaseUrl(baseUrl)) {
    return `the base_url of ${slug} must be an http(s) or ws(s) URL without credentials, query or fragment.`;
  }
  const place = typeof auth === 'string' ? readAuth(auth) : null;
  if (place === null) return `the auth of ${slug} must be bearer, header:<name>, query:<name> or none.`;
  if (typeof dialect !== 'string')
    return `the dialect of ${slug} must be a provider's name, or ${OPAQUE_DIALECT}.`;
  return { slug, baseUrl, auth: place, dialect };
}

function readAuth(text: string): CustomAuth | null {
  if (text === 'bearer' || text === 'none') return { in: text };
  const colon = text.indexOf(':');
  const [place, name] = [text.slice(0, colon), text.slice(colon + 1)];
  const header = name.toLowerCase();
  if (place === 'header' && HEADER_NAME.test(header) && !RESERVED_HEADER.test(header)) {
    return { in: 'header', name: header };
  }
  return place === 'query' && QUERY_NAME.test(name) ? { in: 'query', name } : null;
}

function isBaseUrl(text: string): boolean {
  if (!/^(?:https?|wss?):\/\//.test(text) || !URL.canParse(text)) return false;
  const { username, password, search, hash } = new URL(text);
  return username === '' && password === '' && search === '' && hash === '';
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: the caller says what it must be.
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
