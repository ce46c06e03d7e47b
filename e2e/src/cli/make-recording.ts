import { digestAnswer, guidsIn, withPlaceholders } from './answer-digest.ts';
import { type Answer, selectorOf } from './bindings.ts';
import type { FlowContext } from './command-runner.ts';
import { isPolled, startTimePlaceholder } from './polling.ts';
import type { CommandTrace } from './real-cli.ts';
import type { RecordedExchange, Recording } from './recording.ts';
import type { Exchange } from './recording-proxy.ts';

/** Of the headers that the CLI sends, those a platform may act upon. */
const HEADERS = ['accept', 'content-type', 'authorization', 'user-agent'] as const;
const DEFAULTS = { accept: 'application/json', 'content-type': 'application/json', authorization: '{bearer}' } as const;

/** Makes the recording of a flow from what its commands sent. `cli` is what the CLI calls itself. */
export function makeRecording(cli: string, context: FlowContext, traces: readonly CommandTrace[]): Recording {
  const agent = traces.flatMap(({ exchanges }) => exchanges)[0]?.headers['user-agent'] ?? 'cf';
  const placeholders = new Map<string, string>();
  const counts = new Map<string, number>();
  const name = (guid: string, kind: string): string => {
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    const placeholder = `${kind}${count}`;
    placeholders.set(guid, placeholder);
    return placeholder;
  };
  const answers: {
    readonly made: RecordedExchange & { bind?: Record<string, string> };
    readonly answer: Answer;
    readonly path: string;
  }[] = [];

  /** Replaces guids, and notes at the answer that a guid first came with where it was in it. */
  const bound = (text: string): string => {
    let result = withPlaceholders(text, context);
    for (const guid of guidsIn(result)) {
      if (!placeholders.has(guid)) {
        const origin = answers.find(({ answer }) => selectorOf(guid, answer) !== undefined);
        if (origin === undefined)
          throw new Error(`where does the CLI have ${guid} from in ${context.flow}: ${text.slice(0, 300)}`);
        const selector = selectorOf(guid, origin.answer) ?? '';
        const placeholder = name(guid, selector === 'location' ? 'job' : kindOf(origin.path));
        origin.made.bind = { ...origin.made.bind, [placeholder]: withPlaceholders(selector, context) };
      }
      result = result.replaceAll(guid, `{${placeholders.get(guid)}}`);
    }
    return result;
  };

  const commands = traces.map(({ actor, args, exchanges }) => {
    const given = guidsIn(args.join('\n')).flatMap((guid) => (placeholders.has(guid) ? [] : [name(guid, 'given')]));
    const run = args.map((arg) => bound(arg));
    let stopped = false;
    const made = simplified(exchanges, args[0] === 'logs').map((exchange) => {
      if (/\/actions\/(stop|start|restart)$/.test(exchange.path)) stopped = exchange.path.endsWith('/stop');
      const one: RecordedExchange & { bind?: Record<string, string> } = {
        send: `${exchange.method} ${startTimePlaceholder(bound(exchange.path))}`,
        ...headersOf(exchange, agent, bound),
        ...(exchange.body === '' ? {} : { body: bodyOf(bound(exchange.body)) }),
        status: exchange.status,
        ...answerOf(exchange, context, stopped),
      };
      answers.push({
        made: one,
        answer: { location: exchange.location, body: json(exchange.answer) },
        path: exchange.path,
      });
      return one;
    });
    return { run, as: actor, ...(given.length > 0 ? { given } : {}), exchanges: made };
  });
  return { header: { cli, flow: context.flow, headers: { ...DEFAULTS, 'user-agent': agent } }, commands };
}

/** `/v3/apps/…/routes?…` is about a route. */
function kindOf(path: string): string {
  const words = (path.split('?')[0] ?? '')
    .split('/')
    .filter((part) => /^[a-zA-Z_]{3,}$/.test(part) && part !== 'actions');
  return (words.at(-1) ?? 'thing').toLowerCase().replace(/s$/, '').replaceAll('_', '-');
}

/**
 * Without tokens' renewal, which depends on the clock, and without all but the last of a row of polls. What is asked of the
 * log goes last, for the CLI does it beside its work; what of it is read depends on how long that takes, and is left out
 * where the log is not what the command is about.
 */
function simplified(exchanges: readonly Exchange[], readsLog: boolean): readonly Exchange[] {
  const own = exchanges.filter(
    ({ body, path }) => !(path.endsWith('/oauth/token') && body.includes('grant_type=refresh_token')),
  );
  const key = ({ method, path }: Exchange): string => `${method} ${startTimePlaceholder(path)}`;
  const isLog = ({ path }: Exchange): boolean => path.startsWith('/api/v1/');
  const kept = own
    .filter((one) => !isLog(one))
    .filter((one, index, all) => {
      if (!isPolled(one)) return true;
      const rest = all.slice(index + 1);
      const firstOther = rest.findIndex((later) => !isPolled(later));
      const polls = firstOther < 0 ? rest : rest.slice(0, firstOther);
      return !polls.some((later) => key(later) === key(one));
    });
  const log = own.filter(isLog);
  // Of reads that only differ in time, the one that had most to say.
  const reads = [...new Set(log.map(key))].map((wanted) =>
    log.filter((one) => key(one) === wanted).reduce((a, b) => (b.answer.length > a.answer.length ? b : a)),
  );
  return [...inOrder(kept), ...reads.filter(({ path }) => readsLog || path === '/api/v1/info')];
}

/** The CLI looks the app up for its log while it asks for the build: in any order, here always the same. */
function inOrder(exchanges: readonly Exchange[]): readonly Exchange[] {
  const ordered = [...exchanges];
  const build = ordered.findIndex(({ method, path }) => method === 'POST' && path === '/v3/builds');
  if (build < 0) return ordered;
  const lookUp = ordered.findIndex(
    ({ path }, index) => index > build && index < build + 4 && path.startsWith('/v3/apps?names='),
  );
  if (lookUp > 0) ordered.splice(build, 0, ...ordered.splice(lookUp, 1));
  return ordered;
}

function headersOf(
  exchange: Exchange,
  agent: string,
  bound: (text: string) => string,
): { headers?: Record<string, string | null> } {
  const usual: Record<string, string> = { ...DEFAULTS, 'user-agent': agent };
  const headers: Record<string, string | null> = {};
  for (const header of HEADERS) {
    const sent = exchange.headers[header];
    const value = sent === undefined ? null : header === 'authorization' ? withoutToken(sent) : bound(sent);
    if (value !== usual[header]) headers[header] = value;
  }
  return Object.keys(headers).length === 0 ? {} : { headers };
}

/** Of the cf client's empty secret nobody needs to make one. */
const withoutToken = (sent: string): string => (/^bearer ./i.test(sent) ? '{bearer}' : sent);

function answerOf(exchange: Exchange, context: FlowContext, stopped: boolean): { answer?: unknown } {
  // The newest line, from which the CLI reads on, may be any.
  if (exchange.path.startsWith('/api/v1/read/') && exchange.path.includes('limit=1&')) return {};
  // What is stopping may run for a moment still.
  if (stopped && exchange.path.endsWith('/stats')) return {};
  const answer = digestAnswer(exchange.path, exchange.answer, context);
  return answer === undefined ? {} : { answer };
}

/** Objects for people to read; what is not JSON as it is. */
function bodyOf(text: string): unknown {
  const value = json(text);
  return typeof value === 'object' && value !== null && JSON.stringify(value) === text ? value : text;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
