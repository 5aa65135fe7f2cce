/**
 * Parley as `npm start` serves it, but for its recorder: before each write that one asks the test, which lets it wait,
 * fail, or go on. The Worker is the built one; a module of the test's own stands in front of it.
 */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { eventually } from './eventually.ts';
import { type ParleyProcess, startParley } from './parley-process.ts';

// The package has no types of its own; its module exports the path of the native program.
const { default: workerd } = createRequire(import.meta.url)('workerd') as { readonly default: string };

export type Mood = 'works' | 'fails' | 'waits' | { readonly slowMs: number };

export interface HeldRecorder extends Pick<ParleyProcess, 'http' | 'ws' | 'token'> {
  /** How writes are answered from now on; those that wait get it too. */
  set(mood: Mood): void;
  /** Writes that were asked for so far. */
  readonly writes: number;
  stop(): Promise<void>;
}

export async function startHeldRecorder(
  env: Readonly<Record<string, string>>,
  dataDir: string,
): Promise<HeldRecorder> {
  // A first start leaves a configuration, and a certificate.
  const first = await startParley({ env, dataDir });
  await first.stop();
  const control = new Control();
  const config = `${dataDir}/held.capnp`;
  writeFileSync(`${dataDir}/held.js`, moduleText(await control.listen()));
  const original = readFileSync(`${dataDir}/workerd.capnp`, 'utf8');
  const held = original.replace(
    'modules = [',
    'modules = [ ( name = "held.js", esModule = embed "held.js" ),',
  );
  if (held === original) throw new Error('the configuration of npm start has no modules');
  writeFileSync(config, held);
  const child = spawn(workerd, ['serve', config, '--directory-path', `objects=${dataDir}/objects`], {
    stdio: 'ignore',
    env: { PATH: process.env['PATH'], ...env, PARLEY_ADMIN_TOKEN: first.token },
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  await eventually('workerd answers', () =>
    fetch(`${first.http}/readyz`).then(
      ({ ok }) => ok || null,
      () => null,
    ),
  );
  return {
    http: first.http,
    ws: first.ws,
    token: first.token,
    set: (mood) => control.set(mood),
    get writes() {
      return control.writes;
    },
    stop: async () => {
      child.kill('SIGKILL');
      await exited;
      control.close();
    },
  };
}

function moduleText(control: string): string {
  return `import { RecorderObject as Recorder } from "index.js";
export { default, SessionObject, DirectoryObject, SimulatorEntrypoint } from "index.js";
export class RecorderObject extends Recorder {
  async write(entry) {
    const answer = await fetch("${control}");
    if (!answer.ok) throw new Error("the test lets it fail");
    return super.write(entry);
  }
}
`;
}

class Control {
  writes = 0;
  #mood: Mood = 'works';
  #waiting: ServerResponse[] = [];
  readonly #server = createServer((_request, response) => {
    this.writes += 1;
    this.#answer(response);
  });

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('not listening');
    return `http://127.0.0.1:${address.port}/`;
  }

  set(mood: Mood): void {
    this.#mood = mood;
    for (const response of this.#waiting.splice(0)) this.#answer(response);
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #answer(response: ServerResponse): void {
    if (this.#mood === 'waits') this.#waiting.push(response);
    else if (typeof this.#mood === 'object') setTimeout(() => response.end(), this.#mood.slowMs);
    else response.writeHead(this.#mood === 'fails' ? 500 : 200).end();
  }
}
