import { checkUsage } from './check-usage.ts';
import { OPENAI_NEIGHBOUR_WIRES } from './openai-neighbour-wires.ts';

checkUsage(OPENAI_NEIGHBOUR_WIRES);
