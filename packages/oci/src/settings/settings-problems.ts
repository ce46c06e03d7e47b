import { type Document, isNode, type LineCounter } from 'yaml';
import type { z } from 'zod';

export type SettingsPath = readonly (string | number)[];

/** Something in the settings that cannot be used. */
export interface SettingsProblem {
  readonly path: SettingsPath;
  /** What is wrong, what was expected, what to do. Holds no secret. */
  readonly message: string;
}

/** `registries."docker.io".mirrors[0]` */
export function printPath(path: SettingsPath): string {
  return path
    .map((part, i) =>
      typeof part === 'number'
        ? `[${part}]`
        : `${i === 0 ? '' : '.'}${/^\w+$/.test(part) ? part : JSON.stringify(part)}`,
    )
    .join('');
}

/** The schema's issues, each at the key that it is about. */
export function problemsOf(error: z.ZodError): SettingsProblem[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
    if (issue.code === 'unrecognized_keys') {
      const message = 'there is no such setting: correct or remove it (docs/registries.md has all of them)';
      return issue.keys.map((key) => ({ path: [...path, key], message }));
    }
    // Union members tell what each of them misses; the union's own words say what is expected.
    const message = issue.code === 'invalid_type' ? expectedType(issue) : issue.message;
    return [{ path, message }];
  });
}

function expectedType({ expected }: z.core.$ZodIssueInvalidType): string {
  const words: Readonly<Record<string, string>> = {
    string: 'expected a text; put a number or a date in quotes',
    array: 'expected a list',
    object: 'expected settings under it',
    record: 'expected settings under it',
    boolean: 'expected true or false',
  };
  return words[expected] ?? `expected ${expected}`;
}

/** The line of a path in the document, from 1; that of the nearest thing above it when it is not there itself. */
export function lineOf(document: Document, lines: LineCounter, path: SettingsPath): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const node: unknown =
      length === 0
        ? document.contents
        : (keyAt(document, path.slice(0, length)) ?? document.getIn(path.slice(0, length), true));
    if (isNode(node) && node.range) {
      return lines.linePos(node.range[0]).line;
    }
  }
  return 1;
}

/** The key of a pair stands where the eye looks; a value may begin on the next line. */
function keyAt(document: Document, path: SettingsPath): unknown {
  const parent: unknown = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  const items = (parent as { items?: readonly unknown[] } | undefined)?.items ?? [];
  const last = path.at(-1);
  const pair = items.find((item) => (item as { key?: { value?: unknown } }).key?.value === last);
  return (pair as { key?: unknown } | undefined)?.key;
}
