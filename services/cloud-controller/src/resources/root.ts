import { z } from 'zod';
import { type Links, linkSchema } from './shapes.ts';

/**
 * The version of Cloud Foundry's API that this speaks. The cf CLI asks nothing of 3.195 that is missing here, and takes
 * from 3.211 on the list of processes with their instances for granted.
 */
export const API_VERSION = '3.195.0';

const versionedLinkSchema = linkSchema.extend({ meta: z.object({ version: z.string() }) });

/** Of what is no web address: a host and a port. */
const sshLinkSchema = z.object({
  href: z.string(),
  meta: z.object({
    host_key_fingerprint: z.string(),
    /** Slipway's own: the same key as older clients show it. */
    host_key_fingerprint_md5: z.string(),
    oauth_client: z.string(),
  }),
});

/** Where users log in to instances, and how their clients know the host. */
export interface SshEndpoint {
  /** `host:port`. */
  readonly address: string;
  /** base64 of the SHA-256 of its public key, without padding, as OpenSSH shows it. */
  readonly fingerprint: string;
  /** Of the MD5, in hexadecimal with colons. */
  readonly md5Fingerprint: string;
}

/** uaa's client, which the cf CLI asks one-time codes for. */
const SSH_CLIENT = 'ssh-proxy';

export const rootSchema = z
  .object({
    links: z.object({
      self: linkSchema,
      bits_service: z.null(),
      cloud_controller_v2: z.null(),
      cloud_controller_v3: versionedLinkSchema,
      network_policy_v0: z.null(),
      network_policy_v1: linkSchema,
      login: linkSchema,
      uaa: linkSchema,
      credhub: z.null(),
      routing: linkSchema,
      logging: z.null(),
      log_cache: linkSchema,
      log_stream: z.null(),
      app_ssh: sshLinkSchema.nullable(),
    }),
  })
  .meta({ id: 'Root' });

/** `GET /`: where everything is; null is what Slipway does not have. The cf CLI reads this first. */
export function presentRoot(link: Links, ssh: SshEndpoint | undefined): z.infer<typeof rootSchema> {
  return {
    links: {
      self: link(''),
      bits_service: null,
      cloud_controller_v2: null,
      cloud_controller_v3: { ...link('/v3'), meta: { version: API_VERSION } },
      network_policy_v0: null,
      network_policy_v1: link('/networking/v1/external'),
      login: link('/uaa'),
      uaa: link('/uaa'),
      credhub: null,
      routing: link('/routing'),
      logging: null,
      log_cache: link(''),
      log_stream: null,
      app_ssh: ssh === undefined ? null : presentSsh(ssh),
    },
  };
}

function presentSsh({ address, fingerprint, md5Fingerprint }: SshEndpoint): z.infer<typeof sshLinkSchema> {
  return {
    href: address,
    meta: {
      host_key_fingerprint: fingerprint,
      host_key_fingerprint_md5: md5Fingerprint,
      oauth_client: SSH_CLIENT,
    },
  };
}

const v3Resources = [
  'app_usage_events',
  'apps',
  'audit_events',
  'builds',
  'deployments',
  'domains',
  'droplets',
  'feature_flags',
  'isolation_segments',
  'organization_quotas',
  'organizations',
  'packages',
  'processes',
  'roles',
  'routes',
  'service_credential_bindings',
  'service_instances',
  'service_usage_events',
  'space_quotas',
  'spaces',
  'tasks',
  'users',
] as const;

export const v3RootSchema = z.object({ links: z.record(z.string(), linkSchema) }).meta({ id: 'V3Root' });

/** `GET /v3`: the collections there are. */
export function presentV3Root(link: Links): z.infer<typeof v3RootSchema> {
  return {
    links: {
      self: link('/v3'),
      ...Object.fromEntries(v3Resources.map((name) => [name, link(`/v3/${name}`)])),
    },
  };
}

export const infoSchema = z
  .object({
    build: z.string(),
    cli_version: z.object({ minimum: z.string(), recommended: z.string() }),
    custom: z.object({}),
    description: z.string(),
    name: z.string(),
    version: z.int(),
    links: z.object({ self: linkSchema, support: linkSchema }),
  })
  .meta({ id: 'Info' });

/** `GET /v3/info`. */
export function presentInfo(link: Links): z.infer<typeof infoSchema> {
  return {
    build: '',
    cli_version: { minimum: '', recommended: '' },
    custom: {},
    description: "Cloud Foundry's Docker support on machines you own",
    name: 'Slipway',
    version: 0,
    links: { self: link('/v3/info'), support: link('') },
  };
}

export const v2InfoSchema = z.object({
  name: z.string(),
  build: z.string(),
  support: z.string(),
  version: z.int(),
  description: z.string(),
  authorization_endpoint: z.url(),
  token_endpoint: z.url(),
  min_cli_version: z.null(),
  min_recommended_cli_version: z.null(),
  api_version: z.string(),
});

/** `GET /v2/info`, as Cloud Foundry answers it once its API v2 is switched off: old clients learn why they fail. */
export function presentV2Info(link: Links): z.infer<typeof v2InfoSchema> {
  const { name, build, version, description } = presentInfo(link);
  return {
    name,
    build,
    support: 'CF API v2 is disabled',
    version,
    description,
    authorization_endpoint: link('/uaa').href,
    token_endpoint: link('/uaa').href,
    min_cli_version: null,
    min_recommended_cli_version: null,
    api_version: '',
  };
}
