import { checkUsage } from './check-usage.ts';
import { OPENAI_WIRES } from './openai-wires.ts';

checkUsage(OPENAI_WIRES);
