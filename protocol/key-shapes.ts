/** The shapes of the provider keys that a gateway stores, for checking requests, for the types, and for `/openapi.json`. */
import * as v from 'valibot';
import { Time } from './rest.ts';

/** It goes out in a header or a URL: printable ASCII, so that nothing can be smuggled behind it. */
export const ProviderKeyRequest = v.strictObject({
  key: v.pipe(
    v.string('must be the provider key, as text'),
    v.regex(
      /^[\x21-\x7e](?:[\x20-\x7e]{0,4094}[\x21-\x7e])?$/,
      'must be 1 to 4096 printable ASCII characters',
    ),
  ),
});

export const KeyShape = v.object({
  provider: v.string(),
  /** Chosen by `cf-aig-byok-alias`; `default` without it. */
  alias: v.string(),
  /** The last four characters; null for a short key, and for one that cannot be decrypted. */
  preview: v.nullable(v.string()),
  /** False: it was stored under another PARLEY_ENCRYPTION_KEY. */
  readable: v.boolean(),
  created_at: Time,
  updated_at: Time,
});
export type KeyShape = v.InferOutput<typeof KeyShape>;

export const KeyDeletedShape = v.object({ provider: v.string(), alias: v.string(), deleted: v.boolean() });
