/** What is on record and what a provider charged, in the same meters. */
import type { Totals, UsageTotals } from '../../../protocol/recording.ts';
import type { Amounts, Charged, Ledger } from '../../../simulators/ledger.ts';

export function add(ledger: Ledger, { response, transcription }: Charged): void {
  ledger.charge(response, 'response');
  ledger.charge(transcription, 'transcription');
}

/** What is on record, in the meters in which providers charge. */
export function recorded({ response, transcription }: Totals): Charged {
  return { response: metered(response), transcription: metered(transcription) };
}

function metered({ tokens, seconds, characters, requests, items }: UsageTotals): Amounts {
  return { ...tokens, seconds, characters, requests, items };
}

/** Seconds are sums of fractions; a price takes them to a microsecond. */
export function toMicroseconds({ response, transcription }: Charged): Charged {
  const of = (amounts: Amounts): Amounts => ({
    ...amounts,
    seconds: Math.round(amounts.seconds * 1_000_000) / 1_000_000,
  });
  return { response: of(response), transcription: of(transcription) };
}
