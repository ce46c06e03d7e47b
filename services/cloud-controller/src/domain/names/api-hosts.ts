/** Hosts of other services on platforms with a host for each. */
const OTHERS = /^(?:uaa|login|log-cache)\./;

/** Where the API answers: every host of the platform, but for those of other services. */
export function apiHosts(systemHosts: readonly string[]): readonly string[] {
  return systemHosts.filter((host) => !OTHERS.test(host));
}
