import { type Logger, pino, stdTimeFunctions } from 'pino';
import { describeError } from './errors.ts';
import { currentTrace } from './trace.ts';

export type { Logger } from 'pino';

/**
 * JSON lines on stdout. Messages are event names (`lrp.claimed`), everything else is a field. Field names that usually
 * hold secrets are redacted, should one ever get here.
 */
export function createLogger(
  service: string,
  level = 'info',
  destination: { write(line: string): void } = standardOutput(),
): Logger {
  const options = {
    level,
    base: { service },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    mixin: () => {
      const trace = currentTrace();
      return trace === undefined ? {} : { traceId: trace.traceId };
    },
    redact: {
      paths: [
        'password',
        'token',
        'authorization',
        'credentials',
        '*.password',
        '*.token',
        '*.authorization',
        '*.credentials',
      ],
      censor: '[redacted]',
    },
    serializers: { err: (error: unknown) => serializeError(error) },
  };
  return pino(options, destination);
}

/**
 * Not pino's own destination: at the process's end that tries for ever to write what is left, also when nobody reads any
 * more, as when the supervisor was killed. There such lines are lost, and nothing else.
 */
function standardOutput(): { write(line: string): void } {
  if (!process.stdout.listeners('error').includes(onOutputError)) process.stdout.on('error', onOutputError);
  return { write: (line) => void process.stdout.write(line) };
}

function onOutputError(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

function serializeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) };
  const code = 'code' in error ? { code: error.code } : {};
  return { name: error.name, ...code, message: bounded(describeError(error)), stack: bounded(error.stack ?? '') };
}

/** A schema's error names every field that is wrong, megabytes of them at worst. */
function bounded(text: string): string {
  return text.length > MAX_ERROR_TEXT ? `${text.slice(0, MAX_ERROR_TEXT)}...` : text;
}

const MAX_ERROR_TEXT = 8_192;
