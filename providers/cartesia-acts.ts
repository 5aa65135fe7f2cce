/** What clients' frames do on Cartesia's wires. A request to speak brings its own voice, and is of no effect on any other. */
import { asText, type JsonObject } from '../protocol/json.ts';
import { type Act, byType, only, readActs, type ReadAct } from './acts.ts';

function requestAct(request: JsonObject): Act {
  const speaks = asText(request['transcript']) !== undefined || request['cancel'] === true;
  return speaks && request['type'] === undefined ? 'speak' : 'unknown';
}

export const speechActs: ReadAct = readActs({ object: requestAct });

/** By `finalize`: bare words, not JSON; the others end the socket for everybody. */
export const finalizeActs: ReadAct = readActs({
  object: () => 'unknown',
  text: (text) => {
    switch (text) {
      case 'finalize':
        return 'speak';
      case 'close':
      case 'done':
        return 'configure';
      default:
        return 'unknown';
    }
  },
  binary: 'speak',
});

export const turnActs: ReadAct = readActs({
  object: byType(
    new Map([
      ['config', () => 'configure'],
      ['close', () => 'configure'],
      ['finalize', only(['type'], 'speak')],
    ]),
  ),
  binary: 'speak',
});
