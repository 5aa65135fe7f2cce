/** What `wrangler.toml` says of the Worker, so that plain workerd serves what Cloudflare would. */
import { readFileSync } from 'node:fs';
import { parse } from 'smol-toml';
import * as v from 'valibot';
import { StartError } from './start-error.ts';

const WranglerConfig = v.object({
  compatibility_date: v.string(),
  compatibility_flags: v.optional(v.array(v.string()), []),
  durable_objects: v.object({
    bindings: v.array(v.object({ name: v.string(), class_name: v.string() })),
  }),
  vars: v.optional(v.record(v.string(), v.union([v.string(), v.number(), v.boolean()])), {}),
});

export type WranglerConfig = v.InferOutput<typeof WranglerConfig>;

/** Throws StartError when the file is not what wrangler would take. */
export function readWranglerConfig(file: string): WranglerConfig {
  try {
    return v.parse(WranglerConfig, parse(readFileSync(file, 'utf8')));
  } catch (error) {
    const why = error instanceof v.ValiError ? `${v.getDotPath(error.issues[0])}: ${error.message}` : error;
    throw new StartError(`${file} cannot be used (${String(why)}). Mend it, or take it from the repository.`);
  }
}
