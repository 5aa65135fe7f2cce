/** In place of `durable-objects/give-way.ts`: a log is read in one go. Nobody talks meanwhile, and each turn is a ms of Node's. */
import { unpack } from '../../../durable-objects/segment-codec.ts';

export const givingWay = () => () => null;
export const logAccess = () => ({ unpack, giveWay: givingWay() });
