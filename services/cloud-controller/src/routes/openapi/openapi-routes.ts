import { z } from 'zod';
import type { Api, ApiContext } from '../api-context.ts';
import { openApiDocument } from './document.ts';
import type { RegisteredRoute } from './routes-of.ts';

/** `GET /v3/openapi.json`: what the API takes and answers, for whoever asks. */
export function openApiRoutes(api: Api, { link }: ApiContext, routes: () => readonly RegisteredRoute[]): void {
  let document: Record<string, unknown> | undefined;
  const response = { 200: z.record(z.string(), z.unknown()) };
  api.get('/v3/openapi.json', { schema: { summary: 'This document', response } }, async () => {
    document ??= openApiDocument(routes(), link('').href);
    return document;
  });
}
