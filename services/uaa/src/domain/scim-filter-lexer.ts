export type Token =
  | { readonly kind: 'open' | 'close' | 'end'; readonly offset: number }
  /** An attribute path, an operator or a literal that is not quoted. */
  | { readonly kind: 'word'; readonly text: string; readonly offset: number }
  | { readonly kind: 'string'; readonly value: string; readonly offset: number };

export class ScimFilterSyntaxError extends Error {
  /** Index in the filter, in UTF-16 units. */
  readonly offset: number;

  constructor(expected: string, offset: number) {
    super(`expected ${expected} at character ${offset + 1}`);
    this.name = 'ScimFilterSyntaxError';
    this.offset = offset;
  }
}

const SPACE = /[ \t\r\n]+/y;
const WORD = /[A-Za-z0-9_$:.+-]+/y;
/** A JSON string, as RFC 7644 has it. */
const STRING = /"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*"/uy;

/** Splits a filter into tokens, the last of kind `end`. Throws ScimFilterSyntaxError. */
export function tokenize(filter: string): Token[] {
  const tokens: Token[] = [];
  let offset = 0;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = offset;
    return pattern.exec(filter)?.[0];
  };
  while (offset < filter.length) {
    const space = match(SPACE);
    if (space !== undefined) {
      offset += space.length;
      continue;
    }
    const character = filter[offset];
    const word = match(WORD);
    const string = match(STRING);
    if (character === '(' || character === ')') {
      tokens.push({ kind: character === '(' ? 'open' : 'close', offset });
      offset++;
    } else if (word !== undefined) {
      tokens.push({ kind: 'word', text: word, offset });
      offset += word.length;
    } else if (string !== undefined) {
      tokens.push({ kind: 'string', value: JSON.parse(string) as string, offset });
      offset += string.length;
    } else {
      throw new ScimFilterSyntaxError('a name, an operator, a value in double quotes, or a bracket', offset);
    }
  }
  tokens.push({ kind: 'end', offset });
  return tokens;
}
