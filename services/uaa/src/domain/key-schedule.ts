/** Milliseconds since the epoch. */
export interface KeyTimes {
  readonly kid: string;
  /** Not used to sign before that, so that everyone who serves or caches keys knows it by then. */
  readonly activatesAt: number;
  /** Not served from then on; undefined while no newer key replaces it. */
  readonly expiresAt: number | undefined;
}

/** A new key is served this long before it signs: longer than the keys are reloaded apart. */
const ACTIVATION_DELAY_MS = 60_000;
/** Beyond the last token's end, for clocks that differ. */
const EXPIRY_MARGIN_MS = 3_600_000;

/** The newest key that is active signs. */
export function signingKey<K extends KeyTimes>(keys: readonly K[], now: number): K | undefined {
  return servedKeys(keys, now).find((key) => key.activatesAt <= now);
}

/** The keys that are served, newest first. */
export function servedKeys<K extends KeyTimes>(keys: readonly K[], now: number): K[] {
  return keys
    .filter((key) => key.expiresAt === undefined || key.expiresAt > now)
    .toSorted((a, b) => b.activatesAt - a.activatesAt || (a.kid < b.kid ? -1 : 1));
}

export interface Rotation {
  readonly activatesAt: number;
  /** When the keys that are there now can go: when the last token that they sign has expired. */
  readonly othersExpireAt: number;
}

export function planRotation(now: number, tokenLifetimeMs: number): Rotation {
  const activatesAt = now + ACTIVATION_DELAY_MS;
  return { activatesAt, othersExpireAt: activatesAt + ACTIVATION_DELAY_MS + tokenLifetimeMs + EXPIRY_MARGIN_MS };
}
