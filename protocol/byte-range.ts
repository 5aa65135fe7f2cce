/** `Range: bytes=…`, RFC 9110, section 14. */

export type ByteRange =
  /** All of it: there is no range, or one of a kind that need not be honoured, such as several at once. */
  | { readonly kind: 'whole' }
  /** `to` is the first byte that is not in it. */
  | { readonly kind: 'part'; readonly from: number; readonly to: number }
  | { readonly kind: 'unsatisfiable' };

const ONE = /^bytes=(\d*)-(\d*)$/i;

/** @param length of the whole, bytes */
export function readRange(header: string | null, length: number): ByteRange {
  const [, first = '', last = ''] = ONE.exec(header?.replaceAll(' ', '') ?? '') ?? [];
  if (first === '' && last === '') return { kind: 'whole' };
  if (first === '') {
    const from = Math.max(0, length - Number(last));
    return from === length ? { kind: 'unsatisfiable' } : { kind: 'part', from, to: length };
  }
  const from = Number(first);
  const to = last === '' ? length : Math.min(length, Number(last) + 1);
  if (last !== '' && Number(last) < from) return { kind: 'whole' };
  return from >= length ? { kind: 'unsatisfiable' } : { kind: 'part', from, to };
}
