/** A mistake of whoever starts Parley: printed as a sentence, without a stack. */
export class StartError extends Error {}

/** The system's short name of a failure, such as EACCES. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
