import type { FlowSession } from './flow.ts';

/** The host of an app's default route. */
export const hostOf = (app: string): string => `${app}.apps.localhost`;

/** Asks the app's default route until it answers so; 404 is what the router says when there is no such route. */
export async function expectStatus(
  session: FlowSession,
  app: string,
  status: number,
  path = '/version.txt',
): Promise<void> {
  await session.eventually(`${hostOf(app)}${path} answers ${status}`, async () => {
    const answer = await session.api.fetch(hostOf(app), path);
    if (answer.status !== status) throw new Error(`it answers ${answer.status}`);
  });
}

/** What the app sees of its environment. */
export async function expectEnvironment(session: FlowSession, app: string, wanted: RegExp): Promise<void> {
  await session.eventually(`the environment of ${app} has ${wanted}`, async () => {
    const { body } = await session.api.fetch(hostOf(app), '/cgi-bin/env');
    if (!wanted.test(body)) throw new Error(`it is ${body.slice(0, 2_000)}`);
  });
}
