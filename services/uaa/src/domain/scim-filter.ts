import { ScimFilterSyntaxError, type Token, tokenize } from './scim-filter-lexer.ts';

const comparisons = ['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le'] as const;
export type Comparison = (typeof comparisons)[number];
export type FilterValue = string | number | boolean | null;

export type ScimFilter =
  | {
      readonly kind: 'compare';
      readonly attribute: string;
      readonly operator: Comparison;
      readonly value: FilterValue;
    }
  | { readonly kind: 'present'; readonly attribute: string }
  | { readonly kind: 'and' | 'or'; readonly left: ScimFilter; readonly right: ScimFilter }
  | { readonly kind: 'not'; readonly filter: ScimFilter };

/** Longer than any client writes; with it brackets cannot nest without end either. */
const MAX_LENGTH = 4_096;
const MAX_DEPTH = 50;
const MAX_TERMS = 100;
const ATTRIBUTE = /^[A-Za-z][A-Za-z0-9_:.-]*$/;
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?$/;

/**
 * A SCIM filter (RFC 7644 3.4.2.2) without value paths (`emails[...]`): `not` binds tighter than `and`, `and` tighter
 * than `or`; operators may be in any case. Throws ScimFilterSyntaxError.
 */
export function parseScimFilter(text: string): ScimFilter {
  if (text.length > MAX_LENGTH) throw new ScimFilterSyntaxError('no more', MAX_LENGTH);
  const parser = new Parser(tokenize(text));
  const filter = parser.parseOr(0);
  parser.expectEnd();
  return filter;
}

class Parser {
  readonly #tokens: readonly Token[];
  #position = 0;
  #terms = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parseOr(depth: number): ScimFilter {
    let left = this.#parseAnd(depth);
    while (this.#takeWord('or')) left = { kind: 'or', left, right: this.#parseAnd(depth) };
    return left;
  }

  expectEnd(): void {
    const token = this.#peek();
    if (token.kind !== 'end') throw new ScimFilterSyntaxError('"and", "or" or the end', token.offset);
  }

  #parseAnd(depth: number): ScimFilter {
    let left = this.#parseTerm(depth);
    while (this.#takeWord('and')) left = { kind: 'and', left, right: this.#parseTerm(depth) };
    return left;
  }

  #parseTerm(depth: number): ScimFilter {
    const token = this.#peek();
    this.#terms++;
    if (depth >= MAX_DEPTH || this.#terms > MAX_TERMS) throw new ScimFilterSyntaxError('fewer terms', token.offset);
    if (token.kind === 'open') {
      this.#position++;
      return this.#parseGroup(depth);
    }
    if (token.kind === 'word' && token.text.toLowerCase() === 'not' && this.#peek(1).kind === 'open') {
      this.#position += 2;
      return { kind: 'not', filter: this.#parseGroup(depth) };
    }
    return this.#parseComparison();
  }

  /** After the opening bracket. */
  #parseGroup(depth: number): ScimFilter {
    const filter = this.parseOr(depth + 1);
    const token = this.#next();
    if (token.kind !== 'close') throw new ScimFilterSyntaxError('")"', token.offset);
    return filter;
  }

  #parseComparison(): ScimFilter {
    const attribute = this.#next();
    if (attribute.kind !== 'word' || !ATTRIBUTE.test(attribute.text)) {
      throw new ScimFilterSyntaxError('an attribute', attribute.offset);
    }
    const operator = this.#next();
    const name = operator.kind === 'word' ? operator.text.toLowerCase() : '';
    if (name === 'pr') return { kind: 'present', attribute: attribute.text };
    const comparison = comparisons.find((known) => known === name);
    if (comparison === undefined) {
      throw new ScimFilterSyntaxError(`one of ${comparisons.join(', ')}, pr`, operator.offset);
    }
    return { kind: 'compare', attribute: attribute.text, operator: comparison, value: this.#parseValue() };
  }

  #parseValue(): FilterValue {
    const token = this.#next();
    if (token.kind === 'string') return token.value;
    const text = token.kind === 'word' ? token.text : '';
    if (text === 'true' || text === 'false') return text === 'true';
    if (text === 'null') return null;
    if (NUMBER.test(text)) return Number(text);
    throw new ScimFilterSyntaxError('a value: text in double quotes, a number, true, false or null', token.offset);
  }

  #takeWord(word: string): boolean {
    const token = this.#peek();
    const found = token.kind === 'word' && token.text.toLowerCase() === word;
    if (found) this.#position++;
    return found;
  }

  #peek(ahead = 0): Token {
    // The last token is `end`, and stays.
    return this.#tokens[Math.min(this.#position + ahead, this.#tokens.length - 1)] as Token;
  }

  #next(): Token {
    const token = this.#peek();
    this.#position++;
    return token;
  }
}
