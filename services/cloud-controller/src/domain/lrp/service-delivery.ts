import type { LrpFiles } from '@slipway/contracts';
import type { BoundService } from './bound-service.ts';
import { databaseUrl } from './database-url.ts';
import { serviceEntry, vcapServices } from './vcap-services.ts';

/** How an app gets at its services: in a variable, as one file, or as a directory of files for each binding. */
export type ServiceMode = 'environment' | 'vcap-file' | 'k8s';

export type ServiceDelivery =
  | {
      readonly outcome: 'built';
      readonly variables: Readonly<Record<string, string>>;
      readonly files: readonly LrpFiles[];
    }
  | { readonly outcome: 'rejected'; readonly reason: string };

/** Cloud Foundry's; for path names and contents together. */
const MAX_BYTES = 1_000_000;
const ROOT = '/etc/cf-service-bindings';
const VCAP_FILE = 'vcap_services';

const BINDING_NAME = /^[a-z0-9\-.]{1,253}$/;
const FILE_NAME = /^[a-z0-9\-._]{1,253}$/;

type File = LrpFiles['files'][number];

/** The features of an app, as they are stored. Never both are on. */
export function serviceMode(app: {
  readonly service_binding_k8s_enabled: number;
  readonly file_based_vcap_services_enabled: number;
}): ServiceMode {
  if (app.service_binding_k8s_enabled === 1) return 'k8s';
  return app.file_based_vcap_services_enabled === 1 ? 'vcap-file' : 'environment';
}

/** What `cf env` shows of it (cloud_controller_ng `system_env_presenter.rb`). */
export function systemEnvironment(mode: ServiceMode, services: readonly BoundService[]): Record<string, unknown> {
  switch (mode) {
    case 'environment':
      return { VCAP_SERVICES: vcapServices(services) };
    case 'vcap-file':
      return { VCAP_SERVICES_FILE_PATH: `${ROOT}/${VCAP_FILE}` };
    case 'k8s':
      return { SERVICE_BINDING_ROOT: ROOT };
  }
}

/** Variables and files of what an app is bound to (cloud_controller_ng `service_binding_files_builder.rb`). */
export function deliverServices(mode: ServiceMode, services: readonly BoundService[]): ServiceDelivery {
  const url = databaseUrl(services);
  const database = url === undefined ? {} : { DATABASE_URL: url };
  if (mode === 'environment') {
    const variables = { VCAP_SERVICES: JSON.stringify(vcapServices(services)), ...database };
    return { outcome: 'built', variables, files: [] };
  }
  const result = mode === 'k8s' ? bindingFiles(services) : vcapFile(services);
  if (typeof result === 'string') return rejected(result);
  const bytes = result.reduce((sum, { path, content }) => sum + byteLength(path) + byteLength(content), 0);
  if (bytes > MAX_BYTES) return rejected(`Bindings exceed the maximum allowed bytesize of ${MAX_BYTES}: ${bytes}`);
  const variables = Object.entries(systemEnvironment(mode, services)).map(([name, value]) => [name, String(value)]);
  return {
    outcome: 'built',
    variables: { ...Object.fromEntries(variables), ...database },
    files: [{ destination: ROOT, files: result }],
  };
}

function vcapFile(services: readonly BoundService[]): File[] {
  return [{ path: VCAP_FILE, content: JSON.stringify(vcapServices(services)) }];
}

/** Files, or what is wrong with the bindings. Their own fields come over credentials of the same name. */
function bindingFiles(services: readonly BoundService[]): File[] | string {
  const files = new Map<string, string>();
  const names = new Set<string>();
  for (const service of services) {
    const { credentials, ...entry } = serviceEntry(service);
    const { name, label } = entry;
    if (!isPlain(BINDING_NAME, name)) return `Invalid binding name: '${name}'. Name must match ${BINDING_NAME}`;
    if (names.has(name)) return `Duplicate binding name: ${name}`;
    names.add(name);
    const fields = [...Object.entries(credentials), ...Object.entries(entry), ['type', label], ['provider', label]];
    for (const [key, value] of fields as [string, unknown][]) {
      if (!isPlain(FILE_NAME, key)) return `Invalid file name: ${key}`;
      const content = contentOf(value);
      if (content !== undefined) files.set(`${name}/${key}`, content);
    }
  }
  return [...files].map(([path, content]) => ({ path, content }));
}

/** Cloud Foundry's rule, and none that stands for a directory. */
function isPlain(rule: RegExp, name: string): boolean {
  return rule.test(name) && name !== '.' && name !== '..';
}

/** Text as it is, else JSON; nothing for null and what is empty. */
function contentOf(value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && Object.keys(value).length === 0) return undefined;
  return JSON.stringify(value);
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

function rejected(problem: string): ServiceDelivery {
  return { outcome: 'rejected', reason: `Cannot build service binding files for app - ${problem}` };
}
