import { describe, expect, it } from 'vitest';
import { providerFor, PROVIDERS } from '../../../providers/registry.ts';
import { servedPath } from '../../../providers/served-path.ts';

const query = [['model', 'gpt-realtime']] as const;
const pathOf = (name: string, path: string): string | null => {
  const adapter = providerFor(name, {});
  return adapter === undefined ? null : servedPath(adapter, { path, query });
};

describe('P2 the path of a short form', () => {
  it.each([
    ['openai', 'realtime'],
    ['azure-openai', 'openai/v1/realtime'],
    ['cartesia', 'tts/websocket'],
    ['assemblyai', 'v3/ws'],
    ['google', 'ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent'],
    // An agent or a voice: only the query told.
    ['elevenlabs', ''],
  ])('P2 of %s is %s', (name, path) => {
    expect(pathOf(name, '')).toBe(path);
  });

  it('P2 every provider that takes a short form has one', () => {
    for (const adapter of PROVIDERS)
      if (adapter.accepts('', query).ok) expect(servedPath(adapter, { path: '', query })).not.toBe('');
  });
});
