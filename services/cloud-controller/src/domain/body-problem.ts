/** Deeper than any body that means something; whatever works on values is recursive. Ruby's JSON has the same limit. */
const MAX_DEPTH = 100;

/** Can every database keep it as text? Not with a zero character (PostgreSQL), nor with half a surrogate pair (UTF-8). */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

/** What is wrong with the data of a body, whatever it is for; undefined when nothing is. */
export function bodyProblem(body: unknown): string | undefined {
  return problemOf(body, 0);
}

function problemOf(value: unknown, depth: number): string | undefined {
  if (typeof value === 'string') return isStorable(value) ? undefined : 'a text has characters that no text has';
  // Too large for a double: it would come back as null.
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'a number is too large';
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth >= MAX_DEPTH) return 'nested too deeply';
  if (Array.isArray(value)) return firstProblem(value, depth);
  for (const key of Object.keys(value)) {
    if (!isStorable(key)) return 'a key has characters that no text has';
    // No name of a field, a variable or a label, and not copied as others are.
    if (key === '__proto__') return "a key is '__proto__'";
  }
  return firstProblem(Object.values(value), depth);
}

function firstProblem(values: readonly unknown[], depth: number): string | undefined {
  for (const value of values) {
    const problem = problemOf(value, depth + 1);
    if (problem !== undefined) return problem;
  }
  return undefined;
}
