/** What whoever called the command can mend: one sentence on standard error, exit code 2. */
export class UsageError extends Error {}

/** The deployment refused, or did not answer: exit code 1. */
export class CallError extends Error {}

/** It did not answer: a moment later it may. */
export class UnreachableError extends CallError {}
