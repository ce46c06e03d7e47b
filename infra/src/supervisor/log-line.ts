import { z } from 'zod';

/** pino's levels, least first. */
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LogLine {
  readonly level: LogLevel;
  /** Short enough for a human to read along. */
  readonly text: string;
}

const jsonLineSchema = z.looseObject({ level: z.enum(logLevels), msg: z.string() });
/** What a human knows already or does not want to know. */
const hidden = new Set(['level', 'time', 'msg', 'service', 'pid', 'hostname', 'err', 'traceId']);
const MAX_VALUE_LENGTH = 120;
/** nats-server: `[12] 2026/11/20 21:12:03.000000 [WRN] text`; docker-registry: `time="…" level=warning msg="…"`. */
const natsLine = /^\[\d+\] \S+ \S+ \[(DBG|TRC|INF|WRN|ERR|FTL)\] (.*)$/;
const logfmtLine = /^time="[^"]*" level=(\w+) msg=("(?:[^"\\]|\\.)*"|\S+)/;
/**
 * NATS passwords are random, in files of their owner only, and never leave the machine. To the registry every 404 is an
 * error, and a push begins with asking what is there.
 */
const EXPECTED = /Plaintext passwords detected|response completed with error/;
const levelNames: Readonly<Record<string, LogLevel>> = {
  TRC: 'trace',
  DBG: 'debug',
  // What these two call information is of interest to those only who look for it.
  INF: 'debug',
  WRN: 'warn',
  ERR: 'error',
  FTL: 'fatal',
  debug: 'debug',
  info: 'debug',
  warning: 'warn',
  error: 'error',
  fatal: 'fatal',
};

/** Reads one line that a process wrote. Total: what it does not know is text of level `info` (stderr: `warn`). */
export function readLogLine(line: string, stream: 'stdout' | 'stderr'): LogLine {
  if (line.startsWith('{')) {
    const parsed = jsonLineSchema.safeParse(parseJson(line));
    if (parsed.success) {
      const { level, msg, ...fields } = parsed.data;
      return { level, text: [msg, ...describeFields(fields)].join(' ') };
    }
  }
  const known = natsLine.exec(line) ?? logfmtLine.exec(line);
  const level = levelNames[known?.[1] ?? ''];
  if (known !== null && level !== undefined)
    return { level: EXPECTED.test(line) ? 'debug' : level, text: known[2] ?? '' };
  return { level: stream === 'stderr' ? 'warn' : 'info', text: line };
}

function describeFields(fields: Readonly<Record<string, unknown>>): string[] {
  const error = z.looseObject({ message: z.string() }).safeParse(fields.err);
  const shown = Object.entries(fields)
    .filter(([name, value]) => !hidden.has(name) && value !== undefined && value !== null)
    .map(([name, value]) => `${name}=${describeValue(value)}`);
  return error.success ? [...shown, `(${error.data.message})`] : shown;
}

function describeValue(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > MAX_VALUE_LENGTH ? `${text.slice(0, MAX_VALUE_LENGTH)}…` : text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
