import { describe, expect, it } from 'vitest';
import { chooseSubprotocol } from '../../../protocol/connect.ts';
import type { Carrier } from '../../../providers/adapter.ts';
import { readOffer } from '../../../worker/offer.ts';

const CARRIERS: readonly Carrier[] = [
  { in: 'subprotocol', prefix: 'xai-client-secret.' },
  { in: 'subprotocol', prefix: 'openai-insecure-api-key.' },
];

/** What an offer is answered with. */
function answered(offered: string, upstream: string | null = null): string | null {
  const headers = { 'sec-websocket-protocol': offered };
  const { answer } = readOffer(new Request('https://parley.example/v1/a/g/p', { headers }), CARRIERS);
  return chooseSubprotocol(answer, upstream);
}

describe('P2 the answer to an offer of subprotocols', () => {
  it.each([
    ['realtime, openai-insecure-api-key.k', 'realtime'],
    ['openai-insecure-api-key.k, realtime', 'realtime'],
    ['cf-aig-authorization.t', 'cf-aig-authorization.t'],
    ['openai-insecure-api-key.k, cf-aig-authorization.t', 'cf-aig-authorization.t'],
    // xAI's browser clients offer nothing else, and fail when it is not answered.
    ['xai-client-secret.k', 'xai-client-secret.k'],
    ['xai-client-secret.k, cf-aig-metadata.e30', 'xai-client-secret.k'],
    ['a, b', 'a'],
  ])('P9 %s: a credential goes back only when there is nothing else', (offered, answer) => {
    expect(answered(offered)).toBe(answer);
  });

  it('P2 the provider’s choice, if it was offered', () => {
    expect([answered('a, b', 'b'), answered('a, b', 'c')]).toEqual(['b', 'a']);
  });

  it('P2 what asks for the control channel is no offer to the provider', () => {
    const headers = { 'sec-websocket-protocol': 'parley.v1, realtime' };
    const offer = readOffer(new Request('https://parley.example/v1/a/g/p', { headers }), CARRIERS);
    expect(offer.subprotocols).toEqual(['realtime']);
  });
});

describe('P2 the client’s traceparent', () => {
  const value = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  it.each([
    ['a header', '', { traceparent: value }],
    ['a query parameter', `?traceparent=${value}&model=m`, {}],
  ])('P2 is read from %s, and does not reach the provider', (_, query, headers) => {
    const offer = readOffer(new Request(`https://parley.example/v1/a/g/p${query}`, { headers }), CARRIERS);
    expect(offer.parameters.get('traceparent')).toBe(value);
    expect(JSON.stringify([offer.query, offer.subprotocols])).not.toContain('4bf92f');
  });
});
