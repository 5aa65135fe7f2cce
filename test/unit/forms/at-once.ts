/**
 * In place of `durable-objects/give-way.ts`: a log is read in one go. Nobody talks meanwhile, and each turn is a ms of
 * Node's. Nor does anything happen on other threads: a clock that a test moves would not wait for it.
 */
import { inflateRawSync } from 'node:zlib';
import type { StoredSegment } from '../../../storage/session-store.ts';

const unpack = async ({ codec, data }: StoredSegment): Promise<Uint8Array> =>
  codec === 'raw' ? data : new Uint8Array(inflateRawSync(data));

export const givingWay = () => () => null;
export const logAccess = () => ({ unpack, giveWay: givingWay() });
