/** Base64 to bytes, without a way over a string of bytes, which costs most of the time. */

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
/** By character code; what is no letter of base64 is 0, as silence is. */
const VALUES = new Uint8Array(128);
for (let index = 0; index < LETTERS.length; index += 1) VALUES[LETTERS.charCodeAt(index)] = index;
/** The URL's alphabet. */
VALUES['-'.charCodeAt(0)] = LETTERS.indexOf('+');
VALUES['_'.charCodeAt(0)] = LETTERS.indexOf('/');

const PADDING = /={1,2}$/;

/** How many bytes a text holds. */
export function base64Length(text: string): number {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  return Math.floor(((text.length - padding) * 3) / 4);
}

/** True when the text is base64 and nothing else, such as what stands in the place of something redacted. */
export function isBase64(text: string): boolean {
  return /^[A-Za-z0-9+/_-]*={0,2}$/.test(text);
}

/**
 * Never throws: a character that does not belong there counts as the letter for 0.
 *
 * @param bytes where they go; as many as `base64Length` says
 */
export function bytesOfBase64(
  text: string,
  bytes: Uint8Array = new Uint8Array(base64Length(text)),
): Uint8Array {
  const letters = text.replace(PADDING, '').length;
  let out = 0;
  let at = 0;
  for (; at + 4 <= letters; at += 4) {
    const bits =
      (valueAt(text, at) << 18) |
      (valueAt(text, at + 1) << 12) |
      (valueAt(text, at + 2) << 6) |
      valueAt(text, at + 3);
    bytes[out] = bits >> 16;
    bytes[out + 1] = (bits >> 8) & 0xff;
    bytes[out + 2] = bits & 0xff;
    out += 3;
  }
  if (letters - at >= 2) {
    const bits =
      (valueAt(text, at) << 18) |
      (valueAt(text, at + 1) << 12) |
      (at + 2 < letters ? valueAt(text, at + 2) << 6 : 0);
    bytes[out] = bits >> 16;
    if (letters - at === 3) bytes[out + 1] = (bits >> 8) & 0xff;
  }
  return bytes;
}

function valueAt(text: string, at: number): number {
  return VALUES[text.charCodeAt(at)] ?? 0;
}
