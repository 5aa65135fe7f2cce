/**
 * What a socket was given and has not sent yet, in bytes. Undefined before workerd 1.20261117.1, which came with it; the
 * compiler only knows runtimes that have it.
 */
export function unsentBytes(socket: { readonly bufferedAmount?: number } | undefined): number | undefined {
  return socket?.bufferedAmount;
}
