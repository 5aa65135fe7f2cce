/** What work costs, whatever else the machine does meanwhile. */

/** Processor time of this process so far, in milliseconds. A wall clock would count other processes' time too. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
