import { dockerEngineAnswers } from './docker-engine.ts';
import { postgresPrograms } from './postgres.ts';

/** What some tests need of the machine. They carry its name as a tag, and are skipped where it is not met. */
export interface TestNeed {
  readonly name: 'root' | 'own-docker' | 'docker' | 'postgres';
  /** Goes on after "they need ". */
  readonly what: string;
  readonly met: boolean;
}

/** All of them, as this machine and `env` are. */
export async function testNeeds(env: NodeJS.ProcessEnv = process.env): Promise<readonly TestNeed[]> {
  return [
    {
      name: 'root',
      what: 'root: mounts, namespaces, cgroups, containers and processes of other users are made by root alone',
      met: process.getuid?.() === 0,
    },
    {
      name: 'own-docker',
      what: 'a Docker engine of their own: SLIPWAY_TEST_DOCKER=1',
      met: env.SLIPWAY_TEST_DOCKER === '1',
    },
    {
      name: 'docker',
      what: 'a Docker engine that answers: SLIPWAY_TEST_DOCKER=1 starts one',
      // Who insists on containers wants to see that they cannot be had.
      met: env.SLIPWAY_TEST_REGISTRY === 'container' || (await dockerEngineAnswers(env)),
    },
    {
      name: 'postgres',
      what: 'PostgreSQL: apt-get install postgresql',
      met: postgresPrograms() !== undefined,
    },
  ];
}
