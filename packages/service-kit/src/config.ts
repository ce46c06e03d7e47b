import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { CodedError, kitErrors } from './errors.ts';
import { secretSchema } from './secret.ts';

/** Names every setting that is wrong, not only the first. */
export class ConfigError extends CodedError {
  constructor(service: string, problems: readonly string[]) {
    super(
      'CONFIG_INVALID',
      kitErrors.CONFIG_INVALID.kind,
      `${service}: bad settings:\n${problems.map((p) => `  ${p}`).join('\n')}`,
      {
        details: { problems },
      },
    );
  }
}

/**
 * Reads a service's settings from the environment. A setting `X` may be given as `X_FILE`, the path of a file that
 * holds it, so that secrets need not be in the environment. `GIVEN_SETTINGS` lists with commas what an operator has set
 * by hand: each must be a setting of this service. Throws ConfigError.
 */
export function loadConfig<T extends z.ZodObject>(
  service: string,
  schema: T,
  env: Readonly<Record<string, string | undefined>>,
): z.output<T> {
  const values: Record<string, string> = {};
  const problems: string[] = [];
  for (const name of Object.keys(schema.shape)) {
    const value = env[name];
    const file = env[`${name}_FILE`];
    if (value !== undefined && value !== '') values[name] = value;
    else if (file !== undefined && file !== '') {
      try {
        values[name] = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
      } catch (error) {
        problems.push(`${name}_FILE: cannot read ${file}: ${(error as Error).message}`);
      }
    }
  }
  // What an operator wrote and nobody reads is a mistake of his that would show much later.
  for (const name of (env.GIVEN_SETTINGS ?? '').split(',').filter((given) => given !== '')) {
    const known = [name, name.replace(/_FILE$/, '')].some((each) => Object.hasOwn(schema.shape, each));
    if (!known) problems.push(`${name}: there is no such setting`);
  }
  const result = schema.safeParse(values);
  if (!result.success) {
    for (const issue of result.error.issues) {
      const name = issue.path.join('.');
      if (!problems.some((p) => p.startsWith(`${name}_FILE`))) {
        problems.push(`${name}: ${values[name] === undefined ? 'not set' : issue.message}`);
      }
    }
  }
  if (problems.length > 0 || !result.success) throw new ConfigError(service, problems);
  return result.data;
}

const integer = (min: number, max: number): z.ZodType<number> =>
  z.string().regex(/^\d+$/, 'expected a whole number').transform(Number).pipe(z.int().min(min).max(max));

/** Builders for the settings that services share. */
export const settings = {
  port: (fallback?: number) => (fallback === undefined ? integer(0, 65_535) : integer(0, 65_535).default(fallback)),
  integer: (fallback: number, min = 0, max: number = Number.MAX_SAFE_INTEGER) => integer(min, max).default(fallback),
  milliseconds: (fallback: number) => integer(1, 24 * 3_600_000).default(fallback),
  boolean: (fallback: boolean) =>
    z
      .enum(['true', 'false', '1', '0'])
      .transform((v) => v === 'true' || v === '1')
      .default(fallback),
  list: (fallback: readonly string[] = []) =>
    z
      .string()
      .transform((v) =>
        v
          .split(',')
          .map((item) => item.trim())
          .filter((item) => item !== ''),
      )
      .default([...fallback]),
} as const;

/** User and password have settings of their own: in a URL they would be printed. */
function isNatsUrls(text: string): boolean {
  return text.split(',').every((url) => /^(?:nats|tls):\/\/[^/@\s]+$/.test(url) && URL.canParse(url));
}

/** What every service is told. */
export const commonSettings = {
  /** E.g. `nats://127.0.0.1:4222`; several with commas. */
  NATS_URL: z.string().refine(isNatsUrls, 'expected nats://host:port, several with commas'),
  NATS_USER: z.string().min(1),
  NATS_PASSWORD: secretSchema,
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  /** Serves /healthz, /readyz and /metrics on loopback; 0 picks a free port. */
  HEALTH_PORT: settings.port(0),
} as const;
