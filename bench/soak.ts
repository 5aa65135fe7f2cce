/** `npm run soak`: sessions under faults by a seed; exit code 1 when a frame was lost, doubled, reordered or altered. */
import { parseArgs } from 'node:util';
import { soak } from './soak/run.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    sessions: { type: 'string', default: '20' },
    frames: { type: 'string', default: '1000000' },
    faults: { type: 'string', default: '250' },
    kills: { type: 'string', default: '4' },
  },
});
const [seed, sessions, frames, faults, kills] = [
  values.seed,
  values.sessions,
  values.frames,
  values.faults,
  values.kills,
].map(Number) as [number, number, number, number, number]; // five in, five out

console.log(`seed ${seed}: ${sessions} sessions, ${frames} frames, ${faults} faults, ${kills} kills`);
const startedAt = Date.now();
const result = await soak({ seed, sessions, frames, faults, kills, report: (line) => console.log(line) });
console.log(`${result.frames} frames in ${Math.round((Date.now() - startedAt) / 1000)} s`);
console.table({ ...result.faults, 'clients came back': result.comebacks, 'upstream dials': result.dials });
console.log(
  `${result.refusals} declared gaps; ${result.missing} frames under way when their connection was cut`,
);
for (const problem of result.problems.slice(0, 50)) console.error(problem);
console.log(
  result.problems.length === 0
    ? 'nothing lost, doubled, reordered or altered'
    : `${result.problems.length} PROBLEMS`,
);
process.exit(result.problems.length === 0 ? 0 : 1);
