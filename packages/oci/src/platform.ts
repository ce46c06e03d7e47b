import { OciError } from './errors.ts';
import { printable } from './printable.ts';

/** An operating system and a processor in Go's words (OCI image-spec `image-index.md`). */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** Node's `process.arch` in Go's words, where they differ. */
const NODE_ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' };

/**
 * The platform that containers on this machine have. `armVersion` is `process.config.variables.arm_version`: a 32-bit
 * arm build of Node knows it, and only there does it matter.
 */
export function hostPlatform(arch: string = process.arch, armVersion?: string): Platform {
  const architecture = NODE_ARCHITECTURES[arch] ?? arch;
  return normalizePlatform({
    os: 'linux',
    architecture,
    ...(architecture === 'arm' ? { variant: `v${armVersion ?? '7'}` } : {}),
  });
}

/** Other names of architectures that are seen in images (containerd `platforms/database.go`). */
const SYNONYMS: Readonly<Record<string, Platform>> = {
  x86_64: { os: '', architecture: 'amd64' },
  'x86-64': { os: '', architecture: 'amd64' },
  aarch64: { os: '', architecture: 'arm64' },
  armhf: { os: '', architecture: 'arm', variant: 'v7' },
  armel: { os: '', architecture: 'arm', variant: 'v6' },
  i386: { os: '', architecture: '386' },
};

/** The variants that say no more than the architecture does. */
const DEFAULT_VARIANTS: Readonly<Record<string, string>> = { amd64: 'v1', arm64: 'v8' };

/** One spelling for each platform: lower case, Go's names, no variant that is the default one, `v7` for bare arm. */
export function normalizePlatform(platform: Platform): Platform {
  const os = platform.os.toLowerCase();
  const given = platform.architecture.toLowerCase();
  const synonym = SYNONYMS[given];
  const architecture = synonym?.architecture ?? given;
  let variant = (platform.variant ?? '').toLowerCase() || (synonym?.variant ?? '');
  if (/^\d+$/.test(variant)) {
    variant = `v${variant}`;
  }
  if (variant === DEFAULT_VARIANTS[architecture]) {
    variant = '';
  }
  if (variant === '' && architecture === 'arm') {
    variant = 'v7';
  }
  return { os, architecture, ...(variant === '' ? {} : { variant }) };
}

export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join('/');
}

/**
 * How well an image of platform `image` runs on `machine`: 0 is a perfect fit, greater is worse, undefined is not at
 * all. 32-bit arm runs its own variant and the older ones; a 64-bit machine is never given 32-bit images, for not every
 * one can run them.
 */
export function platformDistance(machine: Platform, image: Platform): number | undefined {
  const have = normalizePlatform(machine);
  const want = normalizePlatform(image);
  if (have.os !== want.os || have.architecture !== want.architecture) {
    return undefined;
  }
  if (have.architecture === 'arm' || have.architecture === 'amd64') {
    const distance = variantLevel(have) - variantLevel(want);
    return distance >= 0 ? distance : undefined;
  }
  return have.variant === want.variant ? 0 : undefined;
}

/** `v7` is 7; none is the default, 1; a name that is no level fits nobody. */
function variantLevel({ variant }: Platform): number {
  if (variant === undefined) {
    return 1;
  }
  return /^v\d{1,3}$/.test(variant) ? Number(variant.slice(1)) : Number.NaN;
}

/** An entry that could be chosen. */
export interface PlatformCandidate {
  readonly platform?: Platform | undefined;
}

/**
 * The entry of an index that fits the machine best; the first of equals, as the image-spec says. An entry without a
 * platform is taken only when nothing else fits and it is alone: it can only be meant for everybody.
 *
 * @throws OciError PLATFORM_UNAVAILABLE, with the platforms that there are
 */
export function selectPlatform<T extends PlatformCandidate>(machine: Platform, candidates: readonly T[]): T {
  let best: { readonly candidate: T; readonly distance: number } | undefined;
  for (const candidate of candidates) {
    const distance = candidate.platform === undefined ? undefined : platformDistance(machine, candidate.platform);
    if (distance !== undefined && (best === undefined || distance < best.distance)) {
      best = { candidate, distance };
    }
  }
  const [only] = candidates;
  const chosen = best?.candidate ?? (candidates.length === 1 && only?.platform === undefined ? only : undefined);
  if (chosen === undefined) {
    throw platformUnavailable(
      machine,
      candidates.map((candidate) => candidate.platform),
    );
  }
  return chosen;
}

/** Of what an image has instead; the Docker official images have a dozen. */
const MAX_LISTED = 20;

/** The error that lists what an image has instead. */
export function platformUnavailable(machine: Platform, present: readonly (Platform | undefined)[]): OciError {
  const wanted = formatPlatform(normalizePlatform(machine));
  const all = [...new Set(present.map((each) => (each === undefined ? 'unspecified' : formatPlatform(each))))];
  const names = all.slice(0, MAX_LISTED).map((name) => printable(name));
  const more = all.length > MAX_LISTED ? ` and ${all.length - MAX_LISTED} more` : '';
  const has = names.length === 0 ? 'no platform at all' : `only ${names.join(', ')}${more}`;
  return new OciError('PLATFORM_UNAVAILABLE', `the image has no variant for ${wanted}; it has ${has}`, {
    details: { wanted, present: names },
  });
}
