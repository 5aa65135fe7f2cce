import type { Simulator } from './simulator.ts';
export const openaiSimulator: Simulator = () => ({
  kind: 'accept',
  subprotocol: null,
  session: {
    open: () => [{ kind: 'send', payload: '{"type":"session.created"}' }],
    receive: (p) => [{ kind: 'send', payload: p }],
    due: () => null,
    advance: () => [],
  },
});
