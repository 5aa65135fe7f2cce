/** From spelling to sounds: a few dozen rules for English, and the commonest words that break them. */
import { SOUNDS, type Sound } from './speech-sounds.ts';

/** Beyond this a word is not one; it bounds the work that hostile text can cause. */
const LONGEST_WORD = 40;

const DIGITS = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'] as const;

const IRREGULAR: ReadonlyMap<string, string> = new Map([
  ['a', 'ax'],
  ['the', 'dh ax'],
  ['i', 'ay'],
  ['to', 't uw'],
  ['of', 'ah v'],
  ['you', 'y uw'],
  ['your', 'y ao r'],
  ['are', 'aa r'],
  ['is', 'ih z'],
  ['was', 'w aa z'],
  ['has', 'h ae z'],
  ['as', 'ae z'],
  ['his', 'h ih z'],
  ['have', 'h ae v'],
  ['do', 'd uw'],
  ['does', 'd ah z'],
  ['done', 'd ah n'],
  ['one', 'w ah n'],
  ['two', 't uw'],
  ['four', 'f ao r'],
  ['eight', 'ey t'],
  ['zero', 'z ih r ow'],
  ['said', 's eh d'],
  ['says', 's eh z'],
  ['there', 'dh eh r'],
  ['their', 'dh eh r'],
  ['where', 'w eh r'],
  ['were', 'w er'],
  ['what', 'w ah t'],
  ['who', 'h uw'],
  ['hello', 'h ax l ow'],
  ['today', 't ax d ey'],
  ['any', 'eh n iy'],
  ['many', 'm eh n iy'],
  ['could', 'k uh d'],
  ['would', 'w uh d'],
  ['should', 'sh uh d'],
  ['please', 'p l iy z'],
  ['some', 's ah m'],
  ['come', 'k ah m'],
  ['from', 'f r ah m'],
  ['word', 'w er d'],
  ['words', 'w er d z'],
  ['work', 'w er k'],
  ['put', 'p uh t'],
  ['into', 'ih n t uw'],
  ['only', 'ow n l iy'],
  ['once', 'w ah n s'],
  ['other', 'ah dh er'],
  ['give', 'g ih v'],
  ['live', 'l ih v'],
  ['sure', 'sh uh r'],
  ['sorry', 's aa r iy'],
  ['heard', 'h er d'],
  ['great', 'g r ey t'],
  ['minutes', 'm ih n ih t s'],
  ['number', 'n ah m b er'],
  ['people', 'p iy p ax l'],
  ['very', 'v eh r iy'],
  ['again', 'ax g eh n'],
  ['because', 'b ih k ah z'],
  ['be', 'b iy'],
  ['he', 'h iy'],
  ['me', 'm iy'],
  ['she', 'sh iy'],
  ['we', 'w iy'],
  ['so', 's ow'],
  ['no', 'n ow'],
  ['go', 'g ow'],
  ['my', 'm ay'],
  ['by', 'b ay'],
  ['this', 'dh ih s'],
  ['that', 'dh ae t'],
  ['than', 'dh ae n'],
  ['then', 'dh eh n'],
  ['with', 'w ih dh'],
  ['through', 'th r uw'],
  ['good', 'g uh d'],
  ['how', 'h aw'],
  ['now', 'n aw'],
  ['question', 'k w eh s t sh ax n'],
  ['look', 'l uh k'],
  ['tomorrow', 't ax m aa r ow'],
]);

/** The first that matches at a place wins; each says what it reads by what it consumes. */
const RULES: readonly (readonly [RegExp, string])[] = (
  [
    ['ation', 'ey sh ax n'],
    ['tion', 'sh ax n'],
    ['sion', 'zh ax n'],
    ['ture(?=s?$)', 'ch er'],
    ['ough', 'ao'],
    ['augh', 'ao'],
    ['eigh', 'ey'],
    ['igh', 'ay'],
    ['tch', 'ch'],
    ['dge', 'j'],
    ['sch', 's k'],
    ['ch', 'ch'],
    ['sh', 'sh'],
    ['ph', 'f'],
    ['wh', 'w'],
    ['ck', 'k'],
    ['qu', 'k w'],
    ['(?<=^)kn', 'n'],
    ['(?<=^)wr', 'r'],
    ['mb$', 'm'],
    ['gh', 'g'],
    ['(?<=^)th(?=[aeiou][a-z]?$|ey|ese|ose|us)', 'dh'],
    ['th(?=er|e$)', 'dh'],
    ['th', 'th'],
    ['ng(?=$|s$|th)', 'ng'],
    ['nk', 'ng k'],
    ['ss', 's'],
    ['ee', 'iy'],
    ['ear(?=n|l)', 'er'],
    ['ear', 'iy r'],
    ['ea', 'iy'],
    ['oo', 'uw'],
    ['ould', 'uh d'],
    ['our', 'ao r'],
    ['ow(?=$|n$|s$)', 'ow'],
    ['ow', 'aw'],
    ['ou', 'aw'],
    ['oi', 'oy'],
    ['oy', 'oy'],
    ['ai', 'ey'],
    ['ay', 'ey'],
    ['au', 'ao'],
    ['aw', 'ao'],
    ['oa', 'ow'],
    ['ie(?=[a-z])', 'iy'],
    ['ei', 'iy'],
    ['ey$', 'iy'],
    ['ew', 'y uw'],
    ['ue$', 'uw'],
    ['arr', 'ax r'],
    ['ar', 'aa r'],
    ['or', 'ao r'],
    ['[eiu]r', 'er'],
    ['all', 'ao l'],
    ['ol(?=d)', 'ow l'],
    ['i(?=nd$|ld$)', 'ay'],
    // A vowel, one consonant, and a last e that is not spoken.
    ['a(?=[bcdfgklmnpstvz]e[ds]?$)', 'ey'],
    ['i(?=[bcdfgklmnpstvz]e[ds]?$)', 'ay'],
    ['o(?=[bcdfgklmnpstvz]e[ds]?$)', 'ow'],
    ['u(?=[bcdfgklmnpstvz]e[ds]?$)', 'uw'],
    ['e(?=[bcdfgklmnpstvz]e[ds]?$)', 'iy'],
    ['(?<=[aeiouy][a-z]*[td])ed$', 'ih d'],
    ['(?<=[aeiouy][a-z]*[pkfsxh])ed$', 't'],
    ['(?<=[aeiouy][a-z]*)ed$', 'd'],
    ['(?<=[sxz]|ch|sh)es$', 'ih z'],
    ['(?<=[a-z]{2,})es$', 'z'],
    ['(?<=[bcdfgkptz])le$', 'ax l'],
    ['(?<=[a-z]{2,})e$', ''],
    ['(?<=^[^aeiou]*)y$', 'ay'],
    ['y$', 'iy'],
    ['(?<=^)y', 'y'],
    ['y', 'ih'],
    ['c(?=[eiy])', 's'],
    ['cc', 'k'],
    ['c', 'k'],
    ['(?<=[a-z])ge(?=$|s$)', 'j'],
    ['g(?=[iy][a-z]{2})', 'j'],
    ['x', 'k s'],
    ['(?<=[aeioubdglmnrvw])s$', 'z'],
    ['([bdfglmnprtz])\\1', '$1'],
    ['(?<=[a-z]{3,})a(?=[nl]t?$)', 'ax'],
    ['a$', 'ax'],
    ['a', 'ae'],
    ['e', 'eh'],
    ['i', 'ih'],
    ['o$', 'ow'],
    ['o', 'aa'],
    ['u', 'ah'],
    ['j', 'j'],
    ['q', 'k'],
    ['[bdfghklmnprstvwz]', '$0'],
  ] as const
).map(([pattern, sounds]) => [new RegExp(pattern, 'y'), sounds]);

function isSound(name: string): name is Sound {
  return Object.hasOwn(SOUNDS, name);
}

/** The affricates are two sounds each. */
const toSounds = (names: string): readonly Sound[] =>
  names
    .replace(/\bch\b/g, 't sh')
    .replace(/\bj\b/g, 'd zh')
    .split(' ')
    .filter(isSound);

function readLetters(word: string): readonly Sound[] {
  const irregular = IRREGULAR.get(word);
  if (irregular !== undefined) return toSounds(irregular);
  const names: string[] = [];
  let at = 0;
  while (at < word.length) {
    const before = at;
    for (const [rule, sounds] of RULES) {
      rule.lastIndex = at;
      const match = rule.exec(word);
      if (match === null) continue;
      names.push(sounds.replace('$0', match[0]).replace('$1', match[1] ?? ''));
      at += match[0].length;
      break;
    }
    if (at === before) at++;
  }
  return toSounds(names.join(' '));
}

/** Letters of other scripts get syllables of no meaning, so that a voice is heard at all. */
function babble(word: string): readonly Sound[] {
  const onsets = ['m', 'n', 'l', 'd', 's', 'k', 'b', 'y'] as const;
  const vowels = ['aa', 'iy', 'uw', 'eh', 'ow'] as const;
  return [...word].slice(0, 8).flatMap((letter): readonly Sound[] => {
    const code = letter.codePointAt(0) ?? 0;
    if (!/\p{L}/u.test(letter)) return [];
    return [onsets[code % onsets.length] ?? 'm', vowels[code % vowels.length] ?? 'aa'];
  });
}

/** The sounds of one written word; its punctuation is silent, its digits are read one by one. */
export function wordSounds(written: string): readonly Sound[] {
  const folded = written.slice(0, LONGEST_WORD).toLowerCase().normalize('NFD').replace(/\p{M}/gu, '');
  const pieces = folded.replace(/['’]/g, '').match(/[a-z]+|[0-9]/g);
  if (pieces === null) return babble(folded);
  return pieces.flatMap((piece) => readLetters(DIGITS[Number.parseInt(piece, 10)] ?? piece));
}
