import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { serviceNames } from '@slipway/contracts';
import { generateSealingKeys } from '@slipway/service-kit';
import { z } from 'zod';
import { generateHostKey } from './ssh.ts';

const sealingKeysSchema = z.object({ publicKey: z.string().min(1), privateKey: z.string().min(1) });
const secretsSchema = z.object({
  adminPassword: z.string().min(1),
  /** base64 of 32 bytes, by service: each encrypts its own records. */
  encryptionKeys: z.object({ 'cloud-controller': z.string().min(1), uaa: z.string().min(1) }),
  stagerKeys: sealingKeysSchema,
  cellKeys: sealingKeysSchema,
  natsPasswords: z.record(z.enum(serviceNames), z.string().min(1)),
  /** What users' SSH clients know the platform by. Data directories of before have none. */
  sshHostKey: z.string().min(1).optional(),
});

type StoredSecrets = z.infer<typeof secretsSchema>;

/** What the platform keeps secret, generated once for each data directory. */
export type PlatformSecrets = z.infer<typeof secretsSchema> & { readonly sshHostKey: string };

/** Reads the secrets of this data directory, or makes them. `generated` is true when it made them. */
export async function loadSecrets(
  file: string,
  adminPassword: string | undefined,
): Promise<{ readonly secrets: PlatformSecrets; readonly generated: boolean }> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  const kept = text === undefined ? undefined : parseSecrets(file, text);
  const { sshHostKey = generateHostKey(), ...others } = kept ?? generateSecrets(adminPassword);
  const secrets = { ...others, sshHostKey };
  if (kept?.sshHostKey === undefined) {
    // A crash in between must not leave half a file: the databases can be read with the right keys only.
    await writeFile(`${file}.new`, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600, flush: true });
    await rename(`${file}.new`, file);
  }
  return { secrets, generated: kept === undefined };
}

/** Of the user admin, as it was at the first start of the platform with this data directory. */
export async function readAdminPassword(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const what = cause.code === 'ENOENT' ? 'does not exist' : 'cannot be read';
    const hint = 'set SLIPWAY_DATA_DIR, or SLIPWAY_ADMIN_PASSWORD, as the platform has it, and be who runs it';
    throw new Error(`${file} ${what}: ${hint}`, { cause });
  });
  return parseSecrets(file, text).adminPassword;
}

function parseSecrets(file: string, text: string): StoredSecrets {
  try {
    return secretsSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new Error(`${file} is damaged: restore it, or remove the whole data directory to begin anew`, { cause });
  }
}

function generateSecrets(adminPassword: string | undefined): StoredSecrets {
  const password = (): string => randomBytes(24).toString('base64url');
  const key = (): string => randomBytes(32).toString('base64');
  return {
    // Typed into commands: one that began with a dash would be taken for an option.
    adminPassword: adminPassword ?? randomBytes(16).toString('hex'),
    encryptionKeys: { 'cloud-controller': key(), uaa: key() },
    stagerKeys: generateSealingKeys(),
    cellKeys: generateSealingKeys(),
    natsPasswords: Object.fromEntries(serviceNames.map((name) => [name, password()])) as Record<
      (typeof serviceNames)[number],
      string
    >,
  };
}
