/** The built-in simulator as a provider: it speaks OpenAI's wire, needs no key, and is dialled within this deployment. */
import { SIMULATED_BASE_URL } from '../protocol/settings.ts';
import { openaiDialect } from './openai.ts';

export const simulator = openaiDialect({
  id: 'simulator',
  aliases: [],
  settings: {
    key: null,
    baseUrl: 'SIMULATOR_BASE_URL',
    defaultBaseUrl: SIMULATED_BASE_URL,
  },
});
