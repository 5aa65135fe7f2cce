/** The configuration that workerd serves from. It holds no secret: those reach workerd by its environment. */
import { dirname, relative } from 'node:path';
import type { Certificate } from './certificate.ts';
import type { StartOptions } from './options.ts';
import { WORKER_SETTINGS } from './options.ts';

const OBJECTS = ['SessionObject', 'RecorderObject', 'DirectoryObject'] as const;
const BINDINGS = {
  SESSION: 'SessionObject',
  RECORDER: 'RecorderObject',
  DIRECTORY: 'DirectoryObject',
} as const;

/**
 * @param file where the configuration will be: capnp resolves what it embeds from there
 * @param bundle the built Worker
 */
export function workerdConfig(
  file: string,
  options: StartOptions,
  bundle: string,
  tls: Certificate,
  compatibilityDate: string,
): string {
  const embed = (path: string) => `embed ${q(relative(dirname(file), path))}`;
  const bindings = [
    ...Object.entries(BINDINGS).map(
      ([name, object]) => `( name = ${q(name)}, durableObjectNamespace = ${q(object)} )`,
    ),
    ...WORKER_SETTINGS.map((name) => `( name = ${q(name)}, fromEnvironment = ${q(name)} )`),
  ];
  // The folder of an object's data is named after its unique key: changing one would orphan all data.
  const namespaces = OBJECTS.map(
    (name) => `( className = ${q(name)}, uniqueKey = ${q(`parley-${name}`)}, enableSql = true )`,
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
  compatibilityDate = ${q(compatibilityDate)},
  compatibilityFlags = ["no_web_socket_compression"],
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

/** Private addresses can be dialled only when the operator points a provider somewhere by its setting. */
function networks({ values }: StartOptions): readonly string[] {
  const pointed = Object.entries(values).some(([name, value]) => name.endsWith('_BASE_URL') && value !== '');
  return pointed ? ['public', 'private'] : ['public'];
}

function address(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A capnp string literal. */
function q(text: string): string {
  return JSON.stringify(text);
}
