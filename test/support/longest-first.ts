/** The order of test files: with two at a time, a long one that came last would be waited for alone. */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Those that take far longer than their size lets Vitest guess. It knows better only where it ran before. */
const LONGEST = ['e2e/slow-readers', 'e2e/kill', 'e2e/fidelity', 'e2e/assemblyai'];

const isLong = ({ moduleId }: TestSpecification): boolean =>
  LONGEST.some((name) => moduleId.endsWith(`/${name}.test.ts`));

export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}
