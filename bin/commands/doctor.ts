/** Looks over this machine and the deployment: one line for each thing, with what to do about it. */
import { existsSync } from 'node:fs';
import { connect } from 'node:tls';
import { parseArgs, styleText } from 'node:util';
import { parseSettings } from '../../protocol/settings.ts';
import { readSettingsFile } from '../../scripts/start/settings-file.ts';
import {
  call,
  CONNECTION_OPTIONS,
  connectionOf,
  type Connection,
  numberOf,
  reasonOf,
} from '../connection.ts';
import { CallError, UsageError } from '../usage-error.ts';

type Finding = { readonly ok: boolean; readonly what: string; readonly remedy?: string };

const LEAST_NODE = [22, 12] as const;
/** Tokens are good for a time, by two clocks. */
const MOST_SKEW_MS = 30_000;
const TLS_WAIT_MS = 3000;
const TLS_PORT = 8788;
const LAST_PORT = 65_535;

export const DOCTOR = {
  usage: 'doctor [--tls-port 8788]',
  about: 'looks over this machine and the deployment, and says what to mend',
  run: async (args: readonly string[]): Promise<void> => {
    const { values } = parseArgs({
      args: [...args],
      options: { ...CONNECTION_OPTIONS, 'tls-port': { type: 'string' } },
    });
    const tlsPort = numberOf('tls-port', values['tls-port'] ?? String(TLS_PORT));
    if (!Number.isInteger(tlsPort) || tlsPort < 1 || tlsPort > LAST_PORT)
      throw new UsageError(`--tls-port must be a port, from 1 to ${LAST_PORT}.`);
    const findings = [node(), ...settings()];
    const connection = connectionOf(values);
    const health = await answers(connection);
    findings.push(health);
    if (health.ok) {
      findings.push(await readiness(connection), await credential(connection), await clock(connection));
      const { hostname } = new URL(connection.url);
      if (hostname === '127.0.0.1' || hostname === 'localhost')
        findings.push(await trusted(hostname, tlsPort));
    }
    for (const { ok, what, remedy } of findings) {
      const sign = ok ? styleText('green', '✓') : styleText('red', '✕');
      process.stdout.write(`${sign} ${what}${remedy === undefined ? '' : `\n    ${remedy}`}\n`);
    }
    const wrong = findings.filter(({ ok }) => !ok).length;
    if (wrong > 0) throw new CallError(`${wrong} of ${findings.length} want mending.`);
  },
};

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const ok = major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1]);
  const what = `Node ${process.versions.node}`;
  return ok
    ? { ok, what }
    : { ok, what, remedy: `The tools need ${LEAST_NODE.join('.')}: run them by npm, which has its own.` };
}

function settings(): readonly Finding[] {
  const file = process.env['PARLEY_DEV_VARS'] ?? '.dev.vars';
  if (!existsSync(file)) return [{ ok: true, what: `${file} is not there: npm start makes it` }];
  try {
    const values = readSettingsFile(file);
    const parsed = parseSettings(values);
    if (!parsed.ok) return parsed.problems.map((problem) => ({ ok: false, what: `${file}: ${problem}` }));
    return [{ ok: true, what: `${file} can be read: ${Object.keys(values).join(', ')}` }];
  } catch (error) {
    return [{ ok: false, what: `${file} cannot be read`, remedy: reasonOf(error) }];
  }
}

async function answers({ url }: Connection): Promise<Finding> {
  try {
    const { ok, status } = await head(`${url}/healthz`);
    return ok
      ? { ok, what: `${url} answers` }
      : {
          ok,
          what: `${url} answers HTTP ${status}`,
          remedy: 'Is that Parley? Give --url, or set PARLEY_URL.',
        };
  } catch (error) {
    return {
      ok: false,
      what: `${url} does not answer`,
      remedy: `${reasonOf(error)}. Run npm start, or give --url.`,
    };
  }
}

/** The answer without its body: one that nobody reads keeps its connection, and so this process. */
async function head(url: string): Promise<Response> {
  const response = await fetch(url);
  await response.body?.cancel();
  return response;
}

async function readiness({ url }: Connection): Promise<Finding> {
  const answer: unknown = await (await fetch(`${url}/readyz`)).json().catch(() => null);
  if (typeof answer !== 'object' || answer === null || !('ready' in answer))
    return { ok: false, what: `${url} is not Parley`, remedy: 'Give --url, or set PARLEY_URL.' };
  // Our own answer: see /readyz in the API reference.
  const { ready, problems } = answer as { ready: boolean; problems: string[] };
  return ready
    ? { ok: true, what: 'its settings are usable' }
    : { ok: false, what: 'its settings are not usable', remedy: problems.join(' ') };
}

async function credential(connection: Connection): Promise<Finding> {
  try {
    await (await call(connection, '/openapi.json')).body?.cancel();
    return { ok: true, what: 'the token is good' };
  } catch (error) {
    return { ok: false, what: 'the token is not good', remedy: reasonOf(error) };
  }
}

async function clock({ url }: Connection): Promise<Finding> {
  const date = (await head(`${url}/healthz`)).headers.get('date');
  if (date === null) return { ok: true, what: 'the clock cannot be compared: there is no Date header' };
  const skew = Math.abs(Date.parse(date) - Date.now());
  return skew <= MOST_SKEW_MS
    ? { ok: true, what: 'the clocks agree' }
    : {
        ok: false,
        what: `the clocks differ by ${Math.round(skew / 1000)} s`,
        remedy: 'Tokens may not be good yet, or not any more. Set this clock.',
      };
}

/** Official SDKs insist on wss, and trust what Node trusts. */
function trusted(host: string, port: number): Promise<Finding> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: TLS_WAIT_MS, rejectUnauthorized: false }, () => {
      const { authorized } = socket;
      resolve(
        authorized
          ? { ok: true, what: `wss://${host}:${port} is trusted` }
          : {
              ok: true,
              what: `wss://${host}:${port} answers with a certificate that Node does not trust`,
              remedy: 'For SDKs that insist on wss: NODE_EXTRA_CA_CERTS=.parley/tls/cert.pem',
            },
      );
      socket.destroy();
    });
    const failed = (why: string): void => {
      resolve({
        ok: false,
        what: `wss://${host}:${port} does not answer`,
        remedy: `${why}. Give --tls-port when TLS_PORT is another.`,
      });
      socket.destroy();
    };
    socket.on('error', (error) => failed(error.message));
    socket.on('timeout', () => failed('no answer'));
  });
}
