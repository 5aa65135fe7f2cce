import { describe, expect, it } from 'vitest';
import type { ConnectRequest } from '../../../providers/adapter.ts';
import { gemini } from '../../../providers/gemini.ts';
import { FRESH } from '../../../providers/gemini-state.ts';
import { vertex } from '../../../providers/gemini-vertex.ts';
import { providerFor } from '../../../providers/registry.ts';

const METHOD = 'ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent';
const VERTEX_METHOD = 'ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent';

const request = (change: Partial<ConnectRequest> = {}): ConnectRequest => ({
  path: '',
  query: [],
  headers: {},
  subprotocols: [],
  baseUrl: 'https://generativelanguage.googleapis.com',
  credential: 'AIza-key',
  ...change,
});

describe('P2 dialling Gemini', () => {
  const url = (change: Partial<ConnectRequest>) => gemini.dial(request(change), FRESH).url;
  const base = 'https://generativelanguage.googleapis.com';

  it('P2 the short form is the v1beta method, and the key goes by the name that Google wants', () => {
    expect(gemini.dial(request({ headers: { 'x-goog-api-client': 'sdk' } }), FRESH)).toEqual({
      url: `${base}/${METHOD}?key=AIza-key`,
      headers: { 'x-goog-api-client': 'sdk' },
      subprotocols: [],
    });
    expect(url({ credential: null })).toBe(`${base}/${METHOD}`);
    expect(url({ credential: 'a b&c' })).toBe(`${base}/${METHOD}?key=a+b%26c`);
  });

  it('P2 native paths go as they are; what asks for the simulator stays here', () => {
    const music = 'ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateMusic';
    const query = [
      ['alt', 'json'],
      ['model', 'sim-support'],
    ] as const;
    expect(url({ path: music, query })).toBe(`${base}/${music}?alt=json&key=AIza-key`);
  });

  it('P2 an ephemeral token goes to the constrained method, as access_token', () => {
    const constrained = METHOD.replace('v1beta', 'v1alpha') + 'Constrained';
    for (const path of ['', METHOD, constrained]) {
      expect(url({ path, credential: 'auth_tokens/abc' })).toBe(
        `${base}/${constrained}?access_token=auth_tokens/abc`,
      );
    }
    const music = 'ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateMusic';
    expect(url({ path: music, credential: 'auth_tokens/abc' })).toContain('BidiGenerateMusic?access_token=');
    // What the SDK makes of a token without an API version: Google is to say what it thinks of it.
    expect(url({ path: `${METHOD}Constrained`, credential: 'auth_tokens/abc' })).toContain('v1beta');
    expect(url({ credential: 'ya29.oauth' })).toBe(`${base}/${METHOD}?access_token=ya29.oauth`);
  });

  it('P2 what is served, under which names, and what names a model', () => {
    expect(providerFor('google-ai-studio', {})).toBe(gemini);
    expect(gemini.accepts(METHOD)).toEqual({ ok: true });
    expect(gemini.accepts('v1beta/models')).toEqual({ ok: false, suggestion: METHOD });
    expect(vertex.accepts(VERTEX_METHOD)).toEqual({ ok: true });
    expect(vertex.accepts(METHOD)).toEqual({ ok: false, suggestion: VERTEX_METHOD });
    const model = (name: string) => gemini.modelOf({ path: '', query: [['model', name]] });
    expect([model('sim-support'), model('gemini-3.8-live')]).toEqual(['sim-support', null]);
    expect(
      gemini.errorFrame({ code: 'bad_token', number: 1, message: 'm', status: 401, close: 4401 }),
    ).toBeNull();
  });

  it('P2 every place for the key', () => {
    expect(gemini.carriers).toEqual(vertex.carriers);
    expect(gemini.carriers.map((each) => `${each.in} ${'name' in each ? each.name : ''}`)).toEqual([
      'header x-goog-api-key',
      'query key',
      'query api_key',
      'query access_token',
      'header authorization',
    ]);
  });
});

describe('P2 dialling Vertex', () => {
  const dial = (change: Partial<ConnectRequest>) =>
    vertex.dial(
      request({ baseUrl: 'https://aiplatform.googleapis.com', credential: 'ya29.t', ...change }),
      FRESH,
    );
  const hostAt = (location: string) => new URL(dial({ query: [['location', location]] }).url).host;

  it('P2 an OAuth token as bearer, an API key in its own header', () => {
    expect(dial({})).toEqual({
      url: `https://aiplatform.googleapis.com/${VERTEX_METHOD}`,
      headers: { Authorization: 'Bearer ya29.t' },
      subprotocols: [],
    });
    expect(dial({ credential: 'AQ.express' }).headers).toEqual({ 'x-goog-api-key': 'AQ.express' });
  });

  it('P2 the region makes the host, and nothing but a region does', () => {
    expect(['us-central1', 'eu', 'global'].map(hostAt)).toEqual([
      'us-central1-aiplatform.googleapis.com',
      'aiplatform.eu.rep.googleapis.com',
      'aiplatform.googleapis.com',
    ]);
    for (const hostile of ['evil.com/', 'a@b', 'x#', '..', 'us-central1.evil.com']) {
      expect(hostAt(hostile)).toBe('aiplatform.googleapis.com');
    }
    const own = dial({ baseUrl: 'http://proxy.example', query: [['location', 'us-central1']] });
    expect(own.url).toBe(`http://proxy.example/${VERTEX_METHOD}`);
  });
});
