import { z } from 'zod';

const text = z.string().min(1);

/** `prefix` and `tags` of a mirror; its certificates and credentials are those of its own entry in `registries`. */
const mirrorSchema = z.union([text, z.strictObject({ location: text, tags: z.boolean().default(true) })], {
  error: 'expected host[:port][/prefix], or {location, tags}',
});

const helperSchema = z.union(
  [text, z.strictObject({ program: text, environment: z.record(z.string(), z.string()).default({}) })],
  { error: 'expected the name of a program docker-credential-<name>, or {program, environment}' },
);

const clientCertificateSchema = z.strictObject({
  certificate: text.optional(),
  certificateFile: text.optional(),
  key: text.optional(),
  keyFile: text.optional(),
});

const registrySchema = z.strictObject({
  mirrors: z.array(mirrorSchema).default([]),
  username: text.optional(),
  password: text.optional(),
  passwordFile: text.optional(),
  credentialHelper: helperSchema.optional(),
  ca: text.optional(),
  caFile: text.optional(),
  clientCertificate: clientCertificateSchema.optional(),
});

/** The shape of the registries settings file; docs/registries.md explains each key. */
export const settingsSchema = z.strictObject({
  plainHttp: z.array(text).default([]),
  unverifiedTls: z.array(text).default([]),
  trustedTokenHosts: z.array(text).default([]),
  // `key:` without anything under it is null.
  registries: z.record(z.string(), registrySchema.nullable()).default({}),
});

export type SettingsDocument = z.output<typeof settingsSchema>;
export type RegistryDocument = z.output<typeof registrySchema>;
