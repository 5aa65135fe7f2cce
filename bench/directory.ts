/**
 * How long the directory of a gateway with many sessions takes to answer: pages, filters, usage, over HTTP on plain
 * workerd. `node bench/directory.ts [sessions]`, 100,000 without; build first.
 *
 * The rows are written straight into the directory's database file, by the code that writes them in the object.
 */
import { globSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { DatabaseSync } from 'node:sqlite';
import { NO_SUMS } from '../protocol/usage-sums.ts';
import { DirectoryStore } from '../storage/directory-store.ts';
import { startParley } from '../test/support/parley-process.ts';
import { databaseIn } from '../test/support/sqlite.ts';
import { summaryWith } from '../test/support/summary.ts';

const GATEWAY = '/v1/bench/directory';
const LOGS = '/client/v4/accounts/bench/ai-gateway/gateways/directory/logs';
const ROUNDS = 30;
const DAYS = 29;
const PROVIDERS = ['openai', 'google', 'deepgram', 'cartesia', 'elevenlabs'];
const REASONS = ['client_closed', 'upstream_closed', 'grace_over', 'client_lost'];

const sessions = Number(process.argv[2] ?? 100_000);
const dataDir = mkdtempSync(`${tmpdir()}/parley-directory-`);
try {
  const first = await startParley({ dataDir });
  await ask(first.http, first.token, `${GATEWAY}/sessions`);
  await first.stop();
  const seconds = fill();
  console.log(`${sessions} sessions, written in ${seconds.toFixed(1)} s\n`);
  await measure();
} finally {
  rmSync(dataDir, { recursive: true, force: true });
}

/** One of the directory's objects exists by now: that of our gateway. */
function fill(): number {
  const [file] = globSync(`${dataDir}/objects/*[Dd]irectory*/*.sqlite`).filter(
    (name) => !name.includes('metadata'),
  );
  if (file === undefined) throw new Error(`no directory's database in ${dataDir}`);
  const database = new DatabaseSync(file);
  const store = new DirectoryStore(databaseIn(database));
  const startedAt = performance.now();
  const end = Date.now();
  database.exec('BEGIN');
  for (let n = 0; n < sessions; n += 1) {
    const at = Math.floor(end - ((sessions - n) / sessions) * DAYS * 86_400_000);
    const rare = n === Math.floor(sessions / 50);
    store.put(
      summaryWith(crypto.randomUUID(), {
        status: n < sessions - 100 ? 'ended' : 'live',
        provider: rare ? 'azure-openai' : (PROVIDERS[n % PROVIDERS.length] ?? ''),
        model: rare ? 'rare-model' : `model-${n % 12}`,
        startedAt: at,
        endedAt: n < sessions - 100 ? at + 180_000 : null,
        endedReason: rare ? 'upstream_silent' : (REASONS[n % REASONS.length] ?? ''),
        tokens: 1_000 + (n % 977),
        costNano: 1_000_000 * (n % 977),
        metadata: rare ? { team: 'needle', plan: 'free' } : { team: `team-${n % 50}`, user: n, plan: 'pro' },
        sums: {
          ...NO_SUMS,
          turns: n % 9,
          reports: 1,
          input_audio: n % 977,
          output_audio: 1_000,
          duration_ms: 180_000,
        },
        revision: 3,
      }),
    );
  }
  database.exec('COMMIT');
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  database.close();
  console.log(`${Math.round(statSync(file).size / sessions)} bytes on disk for each session`);
  return (performance.now() - startedAt) / 1000;
}

async function measure(): Promise<void> {
  const parley = await startParley({ dataDir });
  const middle = new Date(Date.now() - (DAYS / 2) * 86_400_000).toISOString();
  const month = new Date(Date.now() - 30 * 86_400_000).toISOString();
  const queries: readonly (readonly [string, string])[] = [
    ['first page', `${GATEWAY}/sessions?limit=100`],
    ['from the middle on', `${GATEWAY}/sessions?limit=100&until=${middle}`],
    ['status=live', `${GATEWAY}/sessions?limit=100&status=live`],
    ['provider, one in five', `${GATEWAY}/sessions?limit=100&provider=openai`],
    ['provider, one of all', `${GATEWAY}/sessions?limit=100&provider=azure-openai`],
    ['model, one of all', `${GATEWAY}/sessions?limit=100&model=rare-model`],
    ['model, none', `${GATEWAY}/sessions?limit=100&model=no-such-model`],
    ['ended_reason, one of all', `${GATEWAY}/sessions?limit=100&ended_reason=upstream_silent`],
    ['tag, one in fifty', `${GATEWAY}/sessions?limit=100&metadata.team=team-7`],
    ['tag, one of all', `${GATEWAY}/sessions?limit=100&metadata.team=needle`],
    ['tag, none', `${GATEWAY}/sessions?limit=100&metadata.team=nobody`],
    [
      'two tags and a provider',
      `${GATEWAY}/sessions?limit=100&metadata.team=needle&metadata.plan=free&provider=x`,
    ],
    ['min_cost, none', `${GATEWAY}/sessions?limit=100&min_cost=1000`],
    ['usage by provider', `${GATEWAY}/usage?group_by=provider&since=${month}`],
    ['usage by hour', `${GATEWAY}/usage?group_by=hour&since=${month}`],
    ['usage by tag', `${GATEWAY}/usage?group_by=metadata.team&since=${month}`],
    [
      'usage by tag, one day',
      `${GATEWAY}/usage?group_by=metadata.team&since=${new Date(Date.now() - 86_400_000).toISOString()}`,
    ],
    ['metrics', `${GATEWAY}/metrics`],
    ['Cloudflare logs, first page', `${LOGS}?per_page=50`],
    ['Cloudflare logs, filtered', `${LOGS}?per_page=50&provider=azure-openai&meta_info=true`],
  ];
  console.log('| Query | p50 ms | worst ms |\n|---|---|---|');
  for (const [name, path] of queries) {
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const startedAt = performance.now();
      await ask(parley.http, parley.token, path);
      times.push(performance.now() - startedAt);
    }
    times.sort((a, b) => a - b);
    console.log(`| ${name} | ${times[ROUNDS / 2]?.toFixed(1)} | ${times.at(-1)?.toFixed(1)} |`);
  }
  await parley.stop();
}

async function ask(http: string, token: string, path: string): Promise<void> {
  const answer = await fetch(http + path, { headers: { authorization: `Bearer ${token}` } });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text.slice(0, 200)}`);
}
