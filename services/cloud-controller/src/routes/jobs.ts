import type { FastifyReply } from 'fastify';
import type { JobRow } from '../adapters/sql/schema.ts';
import { notFound } from '../errors.ts';
import { jobSchema, presentJob } from '../resources/job.ts';
import type { Links } from '../resources/shapes.ts';
import type { Api, ApiContext } from './api-context.ts';
import { guidParameters } from './bodies.ts';

/** 202 with the job's absolute address; no other answer has a Location, for the cf CLI polls whatever it finds there. */
export function jobAccepted(reply: FastifyReply, link: Links, job: JobRow): FastifyReply {
  return reply
    .code(202)
    .header('location', link(`/v3/jobs/${job.guid}`).href)
    .send();
}

/** A job's guid is known only to whoever started it. */
export function jobRoutes(api: Api, { db, link }: ApiContext): void {
  api.get('/v3/jobs/:guid', { schema: { params: guidParameters, response: { 200: jobSchema } } }, async (request) => {
    const row = await db.selectFrom('jobs').selectAll().where('guid', '=', request.params.guid).executeTakeFirst();
    if (row === undefined) throw notFound('Job');
    return presentJob(row, link);
  });
}
