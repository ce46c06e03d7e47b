import { unprocessable } from '../errors.ts';
import {
  infoSchema,
  presentInfo,
  presentRoot,
  presentV2Info,
  presentV3Root,
  rootSchema,
  v2InfoSchema,
  v3RootSchema,
} from '../resources/root.ts';
import type { Api, ApiContext } from './api-context.ts';

/** What can be asked without a token. */
export function rootRoutes(api: Api, { link, ssh }: ApiContext): void {
  api.get('/', { schema: { response: { 200: rootSchema } } }, async () => presentRoot(link, ssh));
  api.get('/v3', { schema: { response: { 200: v3RootSchema } } }, async () => presentV3Root(link));
  api.get('/v2/info', { schema: { response: { 200: v2InfoSchema } } }, async () => presentV2Info(link));
  api.all('/v2/*', async () => {
    throw unprocessable('There is no API v2 here: use version 8 or later of the cf CLI, or API v3.');
  });
  api.get('/v3/info', { schema: { response: { 200: infoSchema } } }, async () => presentInfo(link));
}
