/**
 * npm runs scripts through a shell, and of a signal that ends npm or that shell the script may hear nothing: it would stay
 * behind, with the port and the data.
 */
const LOOK_MS = 500;

/** Calls `then` when what npm started us through is gone. Without npm nobody watches: `node … &` may outlive its shell. */
export function whenOrphaned(then: () => void): void {
  if (process.env['npm_lifecycle_event'] === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    then();
  }, LOOK_MS);
  timer.unref();
}
