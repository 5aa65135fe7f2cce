import { checkUsage } from './check-usage.ts';
import { DEEPGRAM_WIRES } from './deepgram-wires.ts';

checkUsage(DEEPGRAM_WIRES);
