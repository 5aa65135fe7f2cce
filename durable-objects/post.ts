/** Posts to an address that the operator chose: what must reach somebody else's server, from an alarm. */

export interface Posted {
  /** Null: no answer came. */
  readonly status: number | null;
  /** Null: the answer was a 2xx. */
  readonly problem: string | null;
}

export type Post = (url: string, headers: Readonly<Record<string, string>>, body: string) => Promise<Posted>;

const PROBLEM_CHARACTERS = 200;

/** Never rejects. No redirect is followed, and nothing is read of the answer's body. */
export function poster(timeoutMs: number): Post {
  return async (url, headers, body) => {
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'user-agent': 'Parley', ...headers },
        body,
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      });
      await response.body?.cancel();
      return { status: response.status, problem: response.ok ? null : `answered ${response.status}` };
    } catch (error) {
      const isTimeout = error instanceof Error && error.name === 'TimeoutError';
      return {
        status: null,
        problem: isTimeout
          ? `no answer within ${timeoutMs / 1000} s`
          : `not reached: ${String(error).slice(0, PROBLEM_CHARACTERS)}`,
      };
    }
  };
}
