/** `GET …/get-signed-url`: where a private agent is reached. The SDK dials what it says, without a header or subprotocol. */
import { asObject, asText, parseJson } from '../protocol/json.ts';

/** The same answer, with the socket at this gateway and the gateway's token in the query. */
export function signedUrl(body: string, gatewayUrl: string, token: string): string {
  const answer = asObject(parseJson(body));
  const signed = asText(answer?.['signed_url']);
  if (answer === undefined || signed === undefined || !URL.canParse(signed)) return body;
  const { pathname, search } = new URL(signed);
  const separator = search === '' ? '?' : '&';
  const url = `${gatewayUrl}${pathname}${search}${separator}xi-api-key=${encodeURIComponent(token)}`;
  return JSON.stringify({ ...answer, signed_url: url });
}
