/**
 * How long work on a log shares the one thread with those who talk: it tells how much it has done, and waits when it is told
 * to. Null: go on, its slice is not over.
 *
 * @param bytes of the log that were read, or of what was made of it, since the last time
 */
export type GiveWay = (bytes: number) => Promise<void> | null;
