/** What may be asked of the REST API, and what is refused. */
import { describe, expect, it } from 'vitest';
import { ROUTES } from '../../worker/routes.ts';
import { asAdmin, errorOf, open } from './parley.ts';

const SIMULATOR = '/v1/acct/gw/simulator?model=gpt-realtime&speed=50';

const LOGS = '/client/v4/accounts/acct/ai-gateway/gateways/gw/logs';
const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';

/** What is read of a gateway, but for what other APIs have the say of. */
const READS = ROUTES.filter(
  ({ method, path, access }) => method === 'GET' && access !== 'upgrade' && path.startsWith('/v1/:account'),
).map(({ path }) => path);

/** The path of a session that is over. */
async function endedSession(): Promise<string> {
  const client = await open(SIMULATOR);
  const path = `/v1/acct/gw/sessions/${client.response.headers.get('parley-session-id')}`;
  await client.next();
  await asAdmin(`${path}/end`, { method: 'POST' });
  return path;
}

describe('P10 queries', () => {
  it('P3 a parameter that there is not is refused with the nearest one, and as a problem when asked so', async () => {
    const path = await endedSession();
    const wrong = await asAdmin(`${path}/events?directoin=up`, {
      headers: { accept: 'application/problem+json' },
    });
    expect([wrong.status, wrong.headers.get('content-type')]).toEqual([400, 'application/problem+json']);
    const problem: { detail: string; status: number; title: string } = await wrong.json();
    expect(problem).toMatchObject({ status: 400, title: 'invalid_request' });
    expect(problem.detail).toContain("no parameter 'directoin'; perhaps direction");
    for (const name of ['transcript', 'turns', 'usage', 'participants', 'digest']) {
      const response = await asAdmin(`${path}/${name}?x=1`);
      expect([name, response.status, await errorOf(response)]).toEqual([name, 400, 'invalid_request']);
    }
    const nobody = await asAdmin('/v1/acct/gw/sessions/none/transcript.vtt');
    expect([nobody.status, await errorOf(nobody)]).toEqual([404, 'session_not_found']);
  });

  it('P3 a parameter is refused wherever there is none, and one that is given twice; a range that is none, too', async () => {
    const path = await endedSession();
    const id = path.slice(path.lastIndexOf('/') + 1);
    for (const route of READS) {
      const url = route.replace(':account', 'acct').replace(':gateway', 'gw').replace(':session', id);
      const response = await asAdmin(`${url.replace('.:suffix?', '')}?nonsense=1`);
      expect([route, response.status, await errorOf(response)]).toEqual([route, 400, 'invalid_request']);
    }
    for (const wrong of ['events?limit=1&limit=2', 'events?after=3&before=3', 'replay?from=2&to=1'])
      expect([wrong, (await asAdmin(`${path}/${wrong}`)).status]).toEqual([wrong, 400]);
    expect((await asAdmin(`${path}/replay?speed=1000&from=1&to=1`)).status).toBe(200);
    const [early, late] = ['2026-01-01T00:00:00Z', '2026-01-01T00:00:00.001Z'];
    for (const list of ['sessions', 'usage'])
      for (const [since, until, status] of [
        [late, early, 400],
        [late, late, 200],
        [early, late, 200],
      ] as const) {
        const answer = await asAdmin(`/v1/acct/gw/${list}?since=${since}&until=${until}`);
        expect([list, since, until, answer.status]).toEqual([list, since, until, status]);
      }
    // As Cloudflare's own does.
    const logs = await asAdmin(`${LOGS}?start_date=${late}&end_date=${early}`);
    expect(await logs.json()).toMatchObject({ result: [] });
  });

  it('P3 whoever takes no JSON is told so wherever a gateway is read; browsers, curl and who says nothing are answered', async () => {
    const path = await endedSession();
    const id = path.slice(path.lastIndexOf('/') + 1);
    const chosenByName = ['/metrics', '.wav', '.har', '.zip'];
    for (const route of READS.filter((each) => !chosenByName.some((name) => each.endsWith(name)))) {
      const url = route.replace(':account', 'acct').replace(':gateway', 'gw').replace(':session', id);
      const bare = url.replace('.:suffix?', '');
      const refused = await asAdmin(bare, { headers: { accept: 'image/png, text/csv' } });
      expect([route, refused.status, await errorOf(refused)]).toEqual([route, 406, 'not_acceptable']);
      if (route.endsWith('/replay')) continue;
      for (const accept of [
        null,
        '*/*',
        BROWSER,
        'application/problem+json',
        'application/json; charset=utf-8',
      ]) {
        const answer = await asAdmin(bare, accept === null ? {} : { headers: { accept } });
        await answer.body?.cancel();
        expect([route, accept, answer.status]).not.toEqual([route, accept, 406]);
      }
    }
    for (const lenient of [LOGS, `${path}/export.har`, `${path}/export.zip`, '/v1/acct/gw/metrics']) {
      const answer = await asAdmin(lenient, { headers: { accept: 'image/png' } });
      await answer.body?.cancel();
      expect([lenient, answer.status]).toEqual([lenient, 200]);
    }
  });

  it('P3 what is mistyped below a session is not found, and no WebSocket', async () => {
    const path = await endedSession();
    for (const wrong of [`${path}/event`, `${path}/audio.mp3`, '/v1/acct/gw/settings/log']) {
      const response = await asAdmin(wrong);
      expect([wrong, response.status, await errorOf(response)]).toEqual([wrong, 404, 'not_found']);
    }
    const provider = await asAdmin('/v1/acct/gw/opnai');
    expect([provider.status, await errorOf(provider)]).toEqual([404, 'unknown_provider']);
  });

  it('P10 tags that are a list are refused, not named by their numbers; so are names that would be left out', async () => {
    for (const [tags, status] of [
      ['["red"]', 400],
      ['{"__proto__":1}', 400],
      ['{"team":"red","constructor":1}', 400],
      ['{"prototype":"x"}', 400],
      ['{"team":"red"}', 101],
    ] as const) {
      const headers = { upgrade: 'websocket', 'cf-aig-metadata': tags };
      const answer = await asAdmin('/v1/acct/gw/simulator?model=sim-support', { headers });
      expect(answer.status).toBe(status);
      answer.webSocket?.accept();
      answer.webSocket?.close(1000);
    }
  });

  it('P10 in a body tags are refused in the same way, and it is said which', async () => {
    const path = await endedSession();
    for (const [tags, why] of [
      ['["red"]', 'metadata is a list'],
      ['{"__proto__":1}', "metadata: '__proto__' cannot be a name"],
      ['{"team":"red","constructor":1}', "metadata: 'constructor' cannot be a name"],
    ] as const) {
      const sent: readonly (readonly [string, RequestInit])[] = [
        [path, { method: 'PATCH', body: `{"metadata":${tags}}` }],
        ['/v1/acct/gw/sessions', { method: 'POST', body: `{"provider":"simulator","metadata":${tags}}` }],
        [`${path}/redrive`, { method: 'POST', body: `{"metadata":${tags}}` }],
      ];
      for (const [url, init] of sent) {
        const answer = await asAdmin(url, init);
        expect([url, answer.status]).toEqual([url, 400]);
        expect(await answer.text()).toContain(why);
      }
    }
    const cleared = await asAdmin(path, { method: 'PATCH', body: '{"metadata":null}' });
    expect(cleared.status).toBe(200);
  });

  it('P10 a parameter that comes twice is refused, by whichever API: which of the two was meant nobody knows', async () => {
    for (const path of ['/v1/acct/gw/sessions', LOGS]) {
      expect((await asAdmin(`${path}?provider=openai`)).status).toBe(200);
      const twice = await asAdmin(`${path}?provider=openai&provider=google`);
      expect([twice.status, await errorOf(twice)]).toEqual([400, 'invalid_request']);
    }
  });
});
