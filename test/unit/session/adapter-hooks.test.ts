import { describe, expect, it } from 'vitest';
import { readSegment } from '../../../protocol/segment.ts';
import type { Payload, ProviderAdapter } from '../../../providers/adapter.ts';
import type { Session } from '../../../session/session.ts';
import { liveSession } from './fake-wire.ts';

/** Frames that begin with `key:` hold one. */
const withoutKeys: ProviderAdapter['withoutKeys'] = (payload, isGatewayToken) => {
  if (typeof payload !== 'string' || !payload.startsWith('key:')) return null;
  return { up: isGatewayToken(payload.slice(4)) ? 'none' : payload, log: 'key:[key]' };
};

function logged(session: Session): string[] {
  session.catchUp();
  const batch = session.recording.next(() => null, 0);
  return (batch?.segments ?? [])
    .flatMap((segment) => [...readSegment(1, 0, segment.data)])
    .map(({ payload }) => new TextDecoder().decode(payload ?? undefined));
}

describe('P9 keys in frames', () => {
  it('P9 a gateway token does not go up, a client’s key does, and neither is logged or read', () => {
    const read: Payload[] = [];
    const { session, wire } = liveSession({
      adapter: {
        withoutKeys,
        skim: (_state, _from, payload) => {
          read.push(payload);
          return [];
        },
      },
    });
    for (const frame of ['key:ek_ours', 'key:sk_own', 'plain']) session.clientFrame(1, frame, 1);
    expect(wire.up).toEqual(['none', 'key:sk_own', 'plain']);
    expect(logged(session)).toEqual(['key:[key]', 'key:[key]', 'plain']);
    expect(read).toEqual(['key:[key]', 'key:[key]', 'plain']);
  });
});

describe('P7 a client that joins late', () => {
  it('P7 gets the greeting of the adapter, and nobody else does', () => {
    const { session, wire } = liveSession({ adapter: { greeting: () => ['welcome'] } });
    const late = session.join(null, null, {}, 1);
    session.upstreamFrame('first', 1);
    expect(session.lives.welcome(late, 's', null, 'none')).toBe(0);
    expect(wire.down.get(late.number)).toEqual(['first', 'welcome']);
    expect(wire.down.get(1)).toEqual(['first']);
    session.endFor('ended_by_request', 2);
    session.lives.welcome(late, 's', null, 'none');
    expect(wire.down.get(late.number)).toEqual(['first', 'welcome']);
  });
});
