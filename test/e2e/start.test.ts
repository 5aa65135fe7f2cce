/** `npm start`, as it is for whoever runs it the first time, and the tenth. */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connected } from '../support/client.ts';
import { workerdOf } from '../../scripts/start/data-dir.ts';
import { foreignEnvironment, freePort, startParley } from '../support/parley-process.ts';
import { eventsOf, sessionOf, sessionsOf } from '../support/rest.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
let dir = '';

beforeAll(() => {
  dir = mkdtempSync(`${tmpdir()}/parley-start-`);
});
afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

/** Starts it with a mistake; resolves with what it says. */
async function failing(env: Record<string, string>): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [`${ROOT}scripts/start.ts`], {
    env: {
      ...process.env,
      PORT: String(await freePort()),
      TLS_PORT: String(await freePort()),
      PARLEY_DATA_DIR: `${dir}/failing`,
      PARLEY_DEV_VARS: `${dir}/failing.vars`,
      PARLEY_SKIP_BUILD: '1',
      ...env,
    },
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, output };
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A process that ended stays in the table until its new parent looks.
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

describe('npm start', () => {
  it('tells of each thing it listens on, makes a token once, and keeps it to its owner', async () => {
    const dataDir = `${dir}/first`;
    const first = await startParley({ dataDir, env: { PARLEY_ADMIN_TOKEN: '' } });
    for (const line of [first.http, first.https, 'ws://', 'no OPENAI_API_KEY', 'made now', 'npm run demo']) {
      expect(first.output()).toContain(line);
    }
    const vars = readFileSync(`${dataDir}/dev.vars`, 'utf8');
    const token = /^PARLEY_ADMIN_TOKEN=(.{43})$/m.exec(vars)?.[1] ?? '';
    expect(first.output()).toContain(token);
    expect(statSync(`${dataDir}/dev.vars`).mode & 0o777).toBe(0o600);
    expect(statSync(`${dataDir}/tls/key.pem`).mode & 0o777).toBe(0o600);
    expect(readFileSync(`${dataDir}/workerd.capnp`, 'utf8')).not.toContain(token);
    const certificate = readFileSync(first.certFile, 'utf8');
    expect(await sessionsOf({ http: first.http, token }, 'a/b')).toEqual([]);
    expect(await first.stop()).toBe(0);

    const second = await startParley({ dataDir, env: { PARLEY_ADMIN_TOKEN: '' } });
    expect(second.output()).not.toContain(token);
    expect(readFileSync(second.certFile, 'utf8')).toBe(certificate);
    expect(await sessionsOf({ http: second.http, token }, 'a/b')).toEqual([]);
    expect(await second.stop('SIGINT')).toBe(0);
  });

  it('P3 stops within 20 s with the log of live sessions flushed, and a restart has them all', async () => {
    const dataDir = `${dir}/restart`;
    const first = await startParley({ dataDir });
    const client = await connected(first, { query: 'model=sim-support' });
    await new Promise((resolve) => {
      client.socket.once('message', resolve);
      client.socket.send('{"type":"input_audio_buffer.clear"}');
    });
    const startedAt = Date.now();
    expect(await first.stop()).toBe(0);
    expect(Date.now() - startedAt).toBeLessThan(20_000);
    expect(await client.closed).toMatchObject({ code: 1012 });
    const second = await startParley({ dataDir });
    expect(await sessionOf(second, 'acct/gw', client.id)).toMatchObject({
      status: 'ended',
      ended_reason: 'restarting',
    });
    const types = (await eventsOf(second, 'acct/gw', client.id)).map(
      ({ text }) => /"type":"([a-z_.]+)"/.exec(text ?? '')?.[1],
    );
    expect(types).toContain('session.created');
    expect(types).toContain('input_audio_buffer.clear');
    expect(await sessionsOf(second, 'acct/gw')).toHaveLength(1);
    await second.stop();
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'P3 a %s to npm stops it too: npm has a shell in between, which passes no signal on',
    async (signal) => {
      const dataDir = `${dir}/by-npm-${signal}`;
      const [port, tlsPort] = [await freePort(), await freePort()];
      const npm = spawn('npm', ['start'], {
        cwd: ROOT,
        env: {
          ...foreignEnvironment(),
          PORT: String(port),
          TLS_PORT: String(tlsPort),
          PARLEY_DATA_DIR: dataDir,
          PARLEY_DEV_VARS: `${dataDir}.vars`,
          PARLEY_SKIP_BUILD: '1',
        },
      });
      let output = '';
      const ended = new Promise<number | null>((resolve) => npm.on('exit', resolve));
      npm.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
      await expect.poll(() => output).toContain('npm run demo');
      const workerd = workerdOf(dataDir) ?? 0;
      npm.kill(signal);
      if (signal === 'SIGTERM')
        expect([await ended, output]).toEqual([0, expect.stringContaining('stopped')]);
      await expect.poll(() => isRunning(workerd)).toBe(false);
      await expect.poll(() => existsSync(`${dataDir}/parley.pid`)).toBe(false);
    },
  );

  it('a port in use is a sentence that says what to do', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? String(address.port) : '';
    const { code, output } = await failing({ PORT: port });
    server.close();
    expect([code, output]).toEqual([1, expect.stringMatching(new RegExp(`Port ${port} is in use .*PORT=`))]);
  });

  it('so is a data directory that cannot be written, or is taken', async () => {
    writeFileSync(`${dir}/a-file`, '');
    const unwritable = await failing({ PARLEY_DATA_DIR: `${dir}/a-file` });
    expect([unwritable.code, unwritable.output]).toEqual([1, expect.stringContaining('PARLEY_DATA_DIR')]);
    const taken = await startParley({ dataDir: `${dir}/taken` });
    const second = await failing({ PARLEY_DATA_DIR: `${dir}/taken` });
    expect([second.code, second.output]).toEqual([1, expect.stringContaining('Another Parley')]);
    expect(existsSync(`${dir}/taken/parley.pid`)).toBe(true);
    await taken.stop();
  });

  it.each([
    ['PORT', 'eighty', 'PORT is'],
    ['PARLEY_LOG', 'everything', 'PARLEY_LOG must be full, metadata or none'],
    ['PARLEY_MAX_CLIENTS', '0', 'PARLEY_MAX_CLIENTS must be a whole number from 1'],
    ['PARLEY_ALLOWED_ORIGINS', 'app.example', 'PARLEY_ALLOWED_ORIGINS must be exact origins'],
    ['PARLEY_ADMIN_TOKEN', 'short', 'PARLEY_ADMIN_TOKEN must have at least 16'],
    ['HOST', '203.0.113.7', 'Set HOST'],
  ])('so is a bad setting: %s=%s', async (name, value, sentence) => {
    const { code, output } = await failing({ [name]: value });
    expect([code, output]).toEqual([1, expect.stringContaining(sentence)]);
    expect(output).not.toContain('    at ');
  });

  it('leaves no workerd behind when it is killed itself, and starts again at once', async () => {
    const dataDir = `${dir}/killed`;
    const killed = await startParley({ dataDir });
    process.kill(killed.pid, 'SIGKILL');
    await expect.poll(() => isRunning(killed.workerdPid)).toBe(false);
    const again = await startParley({ dataDir });
    expect(await again.stop()).toBe(0);
  });

  it('closed with its terminal, stops as with Ctrl-C', async () => {
    const parley = await startParley({ dataDir: `${dir}/hangup` });
    expect(await parley.stop('SIGHUP')).toBe(0);
    expect(parley.output()).toContain('stopped');
    expect(isRunning(parley.workerdPid)).toBe(false);
  });

  it('says so when workerd dies by itself, and gives the data directory back', async () => {
    const parley = await startParley({ dataDir: `${dir}/dies` });
    process.kill(parley.workerdPid, 'SIGKILL');
    expect(await parley.exited).toBe(1);
    expect(parley.output()).toContain('workerd stopped by itself');
    chmodSync(`${dir}/dies`, 0o700);
    const again = await startParley({ dataDir: `${dir}/dies` });
    expect(await again.stop()).toBe(0);
  });
});
