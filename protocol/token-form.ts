/** How a client token looks, for those who cannot verify one: whoever can is `worker/authenticate.ts`. */

/** Some SDKs refuse any other prefix in a browser. */
export const TOKEN_PREFIX = 'ek_';

/** The JWT in a client token, or null when the text is none. OpenAI's own ephemeral keys begin alike, but are no JWTs. */
export function jwtOf(token: string): string | null {
  if (!token.startsWith(TOKEN_PREFIX)) return null;
  const jwt = token.slice(TOKEN_PREFIX.length);
  return jwt.split('.').length === 3 ? jwt : null;
}
