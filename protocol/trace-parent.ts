/** The client's own trace, by W3C Trace Context: a session becomes a part of it. */

export interface TraceParent {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits; null: of the trace alone. */
  readonly spanId: string | null;
  /** False: the client's tracer records nothing of this trace. */
  readonly sampled: boolean;
}

const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const SAMPLED = 1;

/** Reads a `traceparent`. Null for one that is not valid: by the standard it is passed over, and never an error. */
export function readTraceParent(text: string): TraceParent | null {
  const [, version, traceId = '', spanId = '', flags = '', rest] = FORM.exec(text.trim()) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && rest !== undefined)) return null;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return null;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & SAMPLED) === SAMPLED };
}

/** Reads what Cloudflare AI Gateway takes instead, passed over likewise: `cf-aig-otel-trace-id`, `cf-aig-otel-parent-span-id`. */
export function readGatewayTrace(trace: string, span: string | null): TraceParent | null {
  const traceId = hexId(trace, 32);
  return traceId === null ? null : { traceId, spanId: hexId(span ?? '', 16), sampled: true };
}

function hexId(text: string, digits: number): string | null {
  const id = text.trim().toLowerCase();
  return /^[0-9a-f]+$/.test(id) && !/^0+$/.test(id) && id.length === digits ? id : null;
}
