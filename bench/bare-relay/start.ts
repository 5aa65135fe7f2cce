/** Serves the bare relay on the same workerd, with the same compatibility date and flags as Parley. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type Child, startChild } from '../children.ts';

// The package has no types of its own; its module exports the path of the native program.
const workerd = createRequire(import.meta.url)('workerd') as {
  readonly default: string;
  readonly version: string;
};

export const WORKERD_VERSION = workerd.version;

export function startBareRelay(directory: string, port: number, upstream: string): Child {
  const objects = `${directory}/bare-objects`;
  mkdirSync(objects, { recursive: true });
  const source = fileURLToPath(new URL('worker.js', import.meta.url));
  // capnp embeds by a path relative to the configuration, so the module is copied beside it.
  writeFileSync(`${directory}/bare.js`, readFileSync(source));
  const config = `${directory}/bare.capnp`;
  writeFileSync(config, configuration(port));
  return startChild(workerd.default, ['serve', config, '--directory-path', `objects=${objects}`], {
    env: { UPSTREAM: upstream },
    graceMs: 500,
  });
}

function configuration(port: number): string {
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    ( name = "bare", worker = .bare ),
    ( name = "internet", network = ( allow = ["private"] ) ),
    ( name = "objects", disk = ( writable = true ) ),
  ],
  sockets = [ ( name = "http", address = "127.0.0.1:${port}", http = (), service = "bare" ) ],
);
const bare :Workerd.Worker = (
  modules = [ ( name = "worker.js", esModule = embed "bare.js" ) ],
  compatibilityDate = "${compatibilityDate()}",
  compatibilityFlags = ["no_web_socket_compression"],
  bindings = [
    ( name = "RELAY", durableObjectNamespace = "Relay" ),
    ( name = "UPSTREAM", fromEnvironment = "UPSTREAM" ),
  ],
  durableObjectNamespaces = [ ( className = "Relay", uniqueKey = "bare-Relay", enableSql = true ) ],
  durableObjectStorage = ( localDisk = "objects" ),
);
`;
}

/** Parley's own, so that both run under the same rules. */
function compatibilityDate(): string {
  const text = readFileSync(fileURLToPath(new URL('../../wrangler.toml', import.meta.url)), 'utf8');
  const found = /^compatibility_date = "([0-9-]+)"$/m.exec(text)?.[1];
  if (found === undefined) throw new Error('wrangler.toml has no compatibility_date');
  return found;
}
