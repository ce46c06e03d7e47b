import { commonSettings } from '@slipway/service-kit';
import { z } from 'zod';

/** The scheduler has no settings of its own: what it goes by (TTLs, back-off, weights) is Diego's and in the code. */
export const configSchema = z.object({ ...commonSettings });
export type Config = z.output<typeof configSchema>;
