/** The configuration that workerd serves from. It holds no secret: those reach workerd by its environment. */
import { dirname, relative } from 'node:path';
import { CUSTOM_PREFIX } from '../../protocol/custom-providers.ts';
import { DRAINABLE, SIMULATED_BASE_URL } from '../../protocol/settings.ts';
import type { Certificate } from './certificate.ts';
import { providersOf } from '../../providers/registry.ts';
import { type StartOptions, workerSettings } from './options.ts';
import type { WranglerConfig } from './wrangler-config.ts';

export interface Served {
  readonly options: Pick<StartOptions, 'host' | 'port' | 'tlsPort' | 'values'>;
  /** The built Worker. */
  readonly bundle: string;
  readonly tls: Certificate;
  readonly wrangler: WranglerConfig;
}

/** @param file where the configuration will be: capnp resolves what it embeds from there */
export function workerdConfig(file: string, { options, bundle, tls, wrangler }: Served): string {
  const embed = (path: string) => `embed ${q(relative(dirname(file), path))}`;
  const objects = wrangler.durable_objects.bindings;
  const bindings = [
    ...objects.map(
      ({ name, class_name }) => `( name = ${q(name)}, durableObjectNamespace = ${q(class_name)} )`,
    ),
    `( name = ${q(DRAINABLE)}, text = "by npm start" )`,
    ...workerSettings(options.values).map((name) => `( name = ${q(name)}, fromEnvironment = ${q(name)} )`),
  ];
  // The folder of an object's data is named after its unique key: changing one would orphan all data.
  const namespaces = objects.map(
    ({ class_name }) =>
      `( className = ${q(class_name)}, uniqueKey = ${q(`parley-${class_name}`)}, enableSql = true )`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    ( name = "parley", worker = .parley ),
    ( name = "internet", network = ( allow = [${networks(options).map(q).join(', ')}], tlsOptions = ( trustBrowserCas = true ) ) ),
    ( name = "objects", disk = ( writable = true ) ),
  ],
  sockets = [
    ( name = "http", address = ${q(address(options.host, options.port))}, http = (), service = "parley" ),
    ( name = "https", address = ${q(address(options.host, options.tlsPort))}, service = "parley", https = (
      options = (),
      tlsOptions = ( keypair = ( privateKey = ${embed(tls.keyFile)}, certificateChain = ${embed(tls.certFile)} ) ),
    ) ),
  ],
);
const parley :Workerd.Worker = (
  modules = [ ( name = "index.js", esModule = ${embed(bundle)} ) ],
  compatibilityDate = ${q(wrangler.compatibility_date)},
  compatibilityFlags = [${wrangler.compatibility_flags.map(q).join(', ')}],
  bindings = [
    ${bindings.join(',\n    ')}
  ],
  durableObjectNamespaces = [
    ${namespaces.join(',\n    ')}
  ],
  durableObjectStorage = ( localDisk = "objects" ),
);
`;
}

/** Settings that name servers of the operator's own. */
const OPERATORS_SERVERS = [
  'PARLEY_WEBHOOKS',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
];

/**
 * Request forgery: nothing on this machine or its network can be dialled, unless the operator points something
 * there by a setting: a provider, webhooks, or the collector of traces.
 */
function networks({ values }: Pick<StartOptions, 'values'>): readonly string[] {
  const pointed = providersOf(values).some(({ id, settings }) => {
    // The address of a custom provider is the operator's own already.
    const address =
      values[settings.baseUrl] ?? (id.startsWith(CUSTOM_PREFIX) ? settings.defaultBaseUrl : null);
    return address !== null && address !== SIMULATED_BASE_URL;
  });
  const told = OPERATORS_SERVERS.some((name) => values[name] !== undefined);
  return pointed || told ? ['public', 'private'] : ['public'];
}

function address(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A capnp string literal. */
function q(text: string): string {
  return JSON.stringify(text);
}
