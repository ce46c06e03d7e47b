import { z } from 'zod';
import { digestSchema, shortTextSchema } from './descriptor.ts';
import type { Digest } from './digest.ts';
import { OciError } from './errors.ts';
import { type ExposedPort, parseExposedPorts } from './exposed-ports.ts';
import { checkShape, parseJsonObject } from './json-document.ts';
import type { Platform } from './platform.ts';

/** An image's own health check, after Docker's `HealthConfig`. */
export interface ImageHealthcheck {
  /** `["NONE"]`, `["CMD", ...]` or `["CMD-SHELL", text]`. */
  readonly test: readonly string[];
  readonly intervalMs?: number;
  readonly timeoutMs?: number;
  readonly startPeriodMs?: number;
  readonly startIntervalMs?: number;
  readonly retries?: number;
}

/**
 * The fields of an image config (OCI image-spec `config.md`, Docker's `container.Config`) that Slipway uses. The rest,
 * labels above all, is never read: a config is data from strangers (CVE-2026-53488).
 */
export interface ImageConfig {
  /** Parts are empty when the config does not say. */
  readonly platform: Platform;
  /** `NAME=value`, verbatim; entries without a name or a "=" are left out, as Docker leaves them out. */
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  /** Empty when not set. */
  readonly workingDir: string;
  /** `name`, `uid`, `name:group`, `uid:gid`; empty when not set. */
  readonly user: string;
  /** tcp before udp before sctp, each ascending. */
  readonly exposedPorts: readonly ExposedPort[];
  readonly stopSignal?: string;
  readonly healthcheck?: ImageHealthcheck;
  /** What runs the text of a `CMD-SHELL` health check instead of `/bin/sh -c`; absent when not set. */
  readonly shell?: readonly string[];
  /** Paths, sorted. */
  readonly volumes: readonly string[];
  /** Lowest layer first. */
  readonly diffIds: readonly Digest[];
}

/**
 * Of ENV, ENTRYPOINT, CMD and HEALTHCHECK together, as JSON. Linux gives the arguments and variables of a program 2 MiB
 * in all (a quarter of the stack limit, execve(2)), and the platform's own variables need room beside these.
 */
const MAX_PROCESS_TEXT_BYTES = 1024 * 1024;

/** Far more than any real image; each becomes a directory. */
const MAX_VOLUMES = 1_000;

/** Text that becomes an argument, a variable or a path of a process: the kernel ends all of these at a NUL. */
const textSchema = z.string().refine((text) => !text.includes('\0'), 'contains a NUL character');
/** PATH_MAX of Linux. */
const pathSchema = textSchema.pipe(z.string().max(4096));
const textsSchema = z.array(textSchema);
/** Docker reads a lone string as a list of one (`strslice.StrSlice`). */
const argvSchema = z.union([textsSchema, textSchema.transform((text) => [text])]);
const setSchema = z.record(textSchema, z.unknown());
/** Go's `time.Duration`, in nanoseconds; 0 means "not set". */
const nanosecondsSchema = z.number().nonnegative();

const configSchema = z.object({
  os: shortTextSchema.nullish(),
  architecture: shortTextSchema.nullish(),
  variant: shortTextSchema.nullish(),
  rootfs: z.object({ type: z.literal('layers').optional(), diff_ids: z.array(digestSchema).nullish() }),
  config: z
    .object({
      Env: textsSchema.nullish(),
      Entrypoint: argvSchema.nullish(),
      Cmd: argvSchema.nullish(),
      WorkingDir: pathSchema.nullish(),
      User: textSchema.pipe(shortTextSchema).nullish(),
      ExposedPorts: setSchema.nullish(),
      StopSignal: textSchema.pipe(shortTextSchema).nullish(),
      Healthcheck: z
        .object({
          Test: textsSchema.nullish(),
          Interval: nanosecondsSchema.nullish(),
          Timeout: nanosecondsSchema.nullish(),
          StartPeriod: nanosecondsSchema.nullish(),
          StartInterval: nanosecondsSchema.nullish(),
          Retries: z.int().nonnegative().nullish(),
        })
        .nullish(),
      Shell: textsSchema.nullish(),
      Volumes: setSchema.nullish(),
    })
    .nullish(),
});

type RawConfig = NonNullable<z.infer<typeof configSchema>['config']>;

/** @throws OciError DOCUMENT_MALFORMED, DOCUMENT_TOO_LARGE or EXPOSED_PORT_INVALID */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  const what = 'image config';
  const document = checkShape(configSchema, parseJsonObject(bytes, what), what);
  const config: RawConfig = document.config ?? {};
  refuseHuge([config.Env, config.Entrypoint, config.Cmd, config.Healthcheck?.Test, config.Shell]);
  const volumes = Object.keys(config.Volumes ?? {}).sort();
  refuseManyVolumes(volumes);
  const healthcheck = parseHealthcheck(config.Healthcheck);
  return {
    platform: {
      os: document.os ?? '',
      architecture: document.architecture ?? '',
      ...(document.variant ? { variant: document.variant } : {}),
    },
    env: (config.Env ?? []).filter((entry) => entry.indexOf('=') > 0),
    entrypoint: config.Entrypoint ?? [],
    cmd: config.Cmd ?? [],
    workingDir: config.WorkingDir ?? '',
    user: config.User ?? '',
    exposedPorts: parseExposedPorts(Object.keys(config.ExposedPorts ?? {})),
    ...(config.StopSignal ? { stopSignal: config.StopSignal } : {}),
    ...(healthcheck ? { healthcheck } : {}),
    ...(config.Shell && config.Shell.length > 0 ? { shell: config.Shell } : {}),
    volumes,
    diffIds: document.rootfs.diff_ids ?? [],
  };
}

function refuseHuge(texts: unknown): void {
  const size = Buffer.byteLength(JSON.stringify(texts));
  const limit = MAX_PROCESS_TEXT_BYTES;
  if (size > limit) {
    throw new OciError(
      'DOCUMENT_TOO_LARGE',
      `ENV, ENTRYPOINT, CMD, SHELL and HEALTHCHECK have ${size} bytes together; at most ${limit} can be started with`,
      { details: { size, limit } },
    );
  }
}

function refuseManyVolumes(volumes: readonly string[]): void {
  if (volumes.length <= MAX_VOLUMES) return;
  throw new OciError(
    'DOCUMENT_TOO_LARGE',
    `the image has ${volumes.length} volumes; at most ${MAX_VOLUMES} are taken`,
    {
      details: { volumes: volumes.length, limit: MAX_VOLUMES },
    },
  );
}

/** An empty Test means "inherited" in a Dockerfile; in a finished image there is nothing to inherit from. */
function parseHealthcheck(raw: RawConfig['Healthcheck']): ImageHealthcheck | undefined {
  if (!raw?.Test || raw.Test.length === 0) {
    return undefined;
  }
  return {
    test: raw.Test,
    ...milliseconds('intervalMs', raw.Interval),
    ...milliseconds('timeoutMs', raw.Timeout),
    ...milliseconds('startPeriodMs', raw.StartPeriod),
    ...milliseconds('startIntervalMs', raw.StartInterval),
    ...(raw.Retries ? { retries: raw.Retries } : {}),
  };
}

function milliseconds<K extends string>(
  key: K,
  nanoseconds: number | null | undefined,
): { readonly [P in K]?: number } {
  return (nanoseconds ? { [key]: nanoseconds / 1_000_000 } : {}) as { readonly [P in K]?: number };
}
