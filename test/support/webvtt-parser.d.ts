/** The package has no types of its own. */
declare module 'webvtt-parser' {
  interface Node {
    readonly type: string;
    readonly name?: string;
    readonly value?: string;
    readonly children?: readonly Node[];
  }
  interface Cue {
    readonly startTime: number;
    readonly endTime: number;
    readonly text: string;
    readonly tree: { readonly children: readonly Node[] } | null;
  }
  export class WebVTTParser {
    /** @param escapes by what stands in the text, such as `&amp;` */
    constructor(escapes?: Readonly<Record<string, string>>);
    parse(
      input: string,
      mode?: 'metadata' | 'subtitles/captions/descriptions',
    ): { readonly cues: readonly Cue[]; readonly errors: readonly object[] };
  }
}
