import { checkUsage } from './check-usage.ts';
import { SPEECH_WIRES } from './speech-wires.ts';

checkUsage(SPEECH_WIRES);
