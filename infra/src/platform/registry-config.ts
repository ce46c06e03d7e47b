import { randomBytes } from 'node:crypto';

/**
 * The configuration of docker-registry (CNCF Distribution) on a loopback port. YAML takes JSON as it is. With a file of
 * `passwords` (htpasswd, bcrypt) only those in it get in.
 */
export function renderRegistryConfig(port: number, storage: string, passwords?: string): string {
  return `${JSON.stringify(
    {
      version: 0.1,
      // Each challenge is a warning of its own.
      log: { level: passwords === undefined ? 'info' : 'error', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: storage }, delete: { enabled: true } },
      http: { addr: `127.0.0.1:${port}`, secret: randomBytes(16).toString('hex') },
      ...(passwords === undefined ? {} : { auth: { htpasswd: { realm: 'slipway', path: passwords } } }),
    },
    null,
    2,
  )}\n`;
}
