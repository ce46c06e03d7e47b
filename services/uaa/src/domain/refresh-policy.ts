/**
 * Whether a refresh answers with a new refresh token. Old and new hold side by side until each one's own end: a client
 * may lose the answer, and copies of a CLI's login (a CI cache) refresh on their own. So a login that is used at least
 * once in each half of the lifetime never ends, and one that is not used ends after the lifetime.
 */
export function renewsRefreshToken(createdAt: number, expiresAt: number, now: number): boolean {
  return now - createdAt > (expiresAt - createdAt) / 2;
}
