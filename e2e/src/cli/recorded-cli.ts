import { setTimeout as delay } from 'node:timers/promises';
import { digestAnswer, fillPlaceholders, guidsIn, withPlaceholders } from './answer-digest.ts';
import { selectGuid } from './bindings.ts';
import { type HttpSender, Tokens } from './cli-tokens.ts';
import type { Cli, CliVersion, Command, FlowContext, FlowRunner, Outcome } from './command-runner.ts';
import { differenceOf, isNarrow } from './compare-answers.ts';
import { isPolled } from './polling.ts';
import { type RecordedExchange, type Recording, readRecording } from './recording.ts';
import { unreadable } from './what-cli-reads.ts';

/** How long what is polled may take to become what it was. */
const POLL_DEADLINE_MS = 90_000;
/** Shorter than the CLI's 3 s: nothing is won by waiting. */
const POLL_INTERVAL_MS = 150;
const MAXIMUM_PAGES = 50;

/** Sends what the CLI sent when the flows were recorded, and holds the platform to what the CLI needs of the answers. */
export function recordedCli(version: CliVersion, send: HttpSender, description: string): Cli {
  return {
    version,
    description,
    open: async (context) => {
      const recording = await readRecording(version, context.flow);
      if (recording === undefined) {
        throw new Error(`the flow ${context.flow} was never recorded with ${version}: run "npm run record-cli" in e2e`);
      }
      return new RecordedFlowRunner(recording, context, send);
    },
  };
}

interface LiveAnswer {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
}

export class RecordedFlowRunner implements FlowRunner {
  readonly #recording: Recording;
  readonly #context: FlowContext;
  readonly #send: HttpSender;
  readonly #tokens = new Map<string, Tokens>();
  readonly #guids = new Map<string, string>();
  readonly #done = new Map<string, number>();

  constructor(recording: Recording, context: FlowContext, send: HttpSender) {
    this.#recording = recording;
    this.#context = context;
    this.#send = send;
  }

  async run(command: Command): Promise<Outcome> {
    const recorded = this.#next(command);
    for (const [index, placeholder] of (recorded.given ?? []).entries()) {
      const unknown = guidsIn(command.args.join('\n')).filter((guid) => ![...this.#guids.values()].includes(guid));
      const guid = unknown[0];
      if (guid === undefined) throw new Error(`argument ${index + 1} has no guid for ${placeholder}`);
      this.#guids.set(placeholder, guid);
    }
    await command.expected.until?.trigger();
    const tokens = this.#tokensOf(command.actor);
    if (recorded.exchanges.length > 0) await tokens.renewWhenDue();
    let since = '0';
    for (const exchange of recorded.exchanges) {
      const answer = await this.#exchange(exchange, tokens, since);
      since = latestTime(answer.body) ?? since;
    }
    return { output: '', ...(command.expected.until === undefined ? {} : { saidAt: performance.now() }) };
  }

  async close(): Promise<void> {}

  #tokensOf(actor: string): Tokens {
    const known = this.#tokens.get(actor);
    if (known !== undefined) return known;
    const made = new Tokens(this.#send);
    this.#tokens.set(actor, made);
    return made;
  }

  /** The next command of the actor in the recording. Throws when it is another one than now. */
  #next({ actor, args }: Command): Recording['commands'][number] {
    const count = this.#done.get(actor) ?? 0;
    this.#done.set(actor, count + 1);
    const recorded = this.#recording.commands.filter(({ as }) => as === actor)[count];
    const shape = (texts: readonly string[]): string =>
      texts.map((text) => guidsIn(text).reduce((now, guid) => now.replaceAll(guid, '{}'), text)).join(' ');
    const now = shape(args.map((arg) => withPlaceholders(arg, this.#context)));
    const then = shape(recorded?.run ?? []).replaceAll(/\{[a-z-]+\d+\}/g, '{}');
    if (recorded === undefined || now !== then) {
      throw new Error(`the flow is not what was recorded, "${then}": run "npm run record-cli" in e2e`);
    }
    return recorded;
  }

  async #exchange(exchange: RecordedExchange, tokens: Tokens, since: string): Promise<LiveAnswer> {
    const polled = isPolled({ method: exchange.send.split(' ')[0] ?? '', path: exchange.send.split(' ')[1] ?? '' });
    const deadline = performance.now() + POLL_DEADLINE_MS;
    for (;;) {
      const answer = await this.#ask(exchange, tokens, since);
      const problem = this.#problemOf(exchange, answer);
      if (problem === undefined) {
        this.#bind(exchange, answer);
        tokens.take(answer.body);
        return answer;
      }
      // What cannot be read, or is an error, does not get better.
      const mayChange = polled && answer.status === exchange.status && !problem.final;
      if (!mayChange || performance.now() > deadline) throw new Error(`${exchange.send}: ${problem.text}`);
      await delay(POLL_INTERVAL_MS);
    }
  }

  async #ask(exchange: RecordedExchange, tokens: Tokens, since: string): Promise<LiveAnswer> {
    const [method = 'GET', template = '/'] = exchange.send.split(' ', 2);
    const path = this.#fill(template.replace('{since}', since));
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries({ ...this.#recording.header.headers, ...exchange.headers })) {
      if (value !== null) headers[name] = this.#fill(value.replace('{bearer}', `bearer ${tokens.access}`));
    }
    const { body } = exchange;
    const text = body === undefined ? undefined : this.#fill(typeof body === 'string' ? body : JSON.stringify(body));
    const first = await this.#sendOnce(method, path, headers, text);
    return { ...first, body: await this.#withFurtherPages(path, headers, first) };
  }

  async #sendOnce(
    method: string,
    path: string,
    headers: Record<string, string>,
    body: string | undefined,
  ): Promise<LiveAnswer> {
    const answer = await this.#send({ method, path, headers, ...(body === undefined ? {} : { body }) });
    const location = answer.headers.location;
    const { status, headers: answered } = answer;
    this.#context.observe?.({ method, path, status, headers: answered, body: answer.body });
    return { status, location: typeof location === 'string' ? location : undefined, body: answer.body };
  }

  /** As the CLI: when a list has a next page and the request did not name one, all pages are one list. */
  async #withFurtherPages(path: string, headers: Record<string, string>, first: LiveAnswer): Promise<string> {
    if (/[?&]page=/.test(path)) return first.body;
    let page = listOf(first.body);
    if (page?.pagination?.next == null) return first.body;
    const resources = [...page.resources];
    for (let count = 1; page?.pagination?.next != null && count < MAXIMUM_PAGES; count++) {
      const { pathname, search } = new URL(page.pagination.next.href);
      const next = await this.#sendOnce('GET', `${pathname}${search}`, headers, undefined);
      page = listOf(next.body);
      if (page === undefined) throw new Error(`page ${count + 1} of ${path} is no list: ${next.body.slice(0, 200)}`);
      resources.push(...page.resources);
    }
    return JSON.stringify({ ...JSON.parse(first.body), pagination: { next: null }, resources });
  }

  #problemOf(exchange: RecordedExchange, answer: LiveAnswer): { text: string; final: boolean } | undefined {
    const path = (exchange.send.split(' ')[1] ?? '').replaceAll(/\{[a-z-]+\d+\}/g, 'guid');
    if (answer.status !== exchange.status) {
      const text = `answered ${answer.status} instead of ${exchange.status}: ${answer.body.slice(0, 500)}`;
      return { text, final: true };
    }
    const unread = unreadable(path.split('?')[0] ?? '', answer.status, answer.body);
    if (unread !== undefined) return { text: `the CLI cannot read the answer: ${unread}`, final: true };
    if (Object.values(exchange.bind ?? {}).includes('location') && !/^https?:\/\//.test(answer.location ?? '')) {
      return { text: `Location is ${answer.location}, not a whole URL`, final: true };
    }
    if (exchange.answer === undefined) return undefined;
    const live = digestAnswer(path, answer.body, this.#context);
    const text = differenceOf(exchange.answer, live, isNarrow(path));
    return text === undefined ? undefined : { text, final: isOver(exchange.answer, live) };
  }

  #bind(exchange: RecordedExchange, answer: LiveAnswer): void {
    const bind = Object.entries(exchange.bind ?? {});
    if (bind.length === 0) return;
    const body: unknown = answer.body === '' ? undefined : JSON.parse(answer.body);
    for (const [placeholder, selector] of bind) {
      const filled = fillPlaceholders(selector, this.#context);
      this.#guids.set(placeholder, selectGuid(filled, { location: answer.location, body }));
    }
  }

  #fill(text: string): string {
    return fillPlaceholders(text, this.#context).replaceAll(/\{([a-z-]+\d+)\}/g, (whole, placeholder: string) => {
      const guid = this.#guids.get(placeholder);
      if (guid === undefined) throw new Error(`no answer had the guid ${whole}`);
      return guid;
    });
  }
}

/** Whether what is waited for came to another end: a failed job does not complete. */
function isOver(recorded: unknown, live: unknown): boolean {
  const state = (value: unknown): string => {
    const { state: plain, status } = (value ?? {}) as { state?: string; status?: { value?: string } };
    return plain ?? status?.value ?? '';
  };
  const ends = ['COMPLETE', 'FAILED', 'STAGED', 'FINALIZED', 'SUCCEEDED', 'EXPIRED'];
  return ends.includes(state(live)) && !(state(live) === state(recorded) && state(live) === '');
}

/** One second before the newest line, in nanoseconds, from where the CLI reads on. */
function latestTime(body: string): string | undefined {
  const times = [...body.matchAll(/"timestamp":"(\d+)"/g)].map(([, time]) => BigInt(time ?? '0'));
  if (times.length === 0) return undefined;
  const newest = times.toSorted((a, b) => (a < b ? -1 : 1)).at(-1) ?? 0n;
  return String(newest - 1_000_000_000n);
}

interface List {
  readonly pagination?: { readonly next?: { readonly href: string } | null };
  readonly resources: readonly unknown[];
}

function listOf(body: string): List | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null && 'resources' in parsed ? (parsed as List) : undefined;
  } catch {
    return undefined;
  }
}
