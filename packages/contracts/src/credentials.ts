import { z } from 'zod';

/** What is sealed in `credentials` fields. */
export const registryCredentialsSchema = z.object({ username: z.string(), password: z.string() });
export type RegistryCredentials = z.infer<typeof registryCredentialsSchema>;
