import { randomBytes } from 'node:crypto';

/** The configuration of docker-registry (CNCF Distribution) on a loopback port. YAML takes JSON as it is. */
export function renderRegistryConfig(port: number, storage: string): string {
  return `${JSON.stringify(
    {
      version: 0.1,
      log: { level: 'info', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: storage }, delete: { enabled: true } },
      http: { addr: `127.0.0.1:${port}`, secret: randomBytes(16).toString('hex') },
    },
    null,
    2,
  )}\n`;
}
