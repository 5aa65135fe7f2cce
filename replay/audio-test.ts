/** Which of a client's frames are pieces of the user's audio: the adapter knows, as it measures them. */
import type { ConnectRequest, Payload } from '../protocol/connect.ts';
import type { ProviderAdapter } from '../providers/adapter.ts';

const CLIENT = { side: 'client', client: 'c1' } as const;

/** Each frame is asked about as if it were the session's first: what makes it audio is in the frame itself. */
export function audioTest(
  adapter: ProviderAdapter | undefined,
  request: ConnectRequest,
): (payload: Payload) => boolean {
  if (adapter === undefined) return () => false;
  const state = adapter.begin(request);
  return (payload) => {
    const observations =
      adapter.skim?.(state, CLIENT, payload) ?? adapter.read(state, CLIENT, payload).observations;
    return observations.some((each) => each.kind === 'audio' && each.speaker === 'user');
  };
}
