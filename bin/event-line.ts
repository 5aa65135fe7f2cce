/** One event of a session's log as a line for people. */

/** As `GET …/events` writes it. */
export type Event = Readonly<Record<string, unknown>> & { readonly kind?: string; readonly seq?: number };

const LINE_CHARACTERS = 160;

/** Time, number, direction and client, type, size, and the beginning of what was said. */
export function eventLine(event: Event): string {
  const at = typeof event['at'] === 'string' ? event['at'].slice(11, 23) : '            ';
  const seq = String(event.seq ?? '').padStart(6);
  if (event.kind !== 'frame') {
    const { kind, seq: _, at: __, ...rest } = event;
    return `${at} ${seq}   ${kind ?? 'event'} ${JSON.stringify(rest)}`.slice(0, LINE_CHARACTERS);
  }
  const way = event['direction'] === 'up' ? `${textOf(event['client'], 'parley').padEnd(4)} →` : '     ←';
  const type = textOf(event['type'], textOf(event['opcode'], ''));
  const head = `${at} ${seq} ${way} ${type.padEnd(36)} ${sizeOf(event['bytes']).padStart(7)} B`;
  const text =
    typeof event['text'] === 'string' && !isSound(type) ? `  ${event['text'].replace(/\s+/g, ' ')}` : '';
  return `${head}${text}`.slice(0, LINE_CHARACTERS).trimEnd();
}

/** Nobody reads base64. */
function isSound(type: string): boolean {
  return type.includes('audio') && (type.endsWith('.delta') || type.endsWith('.append'));
}

function textOf(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}

function sizeOf(value: unknown): string {
  return typeof value === 'number' ? String(value) : '';
}
