/** What processes cost, as Linux counts it under /proc. Elsewhere there are no figures, and null says so. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
  readonly cpuSeconds: number;
  readonly residentMiB: number;
}

const TICKS = systemConstant('CLK_TCK', 100);
const PAGE_BYTES = systemConstant('PAGESIZE', 4096);
const MIB = 1024 * 1024;

/** The process and all that descend from it; only the process itself, without figures, where /proc is absent. */
export function processTree(root: number): readonly ProcessInfo[] {
  const all = readAll();
  const first = all.find(({ pid }) => pid === root);
  if (first === undefined) return [{ pid: root, parent: 0, command: '', cpuSeconds: NaN, residentMiB: NaN }];
  const tree = [first];
  for (const each of tree) tree.push(...all.filter(({ parent }) => parent === each.pid));
  return tree;
}

export function processInfo(pid: number): ProcessInfo | null {
  try {
    return parse(pid, readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return null;
  }
}

/** Processor seconds that the whole machine has spent on anything, or null. */
export function machineBusySeconds(): number | null {
  try {
    const [, user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'utf8').split(/\s+/, 8);
    return [user, nice, system, irq, softirq].reduce((sum, ticks) => sum + Number(ticks ?? 0), 0) / TICKS;
  } catch {
    return null;
  }
}

function readAll(): readonly ProcessInfo[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^[0-9]+$/.test(name))
      .flatMap((name) => processInfo(Number(name)) ?? []);
  } catch {
    return [];
  }
}

/** The command stands in brackets and may hold anything, so fields are counted from the last bracket. */
function parse(pid: number, stat: string): ProcessInfo {
  const end = stat.lastIndexOf(')');
  const fields = stat.slice(end + 2).split(' ');
  const field = (index: number): number => Number(fields[index] ?? NaN);
  return {
    pid,
    parent: field(1),
    command: stat.slice(stat.indexOf('(') + 1, end),
    cpuSeconds: (field(11) + field(12)) / TICKS,
    residentMiB: (field(21) * PAGE_BYTES) / MIB,
  };
}

function systemConstant(name: string, usual: number): number {
  try {
    return Number(execFileSync('getconf', [name], { stdio: ['ignore', 'pipe', 'ignore'] })) || usual;
  } catch {
    return usual;
  }
}
