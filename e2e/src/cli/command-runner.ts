/** Major versions of the cf CLI that the flows hold for. */
export const cliVersions = ['v8', 'v9'] as const;
export type CliVersion = (typeof cliVersions)[number];

/** What a command of a flow shall come to. */
export interface Expected {
  /** Default: 0. */
  readonly status?: number;
  /** What the CLI's output has to contain. Only the real CLI has an output. */
  readonly says?: readonly (string | RegExp)[];
  /** What it must not contain. */
  readonly hides?: readonly (string | RegExp)[];
  /** Answers to the CLI's questions, a line each. */
  readonly input?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Interrupted, as by Ctrl-C, once its output has this; with recordings, once the log has all recorded source types. */
  readonly until?: { readonly says: RegExp; readonly trigger: () => Promise<void> };
}

export interface Command {
  /** Who runs it: whoever has a `CF_HOME` of their own. */
  readonly actor: string;
  readonly args: readonly string[];
  readonly expected: Expected;
}

export interface Outcome {
  /** Standard output and standard error; empty with recordings. */
  readonly output: string;
  /** When what was waited for was said; by performance.now(). */
  readonly saidAt?: number | undefined;
}

/** The commands of one flow, one after the other for each actor. */
export interface FlowRunner {
  /** Throws when the command did not come to what was expected. */
  run(command: Command): Promise<Outcome>;
  close(): Promise<void>;
}

/** What a flow's texts differ in from run to run: they are replaced in recordings. */
export interface FlowContext {
  readonly flow: string;
  /** Begins the name of everything that the flow makes. */
  readonly run: string;
  /** `localhost:<port>` of the platform. */
  readonly platform: string;
  /** `host:port` of the registry. */
  readonly registry: string;
  /** Where commands run: fixtures, and what the flow writes. */
  readonly directory: string;
  /** Other texts that no recording may have, by name: passwords, mostly. The flow adds to them as it goes. */
  readonly variables: Map<string, string>;
  /** Is shown every answer of the platform. */
  readonly observe?: ((exchange: ObservedExchange) => void) | undefined;
}

export interface ObservedExchange {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** The CLI of one version: the program itself, or what was recorded of it. */
export interface Cli {
  readonly version: CliVersion;
  /** For the report: e.g. `cf version 8.18.4`, `recordings of cf version 8.18.4`. */
  readonly description: string;
  open(context: FlowContext): Promise<FlowRunner>;
}
