/** What happens to a session by itself as time passes, whatever is said: its pings, its end. */
import type { Agenda } from './agenda.ts';
import type { Dials } from './faults.ts';
import type { Variant } from './openai-variant.ts';
import type { OpenAiWire } from './openai-wire.ts';

/** When a session that opens now expires. */
export function expiryOf(now: number, dials: Dials, { sessionMs }: Variant): number {
  const { session_expired_after: seconds } = dials.faults;
  return now + (seconds === null ? sessionMs : seconds * 1000);
}

export function scheduleLifetime(
  wire: OpenAiWire,
  agenda: Agenda,
  now: number,
  dials: Dials,
  variant: Variant,
): void {
  const { drop_after: dropAfter } = dials.faults;
  agenda.add(expiryOf(now, dials, variant), () => {
    const message = `Your session hit the maximum duration of ${variant.sessionMs / 60_000} minutes.`;
    wire.error({ code: 'session_expired', message, param: null }, null);
    wire.close(1001, message);
  });
  if (dropAfter !== null) agenda.add(now + dropAfter * 1000, () => wire.drop());
  if (variant.pingMs !== null) schedulePing(wire, agenda, now, variant.pingMs);
}

function schedulePing(wire: OpenAiWire, agenda: Agenda, now: number, everyMs: number): void {
  agenda.add(now + everyMs, (at) => {
    wire.event('ping', { timestamp: at });
    schedulePing(wire, agenda, at, everyMs);
  });
}
