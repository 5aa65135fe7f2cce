import { describe, expect, it } from 'vitest';
import { readGatewayTrace, readTraceParent } from '../../../protocol/trace-parent.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

describe('the client’s traceparent', () => {
  it('is read by W3C Trace Context, with its sampling', () => {
    const parent = { traceId: TRACE, spanId: SPAN };
    expect(readTraceParent(`00-${TRACE}-${SPAN}-01`)).toEqual({ ...parent, sampled: true });
    expect(readTraceParent(`00-${TRACE}-${SPAN}-00`)).toEqual({ ...parent, sampled: false });
    expect(readTraceParent(`00-${TRACE}-${SPAN}-03`)).toEqual({ ...parent, sampled: true });
    // Later versions may add to it.
    expect(readTraceParent(`cc-${TRACE}-${SPAN}-01-what-the-future-holds`)).toEqual({
      ...parent,
      sampled: true,
    });
  });

  it.each([
    '',
    'canary',
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-01-more`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE.slice(1)}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-1`,
  ])('P10 %j is none', (text) => {
    expect(readTraceParent(text)).toBeNull();
  });

  it('P2 may come as AI Gateway takes it: a trace, and maybe the span in it', () => {
    const parent = { traceId: TRACE, sampled: true };
    expect(readGatewayTrace(TRACE, SPAN)).toEqual({ ...parent, spanId: SPAN });
    expect(readGatewayTrace(TRACE.toUpperCase(), null)).toEqual({ ...parent, spanId: null });
    for (const span of ['', 'canary', '0'.repeat(16), `${SPAN}0`])
      expect(readGatewayTrace(TRACE, span)).toEqual({ ...parent, spanId: null });
    for (const trace of ['', 'canary', '0'.repeat(32), TRACE.slice(1)])
      expect(readGatewayTrace(trace, SPAN)).toBeNull();
  });
});
