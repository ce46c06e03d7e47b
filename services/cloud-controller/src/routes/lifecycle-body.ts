import { z } from 'zod';

const explain =
  'Slipway runs Docker images only: use the lifecycle type "docker" (cf push APP --docker-image IMAGE, or cf create-app APP --app-type docker)';

/** Only docker has an answer; the other lifecycles of Cloud Foundry are told so by name. */
export const lifecycleBody = z.strictObject({
  type: z.string().refine((type) => type === 'docker', explain),
  data: z.strictObject({}).optional(),
});
