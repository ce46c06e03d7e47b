import { type Logger, pino, stdTimeFunctions } from 'pino';
import { describeError } from './errors.ts';
import { currentTrace } from './trace.ts';

export type { Logger } from 'pino';

/**
 * JSON lines on stdout. Messages are event names (`lrp.claimed`), everything else is a field. Field names that usually
 * hold secrets are redacted, should one ever get here.
 */
export function createLogger(service: string, level = 'info', destination?: { write(line: string): void }): Logger {
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
  return destination === undefined ? pino(options) : pino(options, destination);
}

function serializeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) };
  const code = 'code' in error ? { code: error.code } : {};
  return { name: error.name, ...code, message: describeError(error), stack: error.stack };
}
