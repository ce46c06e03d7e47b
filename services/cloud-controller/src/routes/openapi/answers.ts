import { z } from 'zod';

/** What the API's description says of a body, of a request or an answer, beyond its schema. */
export interface BodyNotes {
  /** Default: JSON. */
  readonly contentType?: string;
  readonly description?: string;
  /** Headers that an answer always has, and what each says. */
  readonly headers?: Readonly<Record<string, string>>;
}

export const bodyNotes = z.registry<BodyNotes>();

export const YAML_TYPE = 'application/x-yaml';

/** `response` of an endpoint that answers with YAML. */
export const yamlResponse = {
  200: z.string().register(bodyNotes, { contentType: YAML_TYPE, description: 'A document.' }),
} as const;

/** `response` of an endpoint that starts a job. */
export const jobResponse = {
  202: z.undefined().register(bodyNotes, {
    description: 'A job was started.',
    headers: { Location: 'Absolute address of the job.' },
  }),
} as const;

/** `response` of an endpoint that has nothing to say but that it worked. */
export const emptyResponse = { 204: z.undefined().register(bodyNotes, { description: 'It was done.' }) } as const;
