/** A page in a real browser: subprotocols are all that it can send, and close codes all that it can read. */
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CuttingProxy } from '../support/cutting-proxy.ts';
import { freePort, type ParleyProcess, startParley } from '../support/parley-process.ts';
import { untilEnded } from '../support/rest.ts';

const EXECUTABLE = '/usr/bin/chromium';
const isThere = existsSync(EXECUTABLE);
if (!isThere) {
  if (process.env['PARLEY_REQUIRE_CHROMIUM'] === '1') throw new Error(`no ${EXECUTABLE}`);
  console.warn(`skipped: there is no ${EXECUTABLE}; Debian's package chromium brings it`);
}

let parley: ParleyProcess;
let browser: Browser;
let pages: { readonly server: Server; readonly origin: string };

beforeAll(async () => {
  if (!isThere) return;
  const port = await freePort();
  const server = createServer((request, response) => {
    // The client class as `npm run build` made it.
    const [, file] = /^\/client\/([a-z-]+\.js)$/.exec(request.url ?? '') ?? [];
    if (file !== undefined) {
      response.setHeader('content-type', 'text/javascript');
      response.end(readFileSync(new URL(`../../dist/client/${file}`, import.meta.url)));
      return;
    }
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>page</title>');
  });
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve);
  });
  pages = { server, origin: `http://127.0.0.1:${port}` };
  parley = await startParley({ env: { PARLEY_ALLOWED_ORIGINS: pages.origin } });
  browser = await chromium.launch({
    executablePath: EXECUTABLE,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
});
afterAll(async () => {
  if (!isThere) return;
  await browser.close();
  pages.server.close();
  await parley.stop();
});

interface Heard {
  readonly protocol: string;
  readonly types: string[];
  readonly code: number;
  readonly reason: string;
}

/** One text turn in the page; resolves when its socket is closed. */
function turn(page: Page, url: string, protocols: string[]): Promise<Heard> {
  return page.evaluate(
    ([address, offered]) =>
      new Promise<Heard>((resolve) => {
        const socket = new WebSocket(address, offered);
        const types: string[] = [];
        socket.addEventListener('message', ({ data }) => {
          const event = JSON.parse(String(data)) as { type: string; error?: { code: string } };
          types.push(event.error?.code ?? event.type);
          if (event.type === 'session.created') {
            const content = [{ type: 'input_text', text: 'hi' }];
            socket.send(
              JSON.stringify({
                type: 'conversation.item.create',
                item: { type: 'message', role: 'user', content },
              }),
            );
            socket.send(
              JSON.stringify({ type: 'response.create', response: { output_modalities: ['text'] } }),
            );
          }
          if (event.type === 'response.done') socket.close(1000, 'done');
        });
        socket.addEventListener('close', ({ code, reason }) =>
          resolve({ protocol: socket.protocol, types, code, reason }),
        );
      }),
    [url, protocols] as const,
  );
}

describe.skipIf(!isThere)('P2 a browser', () => {
  it('P2 takes a whole turn, with the token as a subprotocol', async () => {
    const page = await browser.newPage();
    await page.goto(pages.origin);
    const key = `openai-insecure-api-key.${parley.token}`;
    const heard = await turn(page, `${parley.ws}/v1/acct/browser/openai?model=sim-support`, [
      'realtime',
      key,
    ]);
    expect(heard).toMatchObject({ protocol: 'realtime', code: 1000 });
    expect(heard.types).toContain('response.done');
    expect((await untilEnded(parley, 'acct/browser')).turns).toHaveLength(1);
  });

  it('P2 works when the credential is all that is offered', async () => {
    const page = await browser.newPage();
    await page.goto(pages.origin);
    const only = `cf-aig-authorization.${parley.token}`;
    const heard = await turn(page, `${parley.ws}/v1/acct/browser2/openai?model=sim-support`, [only]);
    expect(heard).toMatchObject({ protocol: only, code: 1000 });
  });

  it('P5 loads the built client as it is, and comes back with it over a cut', async () => {
    const proxy = await CuttingProxy.listen(Number(new URL(parley.http).port));
    const page = await browser.newPage();
    await page.goto(pages.origin);
    await page.exposeFunction('cut', () => proxy.cut());
    await page.addScriptTag({
      type: 'module',
      content:
        "import { ParleyWebSocket } from '/client/parley-websocket.js'; Object.assign(globalThis, { ParleyWebSocket });",
    });
    await page.waitForFunction(() => 'ParleyWebSocket' in globalThis);
    const url = `${proxy.ws}/v1/acct/browser3/simulator?model=sim-support&latency_ms=0&speed=50`;
    const types = await page.evaluate(
      ([address, token]) => {
        // What the page has is what is built of client/parley-websocket.ts.
        const { ParleyWebSocket } =
          globalThis as unknown as typeof import('../../client/parley-websocket.ts');
        const socket = new ParleyWebSocket(address, ['realtime', `cf-aig-authorization.${token}`]);
        const seen: string[] = [];
        return new Promise<string[]>((resolve) => {
          socket.addEventListener('message', (message) => {
            const { type } = JSON.parse(String((message as MessageEvent).data)) as { type: string };
            seen.push(type);
            if (type === 'session.created') socket.send('{"type":"response.create"}');
            if (type === 'response.created') (globalThis as unknown as { cut(): void }).cut();
            if (type === 'response.done') socket.close(1000);
          });
          socket.addEventListener('close', (event) => resolve([...seen, String((event as CloseEvent).code)]));
        });
      },
      [url, parley.token] as const,
    );
    proxy.close();
    for (const once of ['session.created', 'response.created', 'response.done', '1000'])
      expect(types.filter((type) => type === once)).toEqual([once]);
  });

  it('S-07 reads why it is refused: a bad token, an origin that is not allowed', async () => {
    const page = await browser.newPage();
    await page.goto(pages.origin);
    const url = `${parley.ws}/v1/acct/gw/openai?model=sim-support`;
    const bad = await turn(page, url, ['realtime', 'cf-aig-authorization.not-the-token']);
    expect(bad).toMatchObject({ types: ['bad_token'], code: 4401 });
    expect(bad.reason).toContain('bad_token');
    await page.goto(pages.origin.replace('127.0.0.1', 'localhost'));
    const foreign = await turn(page, url, ['realtime', `cf-aig-authorization.${parley.token}`]);
    expect(foreign).toMatchObject({ types: ['origin_not_allowed'], code: 4403 });
  });
});
