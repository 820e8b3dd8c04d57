const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;

/** Keys written in the outermost object, and in the objects directly inside it. */
export interface JsonKeys {
  readonly outer: number;
  readonly inner: number;
}

/**
 * Counts keys as they are written, repeated ones too. For text that is not valid JSON the counts mean nothing: parse it as well.
 * @returns undefined where the text nests deeper than `mostDepth`
 */
export function countJsonKeys(utf8: Uint8Array, mostDepth: number): JsonKeys | undefined {
  let depth = 0;
  let outer = 0;
  let inner = 0;
  for (let i = 0; i < utf8.length; i++) {
    switch (utf8[i]) {
      case QUOTE:
        for (i++; i < utf8.length && utf8[i] !== QUOTE; i++) if (utf8[i] === BACKSLASH) i++;
        break;
      case COLON:
        if (depth === 1) outer++;
        else if (depth === 2) inner++;
        break;
      case OPEN_OBJECT:
      case OPEN_LIST:
        if (++depth > mostDepth) return undefined;
        break;
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        depth--;
        break;
    }
  }
  return { outer, inner };
}
