import { expect, test } from 'vitest';
import { describeOperation } from './describe-operation.ts';

test.each([
  ['GET', '/', 'getRoot', 'Links to the APIs of the platform', 'Root'],
  ['GET', '/v3/apps', 'listApps', 'List apps', 'Apps'],
  ['POST', '/v3/apps', 'createApp', 'Create an app', 'Apps'],
  ['GET', '/v3/apps/:guid', 'getApp', 'Get an app', 'Apps'],
  ['POST', '/v3/apps/:guid/actions/start', 'startApp', 'Start an app', 'Apps'],
  ['POST', '/v3/spaces/:guid/actions/apply_manifest', 'applyManifestSpace', 'Apply manifest to a space', 'Spaces'],
  ['GET', '/v3/apps/:guid/droplets/current', 'getAppCurrentDroplet', 'Get a current droplet of an app', 'Apps'],
  ['GET', '/v3/apps/:guid/revisions/deployed', 'listAppDeployedRevisions', 'List deployed revisions of an app', 'Apps'],
  ['GET', '/v3/apps/:guid/processes/:type/stats', 'getAppProcessStats', 'Get stats of a process of an app', 'Apps'],
  [
    'DELETE',
    '/v3/routes/:guid/relationships/shared_spaces/:space',
    'removeRouteSharedSpace',
    'Remove a shared space of a route',
    'Routes',
  ],
  ['GET', '/internal/v4/log_access/:guid', 'getLogAccess', 'Get a log access', 'Log access'],
  ['DELETE', '/v3/buildpacks/*', 'deleteBuildpackPath', 'Delete a path of a buildpack', 'Buildpacks'],
])('%s %s is %s', (method, path, operationId, summary, tag) => {
  expect(describeOperation(method, path)).toEqual({ operationId, summary, tag });
});
