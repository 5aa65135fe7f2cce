/** Reads from no socket for a while. */

/**
 * While a callback of `blockConcurrencyWhile` runs, the runtime delivers nothing else to this object: it stops reading
 * from its sockets, and TCP makes their senders wait. The timer is due within that time, so it is queued among what
 * waits: calls that came before it get through, a flood of frames does not (measured 2026-11-25, workerd 1.20261117.1).
 */
export function holdInput(ctx: DurableObjectState, ms: number, released: () => void): void {
  void ctx.blockConcurrencyWhile(() => pause(ms));
  setTimeout(released, ms / 2);
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
