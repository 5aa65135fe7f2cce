import { checkUsage } from './check-usage.ts';
import { GEMINI_WIRES } from './gemini-wires.ts';

checkUsage(GEMINI_WIRES);
