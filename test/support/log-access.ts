import type { LogAccess } from '../../storage/frame-log.ts';

/** Segments that nothing packed, read in one go. */
export const AS_STORED: LogAccess = { unpack: async ({ data }) => data, giveWay: () => null };
