import { z } from 'zod';

/** What is sealed in `credentials` fields. */
export const registryCredentialsSchema = z.object({ username: z.string(), password: z.string() });
export type RegistryCredentials = z.infer<typeof registryCredentialsSchema>;

/** Reads them from an opened box. The error quotes nothing of the text, as JSON's own would: it may be the password. */
export function parseRegistryCredentials(text: string): RegistryCredentials {
  try {
    return registryCredentialsSchema.parse(JSON.parse(text));
  } catch {
    throw new Error('the sealed credentials are no user name and password');
  }
}
