/** The few shapes that the picture is made of; colours are classes, so that light and dark share one drawing. */
import type { PeerName } from './peers.ts';

const COLOURS: Readonly<Record<PeerName, { readonly light: string; readonly dark: string }>> = {
  direct: { light: '#8c959f', dark: '#8b949e' },
  haproxy: { light: '#b08800', dark: '#d4a72c' },
  bare: { light: '#0969da', dark: '#58a6ff' },
  'parley-none': { light: '#1a7f64', dark: '#3fb990' },
  'parley-full': { light: '#bc4c00', dark: '#f0883e' },
};

const FACES = [
  ['ground', 'fill', '#ffffff', '#0d1117'],
  ['frame', 'stroke', '#d0d7de', '#30363d'],
  ['track', 'fill', '#f3f5f7', '#161b22'],
  ['gridline', 'stroke', '#e4e8ec', '#21262d'],
  ['bound', 'stroke', '#cf222e', '#ff7b72'],
  ['warn', 'fill', '#cf222e', '#ff7b72'],
  ['ink', 'fill', '#1f2328', '#e6edf3'],
  ['soft', 'fill', '#59636e', '#9198a1'],
] as const;

/** Class of everything that stands for a peer: `mark` fills, `trace` strokes. */
export function peerClass(peer: PeerName, kind: 'mark' | 'trace'): string {
  return `${kind}-${peer}`;
}

export function picture(width: number, height: number, label: string, body: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(label)}">
<style>
text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
.title { font-size: 19px; font-weight: 600; } .head { font-size: 13.5px; font-weight: 600; } .small { font-size: 11px; }
.frame, .gridline { fill: none; stroke-width: 1; } .bound { fill: none; stroke-width: 1.5; stroke-dasharray: 5 4; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; } .tail { stroke-width: 1.5; fill: none; }
.break { fill: none; stroke-width: 2; }
${faces('light')}
@media (prefers-color-scheme: dark) {
${faces('dark')}
}
</style>
${body.join('\n')}
</svg>
`;
}

export function rect(x: number, y: number, width: number, height: number, face: string, radius = 0): string {
  return `<rect x="${fix(x)}" y="${fix(y)}" width="${fix(Math.max(0, width))}" height="${fix(height)}" rx="${radius}" class="${face}"/>`;
}

export function text(
  x: number,
  y: number,
  face: string,
  words: string,
  anchor: 'start' | 'middle' | 'end' = 'start',
): string {
  return `<text x="${fix(x)}" y="${fix(y)}" class="${face}" text-anchor="${anchor}">${escape(words)}</text>`;
}

export function path(points: readonly (readonly [number, number])[], face: string): string {
  const steps = points.map(([x, y], at) => `${at === 0 ? 'M' : 'L'}${fix(x)} ${fix(y)}`);
  return `<path d="${steps.join('')}" class="${face}"/>`;
}

export function dot(x: number, y: number, face: string): string {
  return `<circle cx="${fix(x)}" cy="${fix(y)}" r="3.5" class="${face}"/>`;
}

function faces(scheme: 'light' | 'dark'): string {
  const plain = FACES.map(
    ([name, property, light, dark]) => `.${name} { ${property}: ${scheme === 'light' ? light : dark}; }`,
  );
  const peers = Object.entries(COLOURS).map(
    ([peer, colours]) =>
      `.mark-${peer} { fill: ${colours[scheme]}; } .trace-${peer} { stroke: ${colours[scheme]}; }`,
  );
  return [
    ...plain,
    '.break { stroke: ' + (scheme === 'light' ? '#ffffff' : '#0d1117') + '; }',
    ...peers,
  ].join('\n');
}

function fix(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escape(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
