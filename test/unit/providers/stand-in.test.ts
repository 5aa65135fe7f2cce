import { describe, expect, it } from 'vitest';
import type { ProviderAdapter, Target } from '../../../providers/adapter.ts';
import { PROVIDERS, providerFor } from '../../../providers/registry.ts';

const CUSTOM = {
  PARLEY_CUSTOM_PROVIDERS: JSON.stringify({
    local: { base_url: 'https://realtime.example/v1', auth: 'none', dialect: 'openai' },
  }),
};

function adapterOf(name: string): ProviderAdapter {
  const adapter = providerFor(name, CUSTOM);
  if (adapter === undefined) throw new Error(`no ${name}`);
  return adapter;
}

/** The request to `to` in place of one to `from`. */
function inPlaceOf(from: string, target: Target, to: string, model: string): Target | null {
  const asked = adapterOf(from).standIn?.askedOf(target) ?? null;
  return asked === null ? null : (adapterOf(to).standIn?.targetOf(model, asked) ?? null);
}

const query = [
  ['model', 'gpt-realtime'],
  ['seed', '7'],
] as const;

describe('P5 a model that stands in for another', () => {
  it.each([
    ['openai', '', 'openai', 'realtime'],
    ['openai', 'realtime', 'azure-openai', 'openai/v1/realtime'],
    ['azure-openai', 'openai/v1/realtime', 'openai', 'realtime'],
    ['azure-openai', '', 'simulator', 'realtime'],
    ['openai', 'v1/realtime', 'custom-local', 'realtime'],
    ['xai', 'realtime', 'xai', 'realtime'],
  ])('P5 %s at “%s” by %s: its path, the other model, and what was asked besides', (from, path, to, at) => {
    expect(inPlaceOf(from, { path, query }, to, 'mini')).toEqual({
      path: at,
      query: [
        ['model', 'mini'],
        ['seed', '7'],
      ],
    });
  });

  it.each<[string, Target]>([
    ['openai', { path: 'responses', query: [] }],
    ['openai', { path: 'realtime', query: [['call_id', 'rtc_1']] }],
    ['openai', { path: 'realtime', query: [['intent', 'transcription']] }],
    ['azure-openai', { path: 'openai/realtime', query: [['deployment', 'd']] }],
    ['azure-openai', { path: '', query: [['deployment', 'd']] }],
  ])('P5 nothing stands in for %s at %j', (provider, target) => {
    expect(adapterOf(provider).standIn?.askedOf(target)).toBeNull();
  });

  it('P5 what stands in is a request that its provider takes, for the model that was named', () => {
    for (const adapter of PROVIDERS) {
      const { standIn } = adapter;
      if (standIn === undefined) continue;
      const target = standIn.targetOf('other', [['seed', '7']]);
      expect([adapter.id, adapter.accepts(target.path, target.query).ok]).toEqual([adapter.id, true]);
      expect(adapter.modelOf(target)).toBe('other');
      expect(standIn.askedOf(target)).toEqual([['seed', '7']]);
    }
  });

  it('P5 providers whose frames differ are of different wires', () => {
    expect(adapterOf('xai').standIn?.wire).not.toBe(adapterOf('openai').standIn?.wire);
    expect(adapterOf('google').standIn).toBeUndefined();
  });
});
