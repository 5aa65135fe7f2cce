/** Which web pages may connect. A page in a victim's browser must not be able to use a socket it did not open for us. */
import { BrokerError } from '../protocol/errors.ts';
import type { Principal } from './authenticate.ts';
import type { Configuration } from './configuration.ts';

/**
 * No `Origin` header: not a browser. Else it must be our own origin or one of PARLEY_ALLOWED_ORIGINS, compared whole,
 * and the token's if the token names one. Throws BrokerError `origin_not_allowed`.
 */
export function checkOrigin(request: Request, settings: Configuration, principal: Principal): void {
  const origin = request.headers.get('origin');
  if (origin === null) return;
  const named = principal.kind === 'token' ? principal.claims.origin : undefined;
  if (named !== undefined && origin !== named) throw new BrokerError('origin_not_allowed', { origin });
  if (
    origin === ownOrigin(request) ||
    settings.PARLEY_ALLOWED_ORIGINS.some((each) => each === '*' || each === origin)
  )
    return;
  if (named !== undefined) return;
  throw new BrokerError('origin_not_allowed', { origin });
}

/** As the browser sees us; behind workerd's two ports, or a proxy, the scheme of `request.url` tells it. */
function ownOrigin(request: Request): string {
  return new URL(request.url).origin;
}
