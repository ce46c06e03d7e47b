import type { CliVersion } from './command-runner.ts';

export interface CommandResult {
  readonly version: CliVersion;
  readonly flow: string;
  readonly args: readonly string[];
  /** Why it failed; undefined: it passed. */
  readonly failure?: string | undefined;
}

/** Collects what came of commands, for a table at the end. */
export class CommandReport {
  readonly #results: CommandResult[] = [];
  readonly #notes: string[] = [];

  add(result: CommandResult): void {
    this.#results.push(result);
  }

  /** The results of a flow hold for another version, too. Throws when there is a failure among them. */
  repeat(flow: string, version: CliVersion, also: CliVersion): void {
    const results = this.#results.filter((one) => one.flow === flow && one.version === version);
    this.#results.push(...results.map((one) => ({ ...one, version: also })));
    if (results.some(({ failure }) => failure !== undefined)) throw new Error(`${flow} failed with ${version}`);
  }

  note(text: string): void {
    this.#notes.push(text);
  }

  /** A line for each command with its flags: how often it passed with each version, and where it failed. */
  table(versions: readonly { readonly version: CliVersion; readonly description: string }[]): string {
    const rows = new Map<string, CommandResult[]>();
    for (const result of this.#results) {
      const key = shapeOf(result.args);
      rows.set(key, [...(rows.get(key) ?? []), result]);
    }
    const width = Math.max('cf command'.length, ...[...rows.keys()].map((key) => key.length));
    const lines = [...rows]
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([key, results]) => {
        const cells = versions.map(({ version }) => cell(results.filter((one) => one.version === version)));
        return `${key.padEnd(width)}  ${cells.map((text) => text.padEnd(10)).join('  ')}`.trimEnd();
      });
    const failures = this.#results.flatMap(({ version, flow, args, failure }) =>
      failure === undefined
        ? []
        : [`FAIL ${version} ${flow}: cf ${args.join(' ')}\n     ${failure.replaceAll('\n', '\n     ')}`],
    );
    const failed = this.#results.filter(({ failure }) => failure !== undefined).length;
    return [
      ...versions.map(({ version, description }) => `${version}: ${description}`),
      '',
      `${'cf command'.padEnd(width)}  ${versions.map(({ version }) => version.padEnd(10)).join('  ')}`.trimEnd(),
      ...lines,
      '',
      ...this.#notes,
      ...failures,
      `${rows.size} commands with their flags, run ${this.#results.length} times: ${this.#results.length - failed} passed, ${failed} failed`,
      '',
    ].join('\n');
  }
}

function cell(results: readonly CommandResult[]): string {
  if (results.length === 0) return '-';
  const failed = results.filter(({ failure }) => failure !== undefined).length;
  if (failed > 0) return `FAIL ${failed}/${results.length}`;
  return results.length === 1 ? 'pass' : `pass x${results.length}`;
}

/** Flags that take no value: what follows is no part of them. Of the others only the name is shown. */
export function shapeOf(args: readonly string[]): string {
  const [command = '', ...rest] = args;
  const flags = rest.filter((arg) => /^--?[a-zA-Z]/.test(arg)).map((arg) => arg.split('=')[0] ?? '');
  const shown = [...new Set(flags)]
    .toSorted()
    .map((flag) => (flag === '--strategy' ? `${flag} ${strategyOf(rest)}` : flag));
  const kind = /^(set-label|unset-label|labels|set-health-check)$/.test(command) ? healthOrKind(command, rest) : [];
  return [command, ...kind, ...shown].join(' ');
}

const strategyOf = (args: readonly string[]): string => args[args.indexOf('--strategy') + 1] ?? '';
const healthOrKind = (command: string, args: readonly string[]): readonly string[] =>
  [command === 'set-health-check' ? args[1] : args[0]].filter((word): word is string => word !== undefined);
