/** One challenge of a `WWW-Authenticate` header (RFC 9110, 11.6.1). Scheme and parameter names are lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly params: Readonly<Record<string, string>>;
}

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const TOKEN68 = /[0-9A-Za-z\-._~+/]+=*(?=[ \t]*(?:,|$))/y;
const SEPARATORS = /[ \t,]*/y;
const SPACES = /[ \t]*/y;
const EQUALS = /[ \t]*=[ \t]*/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/y;

/**
 * Reads all challenges of the header's lines. A line is read as far as it makes sense: what follows the first nonsense
 * is left out, for half a challenge must not be guessed at. Lines above `MAX_LINE` are ignored.
 */
export function parseChallenges(lines: readonly string[]): Challenge[] {
  return lines.filter((line) => line.length <= MAX_LINE).flatMap(parseLine);
}

/** Header lines are 16 KiB at most anyway; real challenges have a few hundred bytes. */
const MAX_LINE = 8192;

function parseLine(line: string): Challenge[] {
  const challenges: { scheme: string; params: Record<string, string> }[] = [];
  let at = 0;
  const read = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(line);
    at = match ? pattern.lastIndex : at;
    return match;
  };
  for (;;) {
    read(SEPARATORS);
    const word = read(TOKEN)?.[0].toLowerCase();
    if (word === undefined) {
      return challenges;
    }
    const current = challenges.at(-1);
    if (current !== undefined && read(EQUALS)) {
      const value = readValue(read);
      // The first of two parameters of one name counts: a later one may have been smuggled in.
      if (value === undefined || Object.hasOwn(current.params, word)) {
        return value === undefined ? challenges.slice(0, -1) : challenges;
      }
      current.params[word] = value;
    } else {
      challenges.push({ scheme: word, params: Object.create(null) as Record<string, string> });
      skipToken68(read, line, () => at);
    }
  }
}

function readValue(read: (pattern: RegExp) => RegExpExecArray | null): string | undefined {
  const quoted = read(QUOTED);
  return quoted ? (quoted[1] ?? '').replace(/\\(.)/g, '$1') : read(TOKEN)?.[0];
}

/** `Negotiate abc==`: credentials in place of parameters. No scheme that is spoken here uses them. */
function skipToken68(read: (pattern: RegExp) => RegExpExecArray | null, line: string, at: () => number): void {
  if (/[ \t]/.test(line[at()] ?? '')) {
    read(SPACES);
    read(TOKEN68);
  }
}
